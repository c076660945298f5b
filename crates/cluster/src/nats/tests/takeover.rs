//! A node that takes the sessions of a dead one.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use hubwire_hub::{Act, Effect, Ending, Entry, Limits, Luggage, Shard};
use hubwire_protocol::{ConnectionId, json};
use prost::Message;

use super::client::{hub, opening};
use super::memory_streams::MemoryStreams;
use super::node::{LEASE_MS, Node, context, log_settings};
use super::speaker::plain;
use crate::hashing::Hashing;
use crate::nats::ledger::Ledger;
use crate::nats::log_errands;
use crate::nats::log_schema::NodeRecord;
use crate::nats::mesh::Errand;
use crate::nats::pieces::Line;
use crate::nats::registry::Stored;
use crate::nats::replay::{Found, Replay};
use crate::nats::schema::{Body, Datagram, Hello, VERSION_OF_PUBLISHERS};
use crate::nats::streams::Streams;
use crate::nats::sweeping;
use crate::nats::takeover::{Sweep, Swept};

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
    node.mesh.swept(Some(Swept { nodes: vec![DEAD], replay, ended: Vec::new(), term: 1, again: false }));
    // Others hear in its hello whose sessions it has, and send clients that come for them.
    assert!(node.workers[0].shard.resume(&hub(), id, 1).is_none());
    assert!(node.mesh.keeper_of().is_empty());
    node.turn(Vec::new(), 2);
    node.mesh.restored(&[DEAD], 1);
    assert_eq!(node.mesh.keeper_of(), [DEAD]);
    assert!(node.workers[0].shard.resume(&hub(), id, 2).is_some());
}

#[test]
fn sessions_are_not_taken_in_before_the_log_was_read_as_far_as_their_node_had_read_it() {
    let limits = Arc::new(Limits::default());
    let settings = Arc::new(log_settings(&limits));
    let mut node = Node::with_log(0x1000, &limits, &settings.logged, 1);
    node.mesh.begin_log(Ledger::new(settings.clone(), 4, 1, 1));
    let id = ConnectionId::on_node(7, DEAD, 0);
    let swept = || {
        let session = Luggage { position: 5, ..kept(id, &limits) };
        let replay = Replay::new(vec![Found { session, revision: 1, owner: DEAD }], &settings);
        let replay = Some(Box::new(replay));
        Swept { nodes: vec![DEAD], replay, ended: Vec::new(), term: 1, again: false }
    };
    node.mesh.swept(Some(swept()));
    node.turn(Vec::new(), 2);
    assert!(node.workers[0].shard.resume(&hub(), id, 2).is_none(), "the fifth entry would be applied again");
    node.mesh.take_line(5, Line::Piece);
    node.mesh.swept(Some(swept()));
    node.turn(Vec::new(), 3);
    assert!(node.workers[0].shard.resume(&hub(), id, 3).is_some());
}

#[test]
fn the_record_of_a_dead_node_stays_until_all_that_it_left_to_be_said_is_in_the_log() {
    let limits = Arc::new(Limits::default());
    let settings = Arc::new(log_settings(&limits));
    let mut node = Node::with_log(0x1000, &limits, &settings.logged, 1);
    node.mesh.begin_log(Ledger::new(settings.clone(), 0, 1, 1));
    let mut shard = Shard::new(limits.clone());
    shard.set_logged(settings.logged.clone());
    let key = shard.connect(opening(ConnectionId::on_node(7, DEAD, 0)));
    shard.disconnect(key, Ending::Normal(String::new()), 1);
    let part = |effect| if let Effect::Forget(parting) = effect { Some(*parting) } else { None };
    let mut parting = shard.take_effects().into_iter().find_map(part).expect("it has ended");
    parting.farewells = vec![Entry { hub: hub(), author: None, act: Act::Remember }];
    let ended = vec![(parting, 5, DEAD)];
    node.mesh.swept(Some(Swept { nodes: vec![DEAD], replay: None, ended, term: 1, again: false }));
    node.mesh.restored(&[DEAD], 0);
    let mut now_ms = 1;
    // Goes through checkpoints, and answers what has been wanted meanwhile.
    let mut checkpoints = |node: &mut Node| {
        let mut wanted = Vec::new();
        for revision in 2..6 {
            now_ms += settings.checkpoint_interval_ms;
            node.turn(Vec::new(), now_ms);
            node.mesh.checkpoint(0, Some(Vec::new()));
            node.mesh.checkpointed(Stored::Revision(revision));
            node.turn(Vec::new(), now_ms);
            wanted.append(&mut node.wanted);
        }
        wanted
    };
    let erases = |wanted: &[Errand]| wanted.iter().any(|errand| matches!(errand, Errand::EraseNode(DEAD)));
    let wanted = checkpoints(&mut node);
    assert!(!erases(&wanted), "should this node die now, it is found by that record only");
    let waiter = |errand| if let Errand::Append(append) = errand { Some(append.waiter) } else { None };
    let waiter = wanted.into_iter().find_map(waiter).expect("it is to be said");
    node.mesh.appended(waiter, 0, Ok(None));
    assert!(erases(&checkpoints(&mut node)));
}

/// What comes of something that the registry in memory answers at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut context()) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the registry in memory answers at once"),
    }
}

#[test]
fn a_node_begins_although_the_registry_does_not_answer_at_first() {
    for seed in 0..100 {
        let streams = MemoryStreams::new(seed);
        assert!(now(log_errands::enlist(&streams, 0x1000, 0)).is_ok(), "seed {seed}");
    }
}

#[test]
fn plain_publishers_are_not_kept_while_a_node_is_there_that_would_take_them_for_sessions() {
    let limits = Arc::new(Limits::default());
    let settings = Arc::new(log_settings(&limits));
    let mut node = Node::with_log(0x1000, &limits, &settings.logged, 1);
    node.mesh.begin_log(Ledger::new(settings.clone(), 0, 1, 1));
    let key = node.workers[0].shard.connect(plain(ConnectionId::on_node(7, 0x1000, 0)));
    // Opens a stream, which stands in the log, and answers how many records of it are to be written.
    let open = |node: &mut Node, position: u64, now_ms: u64| {
        let text = format!(r#"{{"type":"sendToGroup","group":"g","stream":{{"streamId":"{position}"}}}}"#);
        node.workers[0].shard.request(key, json::decode(&text).unwrap(), now_ms);
        node.turn(Vec::new(), now_ms);
        let append = |errand| if let Errand::Append(append) = errand { Some(append.bytes) } else { None };
        let entry = std::mem::take(&mut node.wanted).into_iter().find_map(append).expect("it is appended");
        node.mesh.take_line(position, Line::Entry(entry));
        (0..3).for_each(|_| drop(node.turn(Vec::new(), now_ms)));
        let errands = std::mem::take(&mut node.wanted);
        errands.into_iter().filter(|errand| matches!(errand, Errand::Store(_))).count()
    };
    let hello = Hello { version: VERSION_OF_PUBLISHERS - 1, version_least: 1, ..Hello::default() };
    let datagram = Datagram { from: 2, body: Some(Body::Hello(hello)) };
    node.mesh.receive(datagram.encode_to_vec().into(), 1);
    assert_eq!(open(&mut node, 1, 1), 0);
    assert!(!node.workers[0].shard.is_held(key), "it goes on");
    node.turn(Vec::new(), 2 * LEASE_MS);
    node.wanted.clear();
    assert_eq!(open(&mut node, 2, 2 * LEASE_MS), 1, "the other one is gone");
    assert!(node.workers[0].shard.is_held(key));
}

#[test]
fn whoever_takes_a_node_takes_those_that_it_had_taken_although_they_seem_to_live() {
    let (own, taken) = (0x1000, 0x2000);
    let alive = vec![own, taken];
    // It is this node's to take.
    let mut candidates = 0x3000..0x4000;
    let chosen = |node: &u32| Hashing::choose(u64::from(*node), alive.iter().copied()) == Some(own);
    let dead = candidates.find(chosen).expect("one of so many");
    let streams = MemoryStreams::new(1);
    let record = |heir| NodeRecord { position: 0, heir };
    for (now_ms, node, heir) in [(1, taken, Some(dead)), (1, dead, None), (10_000, own, None)] {
        streams.set_now_ms(now_ms);
        let bytes = record(heir).encode_to_vec().into();
        while !matches!(now(streams.store_node(node, &bytes, 0)), Stored::Revision(_)) {}
    }
    let sweep = Sweep { alive, departed: Vec::new(), taken: Vec::new(), until: 0, stale_ms: 500 };
    let settings = log_settings(&Arc::new(Limits::default()));
    // An answer that is lost is waited for by the next sweep.
    let mut nodes = std::iter::repeat_with(|| now(sweeping::sweep(&streams, own, &sweep, &settings)))
        .find_map(Result::ok)
        .map(|swept| swept.nodes)
        .unwrap_or_default();
    nodes.sort_unstable();
    assert_eq!(nodes, [taken, dead], "what stands under the one may belong to the other");
}
