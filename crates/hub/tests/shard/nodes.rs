//! A shard among those of several nodes: what waits until the others know, and what is said when messages may have been missed.

use std::sync::Arc;

use hubwire_hub::{ConnectionKey, Effect, Homes, Letter, Limits, Recipient, Teller};
use hubwire_protocol::{ConnectionId, GroupName, HubName};

use crate::fixture::{Node, group, hub, id};

const JOIN: &str = r#"{"type":"joinGroup","group":"far","ackId":1}"#;
const JOINED: &str = r#"{"type":"ack","ackId":1,"success":true}"#;

fn among_nodes() -> Node {
    let mut node = Node::new(Limits::default());
    node.shard.set_spans_nodes(true);
    node
}

/// Whether the shard wants to be told when the others know.
fn settles(effects: &[Effect], connection: ConnectionId) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Settle(id) if *id == connection))
}

#[test]
fn a_join_is_acknowledged_when_all_nodes_know_of_it_and_the_client_waits_until_then() {
    let mut node = among_nodes();
    let client = node.plain(1);
    node.settle();
    node.request(client, JOIN);
    let effects = node.settle();
    assert!(settles(&effects, id(1)));
    assert!(node.shard.is_held(client) && node.sent(client).is_empty());
    node.shard.receive(Letter::Settled(id(1)), node.now_ms);
    assert_eq!((node.sent(client), node.shard.is_held(client)), (vec![JOINED.to_owned()], false));
}

#[test]
fn a_second_member_waits_as_well_since_the_first_may_not_be_known_yet() {
    let mut node = among_nodes();
    let (first, second) = (node.plain(1), node.plain(2));
    node.request(first, JOIN);
    node.settle();
    node.request(second, JOIN);
    assert!(settles(&node.settle(), id(2)));
    assert!(node.sent(second).is_empty());
}

#[test]
fn a_join_that_is_refused_or_repeated_waits_for_nobody() {
    let mut node = Node::new(Limits { groups_per_connection_max: 1, ..Limits::default() });
    node.shard.set_spans_nodes(true);
    let client = node.plain(1);
    node.settle();
    let answer = node.ask(client, JOIN);
    assert!(answer[0].contains("groups_per_connection_max"), "{answer:?}");
    assert!(!node.shard.is_held(client));
}

#[test]
fn a_shard_of_one_process_acknowledges_at_once() {
    let mut node = Node::new(Limits::default());
    let client = node.plain(1);
    assert_eq!(node.ask(client, JOIN), [JOINED]);
}

#[test]
fn reliable_sessions_end_and_say_so_when_messages_may_have_been_missed_and_others_stay() {
    let mut node = among_nodes();
    let (plain, reliable, away) = (node.plain(1), node.reliable(2), node.reliable(3));
    node.lose(away);
    node.shard.receive(Letter::Missed, node.now_ms);
    let text = "Messages may have been missed.";
    let sent = node.sent(reliable);
    assert_eq!(sent.last().map(String::as_str), Some(&*format!("close 1008 {text}")));
    assert!(node.sent(plain).is_empty() && node.resume(3).is_none());
    assert_eq!(node.ended(), [(id(2), text.to_owned()), (id(3), text.to_owned())]);
    assert_eq!(node.shard.counters().sessions_missed, 2);
}

/// Homes of which this shard keeps none or all, after the node with this number has gone.
#[derive(Debug)]
struct After {
    here: bool,
    gone: Option<u32>,
    forgetful: bool,
}

impl Homes for After {
    fn keeps(&self, _: &HubName, _: &GroupName, _: u32) -> bool {
        self.here
    }

    fn has_moved(&self, _: &HubName, _: &GroupName) -> bool {
        !self.here
    }

    fn may_have_forgotten(&self, _: &HubName, _: &GroupName) -> bool {
        self.forgetful
    }

    fn is_gone(&self, _: &HubName, teller: u32) -> bool {
        Some(teller) == self.gone
    }
}

/// A node that has told a group's home of a client's state.
fn with_state() -> (Node, ConnectionKey) {
    let mut node = among_nodes();
    let client = node.plain(1);
    node.settle();
    node.request(client, r#"{"type":"setGroupState","group":"g","state":{"k":"v"}}"#);
    node.settle();
    (node, client)
}

#[test]
fn a_new_home_is_told_the_states_again_and_asked_for_a_new_snapshot() {
    let (mut node, client) = with_state();
    node.request(client, r#"{"type":"subscribeGroupState","group":"g"}"#);
    node.settle();
    node.shard.receive(
        Letter::HomesMoved(Arc::new(After { here: false, gone: None, forgetful: false })),
        node.now_ms,
    );
    let sent: Vec<_> = node.shard.take_effects();
    let home = Recipient::Home(hub(), group("g"));
    let told = |effect: &Effect| matches!(effect, Effect::Send(to, Letter::SetState { item, answer: false, .. }) if *to == home && item.connection == id(1) && item.state.is_some());
    let asked = |effect: &Effect| matches!(effect, Effect::Send(to, Letter::ListStates { subscriber, answer: false, .. }) if *to == home && *subscriber == id(1));
    assert!(sent.len() == 2 && sent.iter().any(told) && sent.iter().any(asked), "{sent:?}");
}

#[test]
fn states_are_said_anew_to_a_home_that_may_have_told_its_subscribers_that_they_were_gone() {
    let (mut node, _) = with_state();
    let mut times = Vec::new();
    for forgetful in [false, true, false] {
        let after = After { here: false, gone: None, forgetful };
        node.shard.receive(Letter::HomesMoved(Arc::new(after)), node.now_ms);
        times.extend(node.shard.take_effects().iter().filter_map(|effect| match effect {
            Effect::Send(_, Letter::SetState { item, .. }) => Some(item.updated_at_ms),
            _ => None,
        }));
    }
    // Later by more than the one millisecond that the home has added.
    assert!(times.len() == 3 && times[1] > times[0] + 1 && times[2] == times[1], "{times:?}");
}

#[test]
fn a_node_that_has_a_session_no_more_changes_nothing_about_its_state() {
    let mut node = among_nodes();
    let subscriber = node.plain(1);
    node.settle();
    node.request(subscriber, r#"{"type":"subscribeGroupState","group":"g"}"#);
    node.settle();
    node.sent(subscriber);
    let mut tell = |(by, term), value: Option<&str>, updated_at_ms| {
        let state = value.map(|value| Arc::new(hubwire_protocol::GroupState::new([("k", value)])));
        let connection = ConnectionId::on_node(9 << 90, 7, 0);
        let item = hubwire_protocol::GroupStateItem { connection, user: None, state, updated_at_ms };
        let teller = Teller { node: by, term };
        let letter = Letter::SetState { hub: hub(), group: group("g"), item, teller, answer: false };
        node.shard.receive(letter, node.now_ms);
        node.settle();
        let told = node.sent(subscriber);
        told.iter().map(|text| text.split_once("updatedAt\":").unwrap().1.to_owned()).collect::<String>()
    };
    let (before, now) = ((7, 1), (8, 2));
    assert_eq!(tell(before, Some("a"), 500), "500}]}");
    assert_eq!(tell(now, Some("b"), 400), "501}]}", "its clock is behind");
    assert_eq!(tell(before, Some("a"), 600), "");
    assert_eq!(tell(before, None, 700), "");
    assert_eq!(tell(now, Some("b"), 400), "", "it is known");
    assert_eq!(tell(now, Some("c"), 401), "502}]}");
    assert_eq!(tell(now, Some("b"), 400), "", "it was so before");
    assert_eq!(tell(now, None, 402), "503}]}");
}

#[test]
fn a_home_forgets_the_states_of_a_node_that_is_gone_and_tells_its_subscribers() {
    let mut node = among_nodes();
    let subscriber = node.plain(1);
    node.settle();
    node.request(subscriber, r#"{"type":"subscribeGroupState","group":"g"}"#);
    node.settle();
    let state = Some(Arc::new(hubwire_protocol::GroupState::new([("k", "v")])));
    let item = hubwire_protocol::GroupStateItem { connection: id(1), user: None, state, updated_at_ms: 5 };
    for teller in [7, 8] {
        // Another node has taken the second session, and says so.
        let connection = ConnectionId::on_node(u128::from(teller) << 90, 7, 0);
        let item = hubwire_protocol::GroupStateItem { connection, ..item.clone() };
        let letter = Letter::SetState {
            hub: hub(),
            group: group("g"),
            item,
            teller: Teller { node: teller, term: 0 },
            answer: false,
        };
        node.shard.receive(letter, node.now_ms);
        node.settle();
    }
    let far = ConnectionId::on_node(7 << 90, 7, 0);
    node.sent(subscriber);
    node.shard.receive(
        Letter::HomesMoved(Arc::new(After { here: true, gone: Some(7), forgetful: false })),
        node.now_ms,
    );
    node.settle();
    let told = node.sent(subscriber);
    let gone = format!(r#""items":[{{"connectionId":"{far}","updatedAt":6}}]"#);
    assert!(told.len() == 1 && told[0].contains(&gone), "{told:?}");
}
