use hubwire_hub::Limits;

use crate::fixture::{Node, to_group};

#[test]
fn a_late_message_is_dropped_while_its_recipient_is_away() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.lose(key);
    node.publish_for(to_group("g"), "short", 1);
    node.publish_for(to_group("g"), "long", 300);
    node.publish(to_group("g"), "ever");
    node.now_ms += 1000;
    node.resume(1).unwrap();
    assert_eq!(node.texts(key), ["long", "ever"]);
    assert_eq!(node.shard.counters().ttl_drops, 1);
}

#[test]
fn a_message_is_in_time_until_its_very_end() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.lose(key);
    node.publish_for(to_group("g"), "short", 1);
    node.now_ms += 999;
    node.resume(1).unwrap();
    assert_eq!(node.texts(key), ["short"]);
    assert_eq!(node.shard.counters().ttl_drops, 0);
}

#[test]
fn a_late_message_is_dropped_from_a_blocked_outbox() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.shard.set_blocked(key, true);
    node.publish_for(to_group("g"), "short", 1);
    node.publish_for(to_group("g"), "longer", 2);
    node.publish(to_group("g"), "ever");
    node.now_ms += 1000;
    assert_eq!(node.texts(key), ["longer", "ever"]);
    assert_eq!(node.shard.counters().ttl_drops, 1);
}

#[test]
fn what_is_written_in_part_is_finished_however_late() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.publish_for(to_group("g"), "begun", 1);
    node.publish_for(to_group("g"), "late", 1);
    node.shard.outbox(key, node.now_ms).unwrap().written(0, true);
    node.now_ms += 5000;
    assert_eq!(node.texts(key), ["begun"]);
    assert_eq!(node.shard.counters().ttl_drops, 1);
}

#[test]
fn a_dropped_message_leaves_the_numbers_of_the_others_alone() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.publish_for(to_group("g"), "late", 1);
    node.publish(to_group("g"), "ever");
    node.now_ms += 1000;
    let sent = node.sent(key);
    assert_eq!(sent.len(), 1);
    assert!(sent[0].starts_with(r#"{"sequenceId":2,"#), "{sent:?}");
}

#[test]
fn late_messages_make_room_before_a_window_counts_as_full() {
    let mut node = Node::new(Limits { window_messages_max: 2, ..Limits::default() });
    let key = node.reliable(1);
    node.lose(key);
    for text in ["a", "b", "c", "d"] {
        node.publish_for(to_group("g"), text, 1);
        node.now_ms += 600;
    }
    node.publish(to_group("g"), "e");
    assert_eq!(node.ended(), []);
    node.resume(1).unwrap();
    assert_eq!(node.texts(key), ["d", "e"]);
}

#[test]
fn a_copy_that_is_dropped_is_counted_once() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.shard.set_blocked(key, true);
    node.publish_for(to_group("g"), "late", 1);
    node.now_ms += 1000;
    assert!(node.texts(key).is_empty());
    node.lose(key);
    node.resume(1).unwrap();
    assert_eq!(node.shard.counters().ttl_drops, 1);
}

#[test]
fn a_copy_that_made_room_in_the_window_is_counted_once() {
    let mut node = Node::new(Limits { window_messages_max: 2, ..Limits::default() });
    let key = node.reliable(1);
    node.shard.set_blocked(key, true);
    node.publish_for(to_group("g"), "late", 1);
    node.publish_for(to_group("g"), "late", 1);
    node.now_ms += 1000;
    node.publish(to_group("g"), "ever");
    assert_eq!(node.texts(key), ["ever"]);
    assert_eq!(node.shard.counters().ttl_drops, 2);
}
