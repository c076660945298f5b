//! A node that takes the sessions of a dead one.

use std::sync::Arc;

use hubwire_hub::{Effect, Limits, Luggage, Shard};
use hubwire_protocol::ConnectionId;

use super::client::{hub, opening};
use super::node::{Node, log_settings};
use crate::nats::ledger::Ledger;
use crate::nats::replay::{Found, Replay};
use crate::nats::takeover::Swept;

const DEAD: u32 = 0x2000;

/// What the registry keeps of a session that has just begun.
fn kept(id: ConnectionId, limits: &Arc<Limits>) -> Luggage {
    let mut shard = Shard::new(limits.clone());
    shard.set_logged(log_settings(limits).logged);
    shard.connect(opening(id));
    let keep = |effect| if let Effect::Keep(session) = effect { Some(*session) } else { None };
    shard.take_effects().into_iter().find_map(keep).expect("it is to be kept")
}

#[test]
fn sessions_are_not_looked_for_where_they_have_not_arrived() {
    let limits = Arc::new(Limits::default());
    let settings = Arc::new(log_settings(&limits));
    let mut node = Node::with_log(0x1000, &limits, &settings.logged, 1);
    node.mesh.begin_log(Ledger::new(settings.clone(), 0, 1, 1));
    let id = ConnectionId::on_node(7, DEAD, 0);
    let found = vec![Found { session: kept(id, &limits), revision: 1, owner: DEAD }];
    let replay = Some(Box::new(Replay::new(found, &settings)));
    node.mesh.swept(Some(Swept { nodes: vec![DEAD], replay, ended: Vec::new(), again: false }));
    // Others hear in its hello whose sessions it has, and send clients that come for them.
    assert!(node.workers[0].shard.resume(&hub(), id, 1).is_none());
    assert!(node.mesh.keeper_of().is_empty());
    node.turn(Vec::new(), 2);
    node.mesh.restored(&[DEAD], 1);
    assert_eq!(node.mesh.keeper_of(), [DEAD]);
    assert!(node.workers[0].shard.resume(&hub(), id, 2).is_some());
}
