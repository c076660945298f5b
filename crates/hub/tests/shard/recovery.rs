use hubwire_hub::{Command, Ending, Limits, Reply, Target};
use hubwire_protocol::{HubName, UserId};

use crate::fixture::{Node, group, hub, id, simple, to_group};

fn close(number: u128) -> Command {
    Command::Close { target: Target::Connection(id(number)), excluded: [].into(), reason: "".into() }
}

#[test]
fn unacknowledged_messages_come_again_byte_for_byte_and_before_newer_ones() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    for text in ["a", "b", "c"] {
        node.publish(to_group("g"), text);
    }
    let first = node.taken(key);
    node.acknowledge(key, 1);
    node.lose(key);
    node.publish(to_group("g"), "d");
    let key = node.resume(1).unwrap();
    node.publish(to_group("g"), "e");
    let again = node.taken(key);
    assert_eq!(again[..2], first[1..]);
    assert_eq!(again.len(), 4, "no greeting, nothing twice");
    assert!(again[3].windows(16).any(|bytes| bytes == br#"{"sequenceId":5,"#));
}

#[test]
fn acknowledgements_are_cumulative_and_never_wrong() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    for text in ["a", "b", "c"] {
        node.publish(to_group("g"), text);
    }
    node.taken(key);
    for sequence_id in [2, 1, 0] {
        node.acknowledge(key, sequence_id);
    }
    node.resume(1).unwrap();
    assert_eq!(node.texts(key), ["c"]);
    node.acknowledge(key, u64::MAX);
    node.publish(to_group("g"), "d");
    node.taken(key);
    node.resume(1).unwrap();
    assert_eq!(node.texts(key), ["d"], "a future acknowledgement does not cover what comes later");
}

#[test]
fn acknowledgements_pongs_and_greetings_are_neither_numbered_nor_sent_again() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.request(key, r#"{"type":"ping"}"#);
    node.request(key, r#"{"type":"joinGroup","group":"h","ackId":1}"#);
    node.publish(to_group("h"), "a");
    node.lose(key);
    node.resume(1).unwrap();
    let sent = node.sent(key);
    assert_eq!(sent.len(), 1);
    assert!(sent[0].starts_with(r#"{"sequenceId":1,"type":"message""#), "{sent:?}");
}

#[test]
fn a_live_socket_is_taken_over() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.publish(to_group("g"), "a");
    // Part of the frame is with the old socket; the new one starts from the beginning.
    node.shard.outbox(key, node.now_ms).unwrap().written(0, true);
    assert_eq!(node.resume(1), Some(key));
    assert_eq!(node.texts(key), ["a"]);
    node.publish(to_group("g"), "b");
    assert_eq!(node.texts(key), ["b"]);
    assert_eq!(node.shard.counters().sessions_detached, 0);
}

#[test]
fn what_cannot_be_recovered_is_refused_and_harms_nobody() {
    let mut node = Node::new(Limits::default());
    let (plain, detached) = (node.plain(1), node.reliable(2));
    let raw = node.open(3, simple());
    node.lose(detached);
    let other = HubName::parse("other").unwrap();
    assert_eq!(node.resume(1), None, "not reliable");
    assert_eq!(node.resume(3), None, "not reliable");
    assert_eq!(node.resume(9), None, "unknown");
    assert_eq!(node.shard.resume(&other, id(2), node.now_ms), None, "another hub");
    assert_eq!(node.shard.counters().recoveries_refused, 4);
    assert_eq!(node.resume(2), Some(detached));
    assert_eq!(node.shard.connection_id(plain), Some(id(1)));
    assert_eq!(node.shard.connection_id(raw), Some(id(3)));
}

#[test]
fn a_goodbye_ends_the_session_and_any_other_end_does_not() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.lose(key);
    assert_eq!(node.ended(), []);
    node.resume(1).unwrap();
    node.shard.disconnect(key, Ending::Normal("bye".into()), node.now_ms);
    assert_eq!(node.ended(), [(id(1), "bye".to_owned())]);
    assert_eq!(node.resume(1), None);
    let plain = node.plain(2);
    node.lose(plain);
    assert_eq!(node.ended(), [(id(2), "The connection ended.".to_owned())]);
}

#[test]
fn a_session_ends_when_its_window_has_passed() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.lose(key);
    assert_eq!(node.shard.next_due_ms(), Some(31_000));
    node.now_ms = 30_999;
    node.shard.keep_time(node.now_ms);
    assert_eq!(node.resume(1), Some(key));
    node.lose(key);
    node.now_ms = 31_000;
    node.shard.keep_time(node.now_ms);
    assert_eq!(node.shard.connection_count(), 1, "every loss starts a fresh window");
    node.now_ms = 60_999;
    node.shard.keep_time(node.now_ms);
    assert_eq!(node.ended(), [(id(1), "The connection recovery timeout expired.".to_owned())]);
    assert_eq!((node.resume(1), node.shard.connection_count(), node.shard.next_due_ms()), (None, 0, None));
}

#[test]
fn a_session_does_not_inherit_the_expiry_of_one_that_was_in_its_place() {
    let mut node = Node::new(Limits::default());
    let first = node.reliable(1);
    node.lose(first);
    assert_eq!(node.execute(close(1)), Reply::Done);
    let second = node.reliable(2);
    assert_eq!(first, second, "the place is used again");
    node.now_ms = 20_000;
    node.lose(second);
    node.now_ms = 31_000;
    node.shard.keep_time(node.now_ms);
    assert_eq!(node.resume(2), Some(second));
}

#[test]
fn a_detached_session_is_counted_changed_and_closed_like_any_other() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.lose(key);
    assert_eq!(node.execute(Command::Exists(Target::Connection(id(1)))), Reply::Done);
    assert_eq!(node.execute(Command::Exists(to_group("g"))), Reply::Done);
    let found = node.execute(Command::FindSession(id(1)));
    assert_eq!(
        found,
        Reply::Session {
            subprotocol: "json.reliable.webpubsub.azure.v1".into(),
            user: Some(UserId::from_token("u1"))
        }
    );
    let subject = hubwire_hub::Subject::Connection(id(1));
    assert_eq!(node.execute(Command::Join(subject, group("h"))), Reply::Done);
    node.publish(to_group("h"), "a");
    node.resume(1).unwrap();
    assert_eq!(node.texts(key), ["a"]);
    node.lose(key);
    assert_eq!(node.execute(close(1)), Reply::Done);
    assert_eq!(node.ended(), [(id(1), "Application server closed the connection.".to_owned())]);
    assert_eq!(node.resume(1), None);
    assert_eq!(node.execute(Command::FindSession(id(1))), Reply::Missing);
    assert!(node.shard.outbox(key, node.now_ms).is_none(), "nothing is left of it");
}

#[test]
fn a_closed_client_is_told_why_and_then_left_alone() {
    let mut node = Node::new(Limits::default());
    let (key, raw) = (node.reliable(1), node.open(2, simple()));
    node.publish(to_group("g"), "a");
    let command = Command::Close { target: Target::Hub, excluded: [].into(), reason: "enough".into() };
    assert_eq!(node.execute(command), Reply::Done);
    node.publish(to_group("g"), "b");
    node.request(key, r#"{"type":"joinGroup","group":"g","ackId":1}"#);
    let sent = node.sent(key);
    assert_eq!(sent.len(), 3);
    assert!(sent[0].contains(r#""data":"a""#));
    assert_eq!(
        sent[1..],
        [
            r#"{"type":"system","event":"disconnected","message":"Application server closed the connection. Reason: enough"}"#,
            "close 1000 "
        ]
    );
    assert_eq!(node.sent(raw), ["a", "close 1000 "]);
    // Its hub is gone with it; what the client still says must not matter.
    let said = bytes::Bytes::from_static(b"late");
    node.shard.simple_message(raw, hubwire_protocol::websocket::MessageKind::Text, said, node.now_ms);
    assert!(node.sent(raw).is_empty());
    assert_eq!(node.resume(1), None);
    assert_eq!(node.shard.execute(&hub(), &Command::Exists(Target::Hub)), Reply::Missing);
    node.lose(key);
    node.lose(raw);
    assert_eq!(node.ended().len(), 2, "each of them ends once");
    assert!(node.shard.outbox(key, node.now_ms).is_none());
}

#[test]
fn what_is_asked_for_a_session_without_a_socket_is_not_answered_with_a_panic() {
    let mut node = Node::new(Limits { window_messages_max: 1, ..Limits::default() });
    let key = node.reliable(1);
    node.publish(to_group("g"), "a");
    node.lose(key);
    node.request(key, r#"{"type":"sendToGroup","group":"g","ackId":1,"data":1}"#);
}
