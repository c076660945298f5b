//! Streams: what publisher and subscribers see.

use hubwire_auth::Permission;
use hubwire_hub::{Command, ConnectionKey, Effect, Ending, Limits, Protocol, Reply};
use hubwire_protocol::Subprotocol;

use crate::fixture::{Node, group, id, simple};

pub(crate) const START: &str =
    r#"{"type":"sendToGroup","group":"g","noEcho":true,"stream":{"streamId":"s","idleTimeoutMs":5000}}"#;

pub(crate) fn data(number: u64, text: &str) -> String {
    format!(
        r#"{{"type":"streamData","streamId":"s","streamSequenceId":{number},"dataType":"text","data":"{text}"}}"#
    )
}

pub(crate) fn ack(expected: u64) -> String {
    format!(r#"{{"type":"streamAck","streamId":"s","expectedSequenceId":{expected}}}"#)
}

pub(crate) fn closed(name: &str, message: &str) -> String {
    format!(r#"{{"type":"streamClosed","streamId":"s","error":{{"name":"{name}","message":"{message}"}}}}"#)
}

pub(crate) const NOT_FOUND: &str = r#"{"type":"streamClosed","streamId":"s","error":{"name":"StreamNotFound","message":"There is no open stream with this id."}}"#;

/// What a JSON subscriber sees of a message by `u1`.
pub(crate) fn seen(text: &str, position: &str) -> String {
    format!(
        r#"{{"type":"message","from":"group","group":"g","fromUserId":"u1","dataType":"text","data":"{text}","stream":{{"streamId":"s",{position}}}}}"#
    )
}

pub(crate) fn terminal(number: u64, error: &str) -> String {
    let error = if error.is_empty() { String::new() } else { format!(r#","error":{error}"#) };
    seen("", &format!(r#""streamSequenceId":{number},"endOfStream":true{error}"#))
}

pub(crate) const CANCELLED: &str =
    r#"{"name":"Cancelled","message":"The publisher of the stream has disconnected."}"#;
pub(crate) const IDLE: &str = r#"{"name":"IdleTimeout","message":"The stream was idle for too long."}"#;

/// A publisher with an open stream, and a subscriber.
fn streaming() -> (Node, ConnectionKey, ConnectionKey) {
    let mut node = Node::new(Limits::default());
    let (publisher, subscriber) = (node.plain(1), node.plain(2));
    assert_eq!(node.ask(publisher, START), [ack(1)]);
    (node, publisher, subscriber)
}

#[test]
fn a_stream_has_a_beginning_numbered_messages_and_an_end() {
    let (mut node, publisher, subscriber) = streaming();
    assert_eq!(node.ask(publisher, &data(1, "a")), [ack(2)]);
    assert_eq!(node.ask(publisher, &data(2, "b")), [ack(3)]);
    assert_eq!(
        node.ask(publisher, r#"{"type":"streamEnd","streamId":"s"}"#),
        [r#"{"type":"streamClosed","streamId":"s"}"#]
    );
    let position = |number| format!(r#""streamSequenceId":{number}"#);
    assert_eq!(node.sent(subscriber), [seen("a", &position(1)), seen("b", &position(2)), terminal(3, "")]);
    assert_eq!(node.ask(publisher, START), [ack(1)], "the id is free again");
}

#[test]
fn a_repetition_is_acknowledged_and_not_published_and_a_gap_is_neither() {
    let (mut node, publisher, subscriber) = streaming();
    node.ask(publisher, &data(1, "a"));
    node.sent(subscriber);
    assert_eq!(node.ask(publisher, &data(1, "again")), [ack(2)]);
    assert_eq!(node.ask(publisher, &data(0, "never")), [ack(2)]);
    assert_eq!(
        node.ask(publisher, &data(3, "ahead")),
        [
            r#"{"type":"streamNack","streamId":"s","expectedSequenceId":2,"name":"InvalidSequenceId","message":"The next message of the stream has the sequence id 2."}"#
        ]
    );
    assert_eq!(node.sent(subscriber), [""; 0]);
    assert_eq!(node.ask(publisher, &data(2, "b")), [ack(3)]);
}

#[test]
fn an_error_of_the_publisher_reaches_its_subscribers() {
    let (mut node, publisher, subscriber) = streaming();
    let end = r#"{"type":"streamEnd","streamId":"s","error":{"message":"m","userErrorCode":"E42"}}"#;
    assert_eq!(node.ask(publisher, end), [r#"{"type":"streamClosed","streamId":"s"}"#]);
    let error = r#"{"name":"UserError","message":"m","userErrorCode":"E42"}"#;
    assert_eq!(node.sent(subscriber), [terminal(1, error)]);
}

#[test]
fn what_belongs_to_no_open_stream_is_answered_with_not_found() {
    let mut node = Node::new(Limits::default());
    let publisher = node.plain(1);
    for request in
        [&data(1, "a"), r#"{"type":"streamData","streamId":"s"}"#, r#"{"type":"streamEnd","streamId":"s"}"#]
    {
        assert_eq!(node.ask(publisher, request), [NOT_FOUND], "{request}");
    }
}

#[test]
fn streams_of_two_publishers_with_the_same_id_are_two() {
    let (mut node, publisher, other) = streaming();
    assert_eq!(node.ask(other, START), [ack(1)]);
    assert_eq!(node.ask(publisher, &data(1, "a")), [ack(2)]);
    node.sent(other);
    let frames = node.ask(other, &data(2, "b"));
    assert!(frames[0].contains(r#""type":"streamNack""#), "a gap in its own: {frames:?}");
}

#[test]
fn a_start_is_refused_in_words() {
    let mut node = Node::new(Limits { streams_per_connection_max: 1, ..Limits::default() });
    let publisher = node.plain(1);
    let start = |id: &str, more: &str| {
        format!(r#"{{"type":"sendToGroup","group":"g","stream":{{"streamId":"{id}"{more}}}}}"#)
    };
    let refused = |id: &str, message: &str| {
        format!(
            r#"{{"type":"streamClosed","streamId":"{id}","error":{{"name":"BadRequest","message":"{message}"}}}}"#
        )
    };
    let length = "A stream id has 1 to 1024 bytes.";
    let long = "x".repeat(1025);
    assert_eq!(node.ask(publisher, &start("", "")), [refused("", length)]);
    assert_eq!(node.ask(publisher, &start(&long, "")), [refused(&long, length)]);
    let idle = "The idle time-out of a stream is greater than 0.";
    assert_eq!(node.ask(publisher, &start("s", r#","idleTimeoutMs":0"#)), [refused("s", idle)]);
    assert_eq!(node.ask(publisher, &start("s", "")), [ack(1)]);
    assert_eq!(
        node.ask(publisher, &start("s", "")),
        [refused("s", "The connection has an open stream with this id.")]
    );
    let limit = "The connection has too many open streams: limit streams_per_connection_max.";
    assert_eq!(node.ask(publisher, &start("t", "")), [refused("t", limit)]);
}

#[test]
fn a_start_with_an_ack_id_is_acknowledged_as_well() {
    let mut node = Node::new(Limits::default());
    let publisher = node.plain(1);
    let start = r#"{"type":"sendToGroup","group":"g","ackId":7,"stream":{"streamId":"s"}}"#;
    assert_eq!(node.ask(publisher, start), [ack(1), r#"{"type":"ack","ackId":7,"success":true}"#.to_owned()]);
    node.execute(Command::Revoke(id(1), Permission::SendToGroup, group("h")));
    let forbidden = r#"{"type":"sendToGroup","group":"h","ackId":8,"stream":{"streamId":"t"}}"#;
    let frames = node.ask(publisher, forbidden);
    assert!(frames[0].contains(r#""streamId":"t","error":{"name":"Forbidden""#), "{frames:?}");
    assert!(frames[1].contains(r#""ackId":8,"success":false"#), "{frames:?}");
}

#[test]
fn a_permission_that_is_revoked_ends_the_stream_for_everyone() {
    let (mut node, publisher, subscriber) = streaming();
    assert_eq!(node.execute(Command::Revoke(id(1), Permission::SendToGroup, group("g"))), Reply::Done);
    assert_eq!(
        node.ask(publisher, &data(1, "a")),
        [closed("Forbidden", "The client does not have permission to send to group 'g'.")]
    );
    let error = r#"{"name":"Forbidden","message":"The publisher may no longer send to the group."}"#;
    assert_eq!(node.sent(subscriber), [terminal(1, error)]);
}

#[test]
fn a_silent_stream_ends_after_its_time_out_and_a_sign_of_life_puts_it_off() {
    let (mut node, publisher, subscriber) = streaming();
    node.now_ms += 4000;
    assert_eq!(node.ask(publisher, r#"{"type":"streamData","streamId":"s"}"#), [""; 0]);
    node.now_ms += 4999;
    node.shard.keep_time(node.now_ms);
    assert_eq!(node.sent(publisher), [""; 0]);
    assert_eq!(node.shard.next_due_ms(), Some(node.now_ms + 1));
    node.now_ms += 1;
    node.shard.keep_time(node.now_ms);
    assert_eq!(node.sent(publisher), [closed("IdleTimeout", "The stream was idle for too long.")]);
    assert_eq!(node.sent(subscriber), [terminal(1, IDLE)]);
    assert_eq!(node.shard.next_due_ms(), None);
}

#[test]
fn subscribers_are_told_once_that_a_publisher_has_gone() {
    let (mut node, publisher, subscriber) = streaming();
    node.ask(publisher, &data(1, "a"));
    node.sent(subscriber);
    node.lose(publisher);
    let published = node.settle().into_iter().filter(|effect| matches!(effect, Effect::Publish(_))).count();
    assert_eq!(published, 1, "other shards are told as well");
    assert_eq!(node.sent(subscriber), [terminal(2, CANCELLED)]);
    assert_eq!(node.shard.next_due_ms(), None, "no deadline is left behind");
    let next = node.plain(3);
    assert_eq!(next, publisher, "the place is used again");
    assert_eq!(node.ask(next, &data(2, "b")), [NOT_FOUND]);
}

#[test]
fn a_stream_outlives_the_socket_of_a_reliable_publisher() {
    let mut node = Node::new(Limits { recovery_window_ms: 1000, ..Limits::default() });
    let (publisher, subscriber) = (node.reliable(1), node.plain(2));
    node.ask(publisher, START);
    node.ask(publisher, &data(1, "a"));
    node.lose(publisher);
    node.settle();
    node.sent(subscriber);
    assert_eq!(node.resume(1), Some(publisher));
    assert_eq!(node.ask(publisher, &data(1, "a")), [ack(2)], "what was lost with the socket is said again");
    assert_eq!(node.ask(publisher, &data(2, "b")), [ack(3)]);
    assert_eq!(node.sent(subscriber), [seen("b", r#""streamSequenceId":2"#)]);
    node.lose(publisher);
    node.now_ms += 1000;
    node.shard.keep_time(node.now_ms);
    node.settle();
    assert_eq!(node.sent(subscriber), [terminal(3, CANCELLED)]);
}

#[test]
fn a_stream_that_is_idle_while_its_publisher_is_away_ends_for_its_subscribers() {
    let mut node = Node::new(Limits::default());
    let (publisher, subscriber) = (node.reliable(1), node.plain(2));
    node.ask(publisher, START);
    node.lose(publisher);
    node.now_ms += 5000;
    node.shard.keep_time(node.now_ms);
    node.settle();
    assert_eq!(node.sent(subscriber), [terminal(1, IDLE)]);
    node.resume(1);
    assert_eq!(node.ask(publisher, &data(1, "a")), [NOT_FOUND]);
}

#[test]
fn members_of_every_protocol_see_a_stream_in_their_own_way() {
    let (mut node, publisher, _) = streaming();
    let bare = node.open(3, simple());
    let protobuf = node.open(4, Protocol::PubSub(Subprotocol::Protobuf));
    let reliable = node.reliable(5);
    node.ask(publisher, &data(1, "a"));
    node.ask(publisher, r#"{"type":"streamEnd","streamId":"s"}"#);
    assert_eq!(node.sent(bare), ["a"], "the end is no message of its own");
    let frames = node.taken(protobuf);
    assert_eq!(
        frames[0][2..],
        b"\x12\x16\x0a\x05group\x12\x01g\x1a\x03\x0a\x01a\x32\x05\x0a\x01s\x10\x01"[..],
        "{frames:?}"
    );
    assert_eq!(frames.len(), 2);
    let numbered = node.sent(reliable);
    assert!(numbered[0].starts_with(r#"{"sequenceId":1,"type":"message""#), "{numbered:?}");
    assert!(numbered[1].starts_with(r#"{"sequenceId":2,"type":"message""#), "{numbered:?}");
}

#[test]
fn the_options_of_a_start_hold_for_every_message() {
    let mut node = Node::new(Limits::default());
    let (publisher, subscriber) = (node.plain(1), node.plain(2));
    let start = r#"{"type":"sendToGroup","group":"g","noEcho":false,"ttlSeconds":1,"metadata":{"k":"v"},"stream":{"streamId":"s"}}"#;
    node.ask(publisher, start);
    let own = node.ask(publisher, &data(1, "a"));
    assert!(own[0].contains(r#""metadata":{"k":"v"},"stream""#), "{own:?}");
    node.now_ms += 1000;
    assert_eq!(node.sent(subscriber), [""; 0], "its time to live has passed");
}

#[test]
fn a_client_that_says_goodbye_ends_its_streams_too() {
    let (mut node, publisher, subscriber) = streaming();
    node.shard.disconnect(publisher, Ending::Normal(String::new()), node.now_ms);
    node.settle();
    assert_eq!(node.sent(subscriber), [terminal(1, CANCELLED)]);
}

#[test]
fn a_publisher_that_is_away_may_overflow_by_the_end_of_its_own_stream() {
    let mut node = Node::new(Limits { window_messages_max: 1, ..Limits::default() });
    let publisher = node.reliable(1);
    node.ask(publisher, &START.replace(r#""noEcho":true"#, r#""noEcho":false"#));
    node.lose(publisher);
    node.publish(crate::fixture::to_group("g"), "fills the window");
    node.now_ms += 5000;
    node.shard.keep_time(node.now_ms);
    assert_eq!(node.ended(), [(id(1), "The reliable message buffer is full.".to_owned())]);
    assert_eq!((node.shard.connection_count(), node.resume(1)), (0, None));
}

#[test]
fn a_publisher_that_comes_back_is_greeted_again_and_nobody_else() {
    let mut node = Node::new(Limits::default());
    let (publisher, other) = (node.reliable(1), node.reliable(2));
    node.ask(publisher, START);
    for (key, number) in [(publisher, 1), (other, 2)] {
        node.lose(key);
        node.resume(number);
        node.shard.greet_again(key, "token");
    }
    let greeting = format!(
        r#"{{"type":"system","event":"connected","userId":"u1","connectionId":"{}","reconnectionToken":"token"}}"#,
        id(1)
    );
    assert_eq!((node.sent(publisher), node.sent(other)), (vec![greeting], vec![]));
}
