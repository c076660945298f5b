use hubwire_hub::{Limits, Target};

use crate::fixture::{Node, id, simple, to_group};

const QUEUE_FULL: &str = "The outbound message queue is full.";
const WINDOW_FULL: &str = "The reliable message buffer is full.";

#[test]
fn the_thousand_and_first_message_ends_a_connection_that_takes_none() {
    let mut node = Node::new(Limits::default());
    let (slow, quick) = (node.plain(1), node.plain(2));
    node.shard.set_blocked(slow, true);
    for number in 0..1000 {
        node.publish(to_group("g"), &number.to_string());
        assert_eq!(node.texts(quick), [number.to_string()]);
    }
    assert_eq!(node.ended(), []);
    node.publish(to_group("g"), "last");
    assert_eq!(node.ended(), [(id(1), QUEUE_FULL.to_owned())]);
    assert_eq!(node.texts(quick), ["last"], "nobody else notices");
    let notice = format!(r#"{{"type":"system","event":"disconnected","message":"{QUEUE_FULL}"}}"#);
    assert_eq!(node.sent(slow), [notice, format!("close 1008 {QUEUE_FULL}")]);
    assert_eq!(node.shard.counters().outboxes_full, 1);
    assert_eq!(node.shard.counters().deliveries, 2001);
}

#[test]
fn the_close_frame_follows_a_frame_that_is_written_in_part() {
    let mut node = Node::new(Limits { outbox_messages_max: 2, ..Limits::default() });
    let key = node.open(1, simple());
    node.publish(to_group("g"), "begun");
    node.publish(to_group("g"), "waiting");
    node.shard.outbox(key, node.now_ms).unwrap().written(0, true);
    node.publish(to_group("g"), "too much");
    let outbox = node.shard.outbox(key, node.now_ms).unwrap();
    assert!(outbox.is_closing());
    assert_eq!(node.sent(key), ["begun".to_owned(), format!("close 1008 {QUEUE_FULL}")]);
}

#[test]
fn bytes_are_bounded_as_messages_are() {
    let mut node = Node::new(Limits { outbox_bytes_max: 100, ..Limits::default() });
    let key = node.open(1, simple());
    node.publish(to_group("g"), &"x".repeat(48));
    node.publish(to_group("g"), &"x".repeat(48));
    assert_eq!(node.shard.outbox(key, node.now_ms).unwrap().bytes(), 100);
    assert_eq!(node.ended(), []);
    node.publish(to_group("g"), "");
    assert_eq!(node.ended(), [(id(1), QUEUE_FULL.to_owned())]);
}

#[test]
fn the_thousand_and_first_unacknowledged_message_ends_a_session() {
    for attached in [true, false] {
        let mut node = Node::new(Limits::default());
        let key = node.reliable(1);
        if !attached {
            node.lose(key);
        }
        for number in 0..1000 {
            node.publish(to_group("g"), &number.to_string());
            node.taken(key);
        }
        assert_eq!(node.ended(), []);
        node.publish(to_group("g"), "last");
        assert_eq!(node.ended(), [(id(1), WINDOW_FULL.to_owned())]);
        assert_eq!(node.resume(1), None);
        assert_eq!((node.shard.counters().windows_full, node.shard.counters().outboxes_full), (1, 0));
        let told = attached.then(|| format!("close 1008 {WINDOW_FULL}"));
        assert_eq!(node.sent(key).pop(), told);
    }
}

#[test]
fn an_acknowledgement_makes_room_in_the_window() {
    let mut node = Node::new(Limits { window_messages_max: 2, ..Limits::default() });
    let key = node.reliable(1);
    for sequence_id in 1..20 {
        node.publish(to_group("g"), "a");
        node.publish(to_group("g"), "b");
        node.taken(key);
        node.acknowledge(key, 2 * sequence_id);
    }
    assert_eq!(node.ended(), []);
}

#[test]
fn a_window_is_bounded_in_bytes() {
    let mut node = Node::new(Limits { window_bytes_max: 300, ..Limits::default() });
    let key = node.reliable(1);
    for _ in 0..3 {
        node.publish(to_group("g"), "a");
        node.taken(key);
    }
    assert_eq!(node.ended(), []);
    node.publish(to_group("g"), &"x".repeat(200));
    assert_eq!(node.ended(), [(id(1), WINDOW_FULL.to_owned())]);
}

#[test]
fn a_full_window_and_the_answers_to_requests_fit_into_the_outbox() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    for _ in 0..1000 {
        node.publish(to_group("g"), "a");
    }
    node.lose(key);
    node.resume(1).unwrap();
    for _ in 0..32 {
        node.request(key, r#"{"type":"ping"}"#);
    }
    assert_eq!(node.ended(), []);
    assert_eq!(node.taken(key).len(), 1032);
}

#[test]
fn a_window_may_be_set_larger_than_the_outbox() {
    let limits = Limits { outbox_messages_max: 10, window_messages_max: 100, ..Limits::default() };
    let mut node = Node::new(limits);
    let key = node.reliable(1);
    node.lose(key);
    for _ in 0..99 {
        node.publish(to_group("g"), "a");
    }
    node.resume(1).unwrap();
    node.publish(to_group("g"), "b");
    assert_eq!(node.ended(), [], "the outbox of a reliable connection has room for a full window");
    assert_eq!(node.taken(key).len(), 100);
}

#[test]
fn a_shard_asks_for_a_flush_long_before_a_bound_is_reached() {
    let mut node = Node::new(Limits { outbox_messages_max: 100, ..Limits::default() });
    let (quick, slow) = (node.plain(1), node.plain(2));
    let mut flushes = Vec::new();
    node.shard.take_flushes(usize::MAX, &mut flushes);
    for _ in 0..25 {
        node.publish(to_group("g"), "a");
    }
    assert!(!node.shard.is_pressing());
    node.publish(to_group("g"), "a");
    assert!(node.shard.is_pressing());
    flushes.clear();
    node.shard.take_flushes(usize::MAX, &mut flushes);
    assert_eq!(flushes, [quick, slow]);
    node.taken(quick);
    assert!(!node.shard.is_pressing() && !node.shard.has_flushes());
    // A socket that would block is not offered again, and presses nobody.
    node.shard.set_blocked(slow, true);
    node.publish(to_group("g"), "a");
    flushes.clear();
    node.shard.take_flushes(usize::MAX, &mut flushes);
    assert_eq!((flushes, node.shard.is_pressing()), (vec![quick], false));
}

#[test]
fn a_large_publish_is_flushed_in_slices_and_behind_small_ones() {
    let mut node = Node::new(Limits::default());
    let keys: Vec<_> = (1..=100).map(|number| node.plain(number)).collect();
    let mut flushes = Vec::new();
    node.shard.take_flushes(usize::MAX, &mut flushes);
    flushes.clear();
    node.publish(to_group("g"), "to all");
    node.publish(hubwire_hub::Target::Connection(id(100)), "to one");
    node.shard.take_flushes(10, &mut flushes);
    assert_eq!(flushes[0], keys[99]);
    assert_eq!(flushes[1..], keys[..10]);
    assert!(node.shard.has_flushes());
}

/// Whoever only receives is heard by its answers to pings alone: it must get them however busy its outbox is.
#[test]
fn a_client_that_is_sent_messages_all_the_time_is_pinged_all_the_same() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.taken(key);
    node.publish(Target::Connection(id(1)), "on its way");
    node.shard.ping(key);
    let frames = node.taken(key);
    assert_eq!((frames.len(), frames.last().map(Vec::as_slice)), (2, Some(&[0x89, 0][..])));
}
