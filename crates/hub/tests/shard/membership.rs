use std::collections::BTreeMap;
use std::sync::Arc;

use hubwire_filter::Filter;
use hubwire_hub::{Command, Effect, Limits, Member, Reply, Subject, Target};
use hubwire_protocol::websocket::MessageKind;

use crate::fixture::{Node, envelope, group, id, opening, simple, to_group, user};

#[test]
fn interests_are_told_once_and_taken_back_once() {
    let mut node = Node::new(Limits::default());
    let mut told = BTreeMap::<String, i32>::new();
    let (first, second) = (node.plain(1), node.reliable(2));
    node.request(first, r#"{"type":"joinGroup","group":"h"}"#);
    node.request(second, r#"{"type":"joinGroup","group":"h"}"#);
    node.request(first, r#"{"type":"leaveGroup","group":"h"}"#);
    node.request(first, r#"{"type":"leaveGroup","group":"h"}"#);
    node.lose(second);
    let mut tally = |node: &mut Node| {
        for effect in node.shard.take_effects() {
            let (target, step) = match effect {
                Effect::Interested(_, target) => (target, 1),
                Effect::Uninterested(_, target) => (target, -1),
                _ => continue,
            };
            let level = told.entry(format!("{target:?}")).or_default();
            *level += step;
            assert!((0..=1).contains(level), "{target:?}");
        }
        told.values().sum::<i32>()
    };
    assert_eq!(tally(&mut node), 5, "the hub, two users and two groups, the detached session's too");
    node.lose(first);
    node.shard.keep_time(u64::MAX);
    assert_eq!(tally(&mut node), 0);
}

#[test]
fn a_join_is_known_to_others_before_the_client_is_told() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.shard.take_effects();
    node.request(key, r#"{"type":"joinGroup","group":"h","ackId":1}"#);
    let effects = node.shard.take_effects();
    assert!(matches!(&effects[..], [Effect::Interested(_, target)] if *target == to_group("h")));
    assert_eq!(node.sent(key).len(), 1, "the answer waits in the outbox meanwhile");
}

#[test]
fn a_publish_is_delivered_here_and_handed_on_once() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.shard.take_effects();
    node.request(key, r#"{"type":"sendToGroup","group":"elsewhere","noEcho":true,"ttlSeconds":7,"dataType":"text","data":"a"}"#);
    let effects = node.shard.take_effects();
    let [Effect::Publish(envelope)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(
        (&envelope.target, envelope.ttl_s, &envelope.excluded[..]),
        (&to_group("elsewhere"), 7, &[id(1)][..])
    );
}

#[test]
fn simple_clients_publish_and_see_bare_payloads() {
    let mut node = Node::new(Limits::default());
    let (raw, json) = (node.open(1, simple()), node.plain(2));
    node.shard.simple_message(raw, MessageKind::Binary, bytes::Bytes::from_static(&[0, 255]), node.now_ms);
    assert_eq!(node.taken(raw), [[0x82, 2, 0, 255]]);
    let sent = node.sent(json);
    assert_eq!(
        sent,
        [
            r#"{"type":"message","from":"group","group":"g","fromUserId":"u1","dataType":"binary","data":"AP8="}"#
        ]
    );
}

#[test]
fn a_simple_client_that_may_not_publish_is_closed() {
    let mut node = Node::new(Limits::default());
    let mut forbidden = opening(1, simple());
    forbidden.permissions = Default::default();
    let key = node.shard.connect(forbidden);
    node.shard.simple_message(key, MessageKind::Text, bytes::Bytes::from_static(b"a"), node.now_ms);
    assert_eq!(node.sent(key), ["close 1008 The connection is not authorized for raw sendToGroup mode."]);
    assert_eq!(node.shard.counters().forbidden, 1);
}

#[test]
fn excluded_connections_and_those_that_a_filter_refuses_get_nothing() {
    let mut node = Node::new(Limits::default());
    let keys: Vec<_> = (0..20).map(|number| node.plain(number)).collect();
    let mut publish = envelope(to_group("g"), "a");
    // Many excluded ids are searched in another way than few.
    publish.excluded = (0..12).rev().map(id).chain([id(99)]).collect();
    publish.filter = Some(Arc::new(Filter::parse("userId ne 'u15'").unwrap()));
    node.shard.publish(&publish, node.now_ms);
    let reached: Vec<_> = (0..20).filter(|number| !node.texts(keys[*number]).is_empty()).collect();
    assert_eq!(reached, [12, 13, 14, 16, 17, 18, 19]);
}

#[test]
fn groups_of_a_token_beyond_the_limit_are_left_out_and_counted() {
    let mut node = Node::new(Limits { groups_per_connection_max: 2, ..Limits::default() });
    let mut many = opening(1, simple());
    many.groups = ["a", "b", "b", "c"].map(group).into();
    node.shard.connect(many);
    let exists = |node: &mut Node, name| node.execute(Command::Exists(to_group(name)));
    assert_eq!((exists(&mut node, "b"), exists(&mut node, "c")), (Reply::Done, Reply::Missing));
    assert_eq!(node.shard.counters().group_limit_refusals, 1);
}

#[test]
fn members_are_listed_in_order_and_in_pages() {
    let mut node = Node::new(Limits::default());
    for number in [5, 3, 9, 1] {
        node.plain(number);
    }
    let mut page = |after: Option<u128>, limit| match node.execute(Command::List {
        group: group("g"),
        after: after.map(id),
        limit,
    }) {
        Reply::Members(members) => members,
        other => panic!("{other:?}"),
    };
    let member = |number: u128| Member { connection: id(number), user: Some(user(&format!("u{number}"))) };
    assert_eq!(page(None, 2), [member(1), member(3)]);
    assert_eq!(page(Some(3), 2), [member(5), member(9)]);
    assert_eq!(page(Some(9), 2), []);
    assert_eq!(page(None, 0), []);
}

#[test]
fn what_an_application_addresses_must_be_there_only_where_it_is_changed() {
    let mut node = Node::new(Limits::default());
    let nobody = || Subject::Connection(id(7));
    assert_eq!(node.execute(Command::Join(nobody(), group("g"))), Reply::Missing);
    assert_eq!(node.execute(Command::Leave(nobody(), group("g"))), Reply::Missing);
    assert_eq!(node.execute(Command::Exists(Target::Hub)), Reply::Missing);
    node.publish(to_group("g"), "to nobody");
    node.plain(1);
    assert_eq!(node.execute(Command::Join(Subject::User(user("u1")), group("h"))), Reply::Done);
    assert_eq!(node.execute(Command::LeaveAll(Subject::User(user("u1")))), Reply::Done);
    assert_eq!(node.execute(Command::Exists(to_group("h"))), Reply::Missing);
    assert_eq!(node.execute(Command::Exists(Target::User(user("u1")))), Reply::Done);
}
