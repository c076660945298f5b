//! Group states: what setters and subscribers see of one shard. Several shards are the matter of `views`.

use hubwire_auth::Permissions;
use hubwire_hub::{Command, ConnectionKey, Limits, Protocol, Subject};
use hubwire_protocol::Subprotocol;

use crate::fixture::{Node, group, id, opening};

const SUBSCRIBE: &str = r#"{"type":"subscribeGroupState","group":"g","ackId":1}"#;
const OK: &str = r#"{"type":"ack","ackId":1,"success":true}"#;

fn set(ack_id: u64, state: &str) -> String {
    format!(r#"{{"type":"setGroupState","group":"g","ackId":{ack_id},"state":{state}}}"#)
}

fn succeeded(ack_id: u64) -> String {
    format!(r#"{{"type":"ack","ackId":{ack_id},"success":true}}"#)
}

fn refused(name: &str, message: &str) -> String {
    format!(r#"{{"type":"ack","ackId":1,"success":false,"error":{{"name":"{name}","message":"{message}"}}}}"#)
}

fn item(number: u128, state: &str, updated_at: u64) -> String {
    let state = if state.is_empty() { String::new() } else { format!(r#""state":{state},"#) };
    format!(r#"{{"connectionId":"{}","userId":"u{number}",{state}"updatedAt":{updated_at}}}"#, id(number))
}

fn snapshot(items: &[String]) -> String {
    format!(r#"{{"type":"groupStateSnapshot","group":"g","items":[{}]}}"#, items.join(","))
}

fn update(item: &str) -> String {
    format!(r#"{{"type":"groupStateUpdate","group":"g","items":[{item}]}}"#)
}

/// Two members in `g`; the shard's clock and the date are the same.
fn members() -> (Node, ConnectionKey, ConnectionKey) {
    let mut node = Node::new(Limits::default());
    let (first, second) = (node.plain(1), node.plain(2));
    (node, first, second)
}

#[test]
fn a_subscriber_sees_the_states_that_are_there_and_then_each_change() {
    let (mut node, setter, subscriber) = members();
    assert_eq!(node.ask(setter, &set(1, r#"{"k":"v"}"#)), [OK]);
    assert_eq!(
        node.ask(subscriber, SUBSCRIBE),
        [OK.to_owned(), snapshot(&[item(1, r#"{"k":"v"}"#, 1000)])],
        "the acknowledgement comes first"
    );
    node.now_ms += 5;
    node.ask(setter, &set(2, r#"{"k":"w"}"#));
    assert_eq!(node.sent(subscriber), [update(&item(1, r#"{"k":"w"}"#, 1005))]);
    node.ask(setter, r#"{"type":"setGroupState","group":"g"}"#);
    assert_eq!(node.sent(subscriber), [update(&item(1, "", 1006))], "later, although the clock stands still");
}

#[test]
fn a_setter_that_subscribes_sees_its_own_change_before_its_acknowledgement() {
    let (mut node, setter, _) = members();
    assert_eq!(node.ask(setter, SUBSCRIBE), [OK.to_owned(), snapshot(&[])]);
    assert_eq!(
        node.ask(setter, &set(2, r#"{"k":"v"}"#)),
        [update(&item(1, r#"{"k":"v"}"#, 1000)), succeeded(2)]
    );
}

#[test]
fn nobody_is_told_after_unsubscribing_and_a_clear_of_nothing_changes_nothing() {
    let (mut node, setter, subscriber) = members();
    node.ask(subscriber, SUBSCRIBE);
    assert_eq!(node.ask(setter, r#"{"type":"setGroupState","group":"g","ackId":5}"#), [succeeded(5)]);
    assert_eq!(node.sent(subscriber), [""; 0]);
    let unsubscribe = r#"{"type":"unsubscribeGroupState","group":"g","ackId":2}"#;
    assert_eq!(node.ask(subscriber, unsubscribe), [succeeded(2)]);
    node.ask(setter, &set(1, "{}"));
    assert_eq!(node.sent(subscriber), [""; 0]);
    let elsewhere = r#"{"type":"unsubscribeGroupState","group":"elsewhere","ackId":3}"#;
    assert_eq!(node.ask(subscriber, elsewhere), [succeeded(3)], "it always succeeds");
}

#[test]
fn a_member_that_leaves_or_ends_takes_its_state_with_it() {
    let (mut node, setter, subscriber) = members();
    node.ask(subscriber, SUBSCRIBE);
    node.ask(setter, &set(1, r#"{"k":"v"}"#));
    node.sent(subscriber);
    node.ask(setter, r#"{"type":"leaveGroup","group":"g"}"#);
    assert_eq!(node.sent(subscriber), [update(&item(1, "", 1001))]);
    node.ask(setter, r#"{"type":"joinGroup","group":"g"}"#);
    node.ask(setter, &set(2, r#"{"k":"w"}"#));
    node.sent(subscriber);
    node.execute(Command::Leave(Subject::Connection(id(1)), group("g")));
    node.settle();
    assert_eq!(node.sent(subscriber), [update(&item(1, "", 1003))], "also when the application removes it");
    node.execute(Command::Join(Subject::Connection(id(1)), group("g")));
    node.ask(setter, &set(3, r#"{"k":"x"}"#));
    node.sent(subscriber);
    node.lose(setter);
    node.settle();
    assert_eq!(node.sent(subscriber), [update(&item(1, "", 1005))]);
    node.ask(subscriber, r#"{"type":"leaveGroup","group":"g"}"#);
    node.ask(subscriber, r#"{"type":"joinGroup","group":"g"}"#);
    let other = node.plain(3);
    node.ask(other, &set(1, "{}"));
    assert_eq!(node.sent(subscriber), [""; 0], "who leaves is not subscribed any more");
}

#[test]
fn a_reliable_member_keeps_its_state_and_its_subscription_while_it_is_away() {
    let mut node = Node::new(Limits::default());
    let (away, setter) = (node.reliable(1), node.plain(2));
    node.ask(away, SUBSCRIBE);
    node.ask(away, &set(2, r#"{"k":"v"}"#));
    node.acknowledge(away, 2);
    node.lose(away);
    node.ask(setter, &set(1, r#"{"n":"1"}"#));
    node.ask(setter, &set(2, r#"{"n":"2"}"#));
    node.resume(1);
    let numbered = |number: u64, report: &str| format!(r#"{{"sequenceId":{number},{}"#, &report[1..]);
    assert_eq!(
        node.sent(away),
        [
            numbered(3, &update(&item(2, r#"{"n":"1"}"#, 1000))),
            numbered(4, &update(&item(2, r#"{"n":"2"}"#, 1001)))
        ]
    );
    node.ask(setter, &SUBSCRIBE.replace("\"ackId\":1", "\"ackId\":9"));
    assert_eq!(node.ask(setter, r#"{"type":"ping"}"#), [r#"{"type":"pong"}"#]);
}

#[test]
fn protobuf_members_see_them_too() {
    let (mut node, setter, _) = members();
    let subscriber = node.open(3, Protocol::PubSub(Subprotocol::ProtobufReliable));
    let request = hubwire_protocol::protobuf::decode(b"\x82\x01\x05\x0a\x01g\x10\x01").unwrap();
    node.shard.request(subscriber, request, node.now_ms);
    node.settle();
    let frames = node.taken(subscriber);
    assert_eq!(frames[0][2..], b"\x0a\x04\x08\x01\x10\x01"[..]);
    assert_eq!(frames[1][2..], b"\x52\x05\x18\x01\x0a\x01g"[..], "an empty snapshot, number 1");
    node.ask(setter, &set(1, "{}"));
    assert_eq!(node.taken(subscriber)[0][2..5], b"\x4a\x32\x18"[..], "an update with a number");
}

#[test]
fn checks_come_in_the_order_permission_size_membership() {
    let mut node = Node::new(Limits::default());
    let mut nobody = opening(1, Protocol::PubSub(Subprotocol::Json));
    nobody.permissions = Permissions::default();
    let nobody = node.shard.connect(nobody);
    node.sent(nobody);
    let big = format!(r#"{{"k":"{}"}}"#, "x".repeat(512));
    assert_eq!(node.ask(nobody, &set(1, &big)), [refused("Forbidden", "Permission denied.")]);
    assert_eq!(
        node.ask(nobody, SUBSCRIBE),
        [refused("Forbidden", "No permission to get states of group g.")]
    );
    let mut stranger = opening(2, Protocol::PubSub(Subprotocol::Json));
    stranger.groups.clear();
    let stranger = node.shard.connect(stranger);
    node.sent(stranger);
    let size = "State payload exceeds maximum size 512 bytes.";
    assert_eq!(node.ask(stranger, &set(1, &big)), [refused("BadRequest", size)]);
    assert_eq!(node.ask(stranger, &set(1, "{}")), [refused("Forbidden", "Not a member of group.")]);
    assert_eq!(node.ask(stranger, SUBSCRIBE), [refused("Forbidden", "Not a member of group g.")]);
    let member = node.plain(3);
    let exact = format!(r#"{{"k":"{}"}}"#, "x".repeat(511));
    assert_eq!(node.ask(member, &set(1, &exact)), [OK]);
}

#[test]
fn a_repeated_ack_id_sets_nothing() {
    let (mut node, setter, subscriber) = members();
    node.ask(setter, &set(1, r#"{"k":"v"}"#));
    let duplicate = "Message with ack-id: 1 has been processed";
    assert_eq!(node.ask(setter, &set(1, r#"{"k":"w"}"#)), [refused("Duplicate", duplicate)]);
    let frames = node.ask(subscriber, SUBSCRIBE);
    assert_eq!(frames[1], snapshot(&[item(1, r#"{"k":"v"}"#, 1000)]));
}

#[test]
fn a_connection_and_a_group_have_bounds() {
    let limits =
        Limits { group_states_per_connection_max: 1, group_states_per_group_max: 1, ..Limits::default() };
    let mut node = Node::new(limits);
    let (first, second) = (node.plain(1), node.plain(2));
    assert_eq!(node.ask(first, &set(1, "{}")), [OK]);
    assert_eq!(node.ask(first, &set(2, r#"{"k":"v"}"#)), [succeeded(2)], "the same one again");
    let full = "The group has too many states: limit group_states_per_group_max.";
    assert_eq!(node.ask(second, &set(1, "{}")), [refused("BadRequest", full)]);
    node.ask(first, r#"{"type":"joinGroup","group":"h"}"#);
    let many = "The connection has a state in too many groups: limit group_states_per_connection_max.";
    let elsewhere = r#"{"type":"setGroupState","group":"h","ackId":1,"state":{}}"#.replace(":1,", ":3,");
    assert_eq!(node.ask(first, &elsewhere), [refused("BadRequest", many).replace(":1,", ":3,")]);
    node.ask(first, r#"{"type":"setGroupState","group":"g"}"#);
    assert_eq!(node.ask(second, &set(1, "{}")), [OK], "a refused id may be used again, and there is room");
}

#[test]
fn a_snapshot_shows_the_first_two_hundred_states_in_the_order_of_their_connections() {
    let mut node = Node::new(Limits::default());
    for number in (1..=205).rev() {
        let key = node.plain(number);
        node.ask(key, &set(1, "{}"));
    }
    let subscriber = node.plain(300);
    let frames = node.ask(subscriber, SUBSCRIBE);
    let items: serde_json::Value = serde_json::from_str(&frames[1]).unwrap();
    let ids: Vec<_> =
        items["items"].as_array().unwrap().iter().map(|item| item["connectionId"].clone()).collect();
    assert_eq!(ids, (1..=200).map(|number| id(number).to_string()).collect::<Vec<_>>());
}

#[test]
fn a_client_is_held_until_the_home_has_answered() {
    let (mut node, setter, _) = members();
    node.request(setter, &set(1, "{}"));
    assert!(node.shard.is_held(setter));
    assert_eq!(node.sent(setter), [""; 0]);
    let others = node.settle();
    assert!(
        others.iter().any(|effect| matches!(effect, hubwire_hub::Effect::Released(key) if *key == setter))
    );
    assert!(!node.shard.is_held(setter));
}

#[test]
fn an_answer_that_comes_after_the_end_finds_nobody() {
    let (mut node, setter, _) = members();
    node.request(setter, &set(1, "{}"));
    node.lose(setter);
    let next = node.plain(3);
    assert_eq!(next, setter, "the place is used again");
    node.settle();
    assert_eq!(node.sent(next), [""; 0]);
    assert!(!node.shard.is_held(next));
    let frames = node.ask(next, SUBSCRIBE);
    assert_eq!(frames[1], snapshot(&[]), "and the state went with its owner");
}
