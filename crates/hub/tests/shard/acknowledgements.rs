use hubwire_auth::Permission;
use hubwire_hub::{Command, Limits, Reply, Subject};

use crate::fixture::{Node, group, id, to_group};

const DONE: &str = r#"{"type":"ack","ackId":1,"success":true}"#;
const DUPLICATE: &str = r#"{"type":"ack","ackId":1,"success":false,"error":{"name":"Duplicate","message":"Message with ack-id: 1 has been processed"}}"#;

#[test]
fn a_repeated_request_takes_effect_once() {
    let mut node = Node::new(Limits::default());
    let (publisher, member) = (node.plain(1), node.plain(2));
    let publish =
        r#"{"type":"sendToGroup","group":"g","noEcho":true,"ackId":1,"dataType":"text","data":"a"}"#;
    node.request(publisher, publish);
    node.request(publisher, publish);
    assert_eq!(node.sent(publisher), [DONE, DUPLICATE]);
    assert_eq!(node.texts(member), ["a"]);
    assert_eq!(node.shard.counters().duplicates, 1);
}

#[test]
fn an_id_that_was_used_for_a_join_does_not_leave() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.request(key, r#"{"type":"joinGroup","group":"h","ackId":1}"#);
    node.request(key, r#"{"type":"leaveGroup","group":"h","ackId":1}"#);
    node.request(key, r#"{"type":"event","event":"e","data":1,"ackId":1}"#);
    assert_eq!(node.sent(key), [DONE, DUPLICATE, DUPLICATE]);
    assert_eq!(node.execute(Command::Exists(to_group("h"))), Reply::Done);
}

#[test]
fn a_failure_is_not_remembered() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.execute(Command::Revoke(id(1), Permission::JoinLeaveGroup, group("h")));
    let join = r#"{"type":"joinGroup","group":"h","ackId":1}"#;
    node.request(key, join);
    let refused = node.sent(key).remove(0);
    assert!(refused.contains(
        r#""name":"Forbidden","message":"The client does not have permission to join group 'h'.""#
    ));
    node.execute(Command::Grant(id(1), Permission::JoinLeaveGroup, group("h")));
    node.request(key, join);
    node.request(key, join);
    assert_eq!(node.sent(key), [DONE, DUPLICATE]);
    assert_eq!(node.shard.counters().forbidden, 1);
}

#[test]
fn a_duplicate_is_judged_before_the_permission() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.request(key, r#"{"type":"joinGroup","group":"h","ackId":1}"#);
    node.execute(Command::Revoke(id(1), Permission::JoinLeaveGroup, group("h")));
    node.request(key, r#"{"type":"joinGroup","group":"h","ackId":1}"#);
    assert_eq!(node.sent(key), [DONE, DUPLICATE]);
}

#[test]
fn the_message_comes_before_its_acknowledgement() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.request(key, r#"{"type":"sendToGroup","group":"g","ackId":1,"dataType":"text","data":"a"}"#);
    let sent = node.sent(key);
    assert!(
        sent[0].contains(r#""fromUserId":"u1","dataType":"text","data":"a""#) && sent[1] == DONE,
        "{sent:?}"
    );
}

#[test]
fn without_an_id_nothing_is_acknowledged() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.execute(Command::Revoke(id(1), Permission::SendToGroup, group("g")));
    for _ in 0..2 {
        node.request(key, r#"{"type":"joinGroup","group":"h"}"#);
        node.request(key, r#"{"type":"sendToGroup","group":"g","data":1}"#);
    }
    assert!(node.sent(key).is_empty());
    assert_eq!(node.shard.counters().forbidden, 2);
}

#[test]
fn the_memory_survives_a_recovery_and_forgets_the_oldest_first() {
    let mut node = Node::new(Limits { ack_ids_max: 2, ..Limits::default() });
    let key = node.reliable(1);
    for ack_id in [0, u64::MAX] {
        node.request(key, &format!(r#"{{"type":"joinGroup","group":"h","ackId":{ack_id}}}"#));
    }
    node.lose(key);
    let key = node.resume(1).unwrap();
    let outcomes = |node: &mut Node, ack_id: u64| {
        node.request(key, &format!(r#"{{"type":"leaveGroup","group":"x","ackId":{ack_id}}}"#));
        node.sent(key).remove(0).contains("Duplicate")
    };
    assert!(outcomes(&mut node, 0) && outcomes(&mut node, u64::MAX));
    // The third id takes the place of the first one.
    assert!(!outcomes(&mut node, 5) && outcomes(&mut node, u64::MAX) && !outcomes(&mut node, 0));
}

#[test]
fn no_echo_leaves_out_the_connection_and_not_its_user() {
    let mut node = Node::new(Limits::default());
    let publisher = node.plain(1);
    let mut second = crate::fixture::opening(2, crate::fixture::simple());
    second.user = Some(crate::fixture::user("u1"));
    let second = node.shard.connect(second);
    node.request(
        publisher,
        r#"{"type":"sendToGroup","group":"g","noEcho":true,"dataType":"text","data":"a"}"#,
    );
    assert!(node.sent(publisher).is_empty());
    assert_eq!(node.sent(second), ["a"]);
    node.request(publisher, r#"{"type":"sendToGroup","group":"g","dataType":"text","data":"b"}"#);
    assert_eq!(node.texts(publisher), ["b"]);
}

#[test]
fn a_join_beyond_the_limit_is_refused_in_words() {
    let mut node = Node::new(Limits { groups_per_connection_max: 1, ..Limits::default() });
    let key = node.plain(1);
    node.request(key, r#"{"type":"joinGroup","group":"h","ackId":1}"#);
    node.request(key, r#"{"type":"joinGroup","group":"g","ackId":1}"#);
    let sent = node.sent(key);
    assert!(
        sent[0].contains(r#""name":"BadRequest""#) && sent[0].contains("groups_per_connection_max"),
        "{sent:?}"
    );
    assert_eq!(sent[1], DONE, "being a member already needs no room, and the failure was not remembered");
    assert_eq!(node.execute(Command::Join(Subject::Connection(id(1)), group("h"))), Reply::LimitReached);
    assert_eq!(node.shard.counters().group_limit_refusals, 2);
    assert_eq!(node.execute(Command::Exists(to_group("h"))), Reply::Missing);
}
