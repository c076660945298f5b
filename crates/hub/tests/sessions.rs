//! Reliable sessions outlive their sockets for exactly as long as they should.

use std::sync::Arc;

use hubwire_auth::Permissions;
use hubwire_hub::{
    Command, ConnectionKey, Effect, Ending, Envelope, Event, Limits, Occurrence, Opening, Protocol, Reply,
    Shard, Target,
};
use hubwire_protocol::{ConnectionId, Data, HubName, Message, Sender, Subprotocol};

fn hub() -> HubName {
    HubName::parse("chat").expect("the name is valid")
}

fn shard() -> Shard {
    Shard::new(Arc::new(Limits { recovery_window_ms: 1000, window_messages_max: 3, ..Limits::default() }))
}

fn connect(shard: &mut Shard, number: u128) -> (ConnectionKey, ConnectionId) {
    let id = ConnectionId::new(number << 8, 0);
    let key = shard.connect(Opening {
        id,
        hub: hub(),
        user: None,
        permissions: Permissions::default(),
        groups: Vec::new(),
        protocol: Protocol::PubSub(Subprotocol::JsonReliable),
        subprotocol: Some(Subprotocol::JsonReliable.name().into()),
        reconnection_token: Some("token".to_owned()),
        origin: "localhost".into(),
        state: None,
    });
    (key, id)
}

fn exists(shard: &mut Shard, id: ConnectionId) -> bool {
    shard.execute(&hub(), &Command::Exists(Target::Connection(id))) == Reply::Done
}

fn publish(shard: &mut Shard, text: &'static str, ttl_s: u16, now_ms: u64) {
    let message = Message::new(Sender::Server, Data::Text(text.into()), None);
    let mut envelope = Envelope::new(hub(), Target::Hub, message);
    envelope.ttl_s = ttl_s;
    shard.publish(&envelope, now_ms);
}

fn waiting(shard: &mut Shard, key: ConnectionKey, now_ms: u64) -> Vec<u64> {
    let outbox = shard.outbox(key, now_ms).expect("the connection is there");
    outbox.frames().map(|frame| frame.sequence_id).collect()
}

/// A session that was closed while detached left an entry behind that ended whoever came into its place.
#[test]
fn a_session_does_not_expire_by_the_time_of_another() {
    let mut shard = shard();
    let (first, id) = connect(&mut shard, 1);
    shard.disconnect(first, Ending::Lost, 0);
    let close = Command::Close { target: Target::Connection(id), excluded: [].into(), reason: "".into() };
    assert_eq!(shard.execute(&hub(), &close), Reply::Done);

    let (second, id) = connect(&mut shard, 2);
    assert_eq!(first, second, "the place is used again");
    shard.disconnect(second, Ending::Lost, 900);
    shard.keep_time(1000);
    assert!(exists(&mut shard, id), "its own window lasts until 1900");
    shard.keep_time(1900);
    assert!(!exists(&mut shard, id));
}

#[test]
fn a_recovery_brings_back_what_was_not_acknowledged_before_anything_new() {
    let mut shard = shard();
    let (key, id) = connect(&mut shard, 1);
    publish(&mut shard, "one", 0, 10);
    shard.disconnect(key, Ending::Lost, 20);
    publish(&mut shard, "two", 0, 30);
    assert_eq!(shard.resume(&hub(), id, 40), Some(key));
    publish(&mut shard, "three", 0, 50);
    assert_eq!(waiting(&mut shard, key, 50), [1, 2, 3]);
}

#[test]
fn a_message_that_is_too_late_is_dropped_and_counted() {
    let mut shard = shard();
    let (key, id) = connect(&mut shard, 1);
    shard.disconnect(key, Ending::Lost, 0);
    publish(&mut shard, "short-lived", 1, 0);
    publish(&mut shard, "lasting", 0, 0);
    // The session's window is a second too, and ends only after what is due has been asked for.
    assert_eq!(shard.resume(&hub(), id, 1000), Some(key));
    assert_eq!(waiting(&mut shard, key, 1000), [2]);
    assert_eq!(shard.counters().ttl_drops, 1);
}

#[test]
fn what_is_too_late_makes_room_in_a_full_window() {
    let mut shard = shard();
    let (key, id) = connect(&mut shard, 1);
    shard.disconnect(key, Ending::Lost, 0);
    for _ in 0..3 {
        publish(&mut shard, "short-lived", 1, 0);
    }
    publish(&mut shard, "lasting", 0, 1000);
    assert_eq!(shard.resume(&hub(), id, 1000), Some(key));
    assert_eq!(waiting(&mut shard, key, 1000), [4]);
}

#[test]
fn one_message_beyond_the_window_ends_the_session_and_says_so() {
    let mut shard = shard();
    let (key, id) = connect(&mut shard, 1);
    shard.disconnect(key, Ending::Lost, 0);
    for _ in 0..4 {
        publish(&mut shard, "more", 0, 10);
    }
    assert_eq!(shard.resume(&hub(), id, 20), None);
    let ended = shard.take_effects().into_iter().find_map(|effect| match effect {
        Effect::Notify(Event { occurrence: Occurrence::Disconnected { reason }, .. }) => Some(reason),
        _ => None,
    });
    assert_eq!(ended.as_deref(), Some("The reliable message buffer is full."));
    assert_eq!(shard.counters().windows_full, 1);
}

#[test]
fn a_broken_message_after_the_end_counts_once() {
    let mut shard = shard();
    let (key, _) = connect(&mut shard, 1);
    shard.fail(key, &hubwire_protocol::codes::Close::INVALID_JSON);
    shard.fail(key, &hubwire_protocol::codes::Close::INVALID_JSON);
    assert_eq!(shard.counters().invalid_messages, 1);
}
