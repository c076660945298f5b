//! Group states in hubs with a log: what setters and subscribers see, also when what they ask for cannot be stored, or their process dies.

use std::collections::BTreeSet;
use std::sync::Arc;

use hubwire_hub::{Command, ConnectionKey, Letter, Limits, Subject};

use crate::fixture::{group, id};
use crate::log::{LoggedHub, Storing};

const SUBSCRIBE: &str = r#"{"type":"subscribeGroupState","group":"g","ackId":1}"#;
const UNSUBSCRIBE: &str = r#"{"type":"unsubscribeGroupState","group":"g","ackId":2}"#;
const NOT_STORED: &str = r#""success":false,"error":{"name":"InternalServerError""#;
const DUPLICATE: &str = r#""success":false,"error":{"name":"Duplicate""#;

fn ack(ack_id: u64) -> String {
    format!(r#"{{"type":"ack","ackId":{ack_id},"success":true}}"#)
}

fn set(ack_id: u64, value: &str) -> String {
    format!(r#"{{"type":"setGroupState","group":"g","ackId":{ack_id},"state":{{"v":"{value}"}}}}"#)
}

fn item(number: u128, value: &str) -> String {
    format!(
        r#"{{"connectionId":"{}","userId":"u{number}","state":{{"v":"{value}"}},"updatedAt":"#,
        id(number)
    )
}

/// What a report is, without the times of its items.
fn is_report(text: &str, kind: &str, items: &[String]) -> bool {
    let begins = text.starts_with(&format!(r#"{{"type":"groupState{kind}","group":"g","items":["#));
    begins
        && items.iter().all(|item| text.contains(&**item))
        && text.matches("connectionId").count() == items.len()
}

/// A reliable setter in the second process, and a reliable subscriber in the third. The first is the home, and has nobody.
fn subscribed() -> (LoggedHub, ConnectionKey, ConnectionKey) {
    let mut hub = LoggedHub::new(3);
    let (setter, subscriber) = (hub.nodes[1].reliable(1), hub.nodes[2].reliable(2));
    let sent = hub.ask(2, subscriber, SUBSCRIBE);
    assert!(sent.len() == 2 && sent[0] == ack(1) && is_report(&sent[1], "Snapshot", &[]), "{sent:?}");
    (hub, setter, subscriber)
}

/// What the second process had is taken from its records.
fn take_over(hub: &mut LoggedHub, node: usize, records: &[hubwire_hub::Luggage]) {
    hub.take_over(node, records);
    let origins = records.iter().map(|record| record.id.node()).collect::<BTreeSet<_>>();
    let node = &mut hub.nodes[node];
    node.shard.receive(Letter::SessionsTaken { origins: Arc::new(origins), term: 1 }, node.now_ms);
    hub.settle();
}

#[test]
fn subscribers_are_told_without_sequence_ids_and_then_the_setter_is_answered() {
    let (mut hub, setter, subscriber) = subscribed();
    assert_eq!(hub.ask(1, setter, &set(1, "a")), [ack(1)]);
    let sent = hub.sent(2, subscriber);
    assert!(sent.len() == 1 && is_report(&sent[0], "Update", &[item(1, "a")]), "{sent:?}");
    let again = hub.ask(1, setter, &set(1, "b"));
    assert!(again[0].contains(DUPLICATE), "{again:?}");
    assert!(hub.sent(2, subscriber).is_empty());
}

#[test]
fn nothing_takes_effect_before_it_is_stored_and_the_client_is_held_until_then() {
    let (mut hub, setter, subscriber) = subscribed();
    hub.request(1, setter, &set(1, "a"));
    hub.carry_out();
    assert!(hub.nodes[1].shard.is_held(setter));
    assert!(hub.sent(1, setter).is_empty() && hub.sent(2, subscriber).is_empty());
    hub.settle();
    assert!(!hub.nodes[1].shard.is_held(setter));
    assert_eq!((hub.sent(1, setter), hub.sent(2, subscriber).len()), (vec![ack(1)], 1));
}

#[test]
fn what_is_not_stored_is_refused_and_the_client_is_read_again() {
    let (mut hub, setter, subscriber) = subscribed();
    hub.storing = Storing::Refused;
    for request in [set(1, "a"), SUBSCRIBE.replace(":1", ":2")] {
        let sent = hub.ask(1, setter, &request);
        assert!(sent.len() == 1 && sent[0].contains(NOT_STORED), "{sent:?}");
        assert!(!hub.nodes[1].shard.is_held(setter));
    }
    assert!(hub.sent(2, subscriber).is_empty());
    hub.storing = Storing::Stored;
    assert_eq!(hub.ask(1, setter, &set(3, "a")), [ack(3)]);
}

#[test]
fn a_session_that_is_taken_over_has_its_state_and_its_subscription() {
    let (mut hub, setter, subscriber) = subscribed();
    let records = [hub.records(1), hub.records(2)];
    // Both are in the log only.
    hub.ask(1, setter, &set(1, "a"));
    hub.ask(1, setter, SUBSCRIBE.replace(":1", ":2").as_str());
    hub.sent(2, subscriber);
    take_over(&mut hub, 1, &records[0]);
    let told = hub.sent(2, subscriber);
    assert!(told.len() == 1 && is_report(&told[0], "Update", &[item(1, "a")]), "{told:?}");
    let setter = hub.nodes[1].resume(1).unwrap();
    hub.settle();
    let sent = hub.sent(1, setter);
    assert!(sent.len() == 1 && is_report(&sent[0], "Snapshot", &[item(1, "a")]), "{sent:?}");
    let again = hub.ask(1, setter, &set(1, "b"));
    assert!(again[0].contains(DUPLICATE), "{again:?}");
    assert_eq!(hub.ask(1, setter, &set(3, "b"))[1], ack(3));
}

#[test]
fn whoever_comes_back_is_told_a_new_snapshot_and_nothing_of_what_it_missed() {
    let (mut hub, setter, subscriber) = subscribed();
    hub.nodes[2].lose(subscriber);
    hub.ask(1, setter, &set(1, "a"));
    hub.ask(1, setter, &set(2, "b"));
    let subscriber = hub.nodes[2].resume(2).unwrap();
    hub.settle();
    let sent = hub.sent(2, subscriber);
    assert!(sent.len() == 1 && is_report(&sent[0], "Snapshot", &[item(1, "b")]), "{sent:?}");
}

#[test]
fn a_member_that_is_removed_meanwhile_has_no_state_and_is_told_so() {
    let (mut hub, setter, subscriber) = subscribed();
    hub.request(1, setter, &set(1, "a"));
    let [wanted] = <[_; 1]>::try_from(hub.withhold(1)).unwrap();
    let leave = Command::Leave(Subject::Connection(id(1)), group("g"));
    let act = hubwire_hub::Act::Command(leave);
    hub.append(1, hubwire_hub::Entry { hub: wanted.hub.clone(), author: None, act });
    hub.append(1, wanted);
    hub.settle();
    let sent = hub.sent(1, setter);
    assert!(
        sent.len() == 1 && sent[0].contains(r#""success":false,"error":{"name":"Forbidden""#),
        "{sent:?}"
    );
    assert!(!hub.nodes[1].shard.is_held(setter) && hub.sent(2, subscriber).is_empty());
}

#[test]
fn what_a_home_refuses_nobody_believes_later() {
    let (mut hub, setter, _) = subscribed();
    let limits = Limits { group_states_per_group_max: 0, ..Limits::default() };
    hub.nodes[0].shard.set_limits(Arc::new(limits));
    let sent = hub.ask(1, setter, &set(1, "a"));
    assert!(sent.len() == 1 && sent[0].contains("limit group_states_per_group_max"), "{sent:?}");
    let records = hub.records(1);
    assert!(records.len() == 1 && records[0].states.is_empty(), "{records:?}");
    hub.nodes[1] = crate::log::logged_node(Limits::default());
    hub.nodes[1].shard.unpack(&hubwire_hub::Luggage { position: 0, ..records[0].clone() });
    hub.settle();
    let replayed = hub.records(1);
    assert!(replayed.len() == 1 && replayed[0].states.is_empty(), "{replayed:?}");
}

#[test]
fn nobody_is_told_who_has_unsubscribed_before_the_snapshot_came() {
    let (mut hub, setter, subscriber) = subscribed();
    hub.nodes[2].lose(subscriber);
    let subscriber = hub.nodes[2].resume(2).unwrap();
    // The new snapshot is under way when the client has had enough.
    hub.request(2, subscriber, UNSUBSCRIBE);
    hub.settle();
    assert_eq!(hub.ask(1, setter, &set(1, "a")), [ack(1)]);
    let sent = hub.sent(2, subscriber);
    assert!(!sent.iter().any(|text| text.contains("groupStateUpdate")), "{sent:?}");
    assert_eq!(sent.last(), Some(&ack(2)));
}

#[test]
fn whoever_waits_is_answered_when_entries_were_gone_before_they_were_read() {
    let (mut hub, _, _) = subscribed();
    let plain = hub.nodes[1].plain(3);
    hub.request(1, plain, &set(1, "a"));
    hub.withhold(1);
    let node = &mut hub.nodes[1];
    node.shard.receive(Letter::LogMissed, node.now_ms);
    let sent = hub.sent(1, plain);
    assert!(sent.len() == 1 && sent[0].contains(NOT_STORED), "{sent:?}");
    assert!(!hub.nodes[1].shard.is_held(plain));
}
