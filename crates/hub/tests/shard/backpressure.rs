//! Publishers of streams that are faster than their subscribers.

use hubwire_hub::{ConnectionKey, Effect, Letter, Limits, Parcel, Recipient};
use hubwire_protocol::{ConnectionId, StreamPosition};

use crate::fixture::{Node, envelope, id, to_group};

const START: &str = r#"{"type":"sendToGroup","group":"g","noEcho":true,"stream":{"streamId":"s"}}"#;

fn limits() -> Limits {
    Limits { outbox_messages_max: 8, window_messages_max: 12, stream_hold_max_ms: 1000, ..Limits::default() }
}

/// A publisher with an open stream, and a subscriber whose socket takes nothing.
fn blocked() -> (Node, ConnectionKey, ConnectionKey) {
    let mut node = Node::new(limits());
    let (publisher, subscriber) = (node.plain(1), node.plain(2));
    node.ask(publisher, START);
    node.shard.set_blocked(subscriber, true);
    (node, publisher, subscriber)
}

/// Publishes until the publisher is held, or so often.
fn publish(node: &mut Node, publisher: ConnectionKey, from: u64, most: u64) -> u64 {
    for number in from..from + most {
        if node.shard.is_held(publisher) {
            return number - from;
        }
        let data = format!(r#"{{"type":"streamData","streamId":"s","streamSequenceId":{number},"data":1}}"#);
        node.request(publisher, &data);
        node.sent(publisher);
    }
    most
}

fn released(node: &mut Node) -> bool {
    node.settle().iter().any(|effect| matches!(effect, Effect::Released(_)))
}

fn pass(node: &mut Node, ms: u64) {
    node.now_ms += ms;
    node.shard.keep_time(node.now_ms);
}

#[test]
fn a_publisher_waits_for_a_subscriber_that_lags_and_goes_on_when_it_has_caught_up() {
    let (mut node, publisher, subscriber) = blocked();
    assert_eq!(publish(&mut node, publisher, 1, 100), 5, "more than half of the outbox is taken");
    pass(&mut node, 20);
    assert!(node.shard.is_held(publisher), "nothing has changed");
    node.shard.set_blocked(subscriber, false);
    assert_eq!(node.sent(subscriber).len(), 5);
    pass(&mut node, 20);
    assert!(released(&mut node));
    assert!(!node.shard.is_held(publisher));
    assert_eq!(node.shard.next_due_ms(), Some(301_000), "only the stream's own time-out is left");
}

#[test]
fn a_publisher_waits_for_a_reliable_subscriber_that_does_not_acknowledge() {
    let mut node = Node::new(limits());
    let (publisher, subscriber) = (node.plain(1), node.reliable(2));
    node.ask(publisher, START);
    assert_eq!(publish(&mut node, publisher, 1, 100), 9, "more than two thirds of the window are taken");
    node.sent(subscriber);
    node.acknowledge(subscriber, 4);
    pass(&mut node, 20);
    assert!(node.shard.is_held(publisher), "five of twelve are still many");
    node.acknowledge(subscriber, 9);
    pass(&mut node, 20);
    assert!(released(&mut node));
}

#[test]
fn it_does_not_wait_for_ever_and_who_is_still_behind_overflows() {
    let (mut node, publisher, _) = blocked();
    let first = publish(&mut node, publisher, 1, 100);
    for _ in 0..50 {
        assert!(node.shard.is_held(publisher));
        pass(&mut node, 20);
    }
    assert!(released(&mut node));
    assert_eq!(
        publish(&mut node, publisher, first + 1, 20),
        20,
        "it is not held again for the same subscriber"
    );
    assert_eq!(node.ended(), [(id(2), "The outbound message queue is full.".to_owned())]);
    let counters = node.shard.counters();
    assert_eq!((counters.stream_holds, counters.stream_holds_given_up), (1, 1));
}

#[test]
fn a_session_that_is_away_makes_nobody_wait() {
    let mut node = Node::new(limits());
    let (publisher, subscriber) = (node.plain(1), node.reliable(2));
    node.ask(publisher, START);
    node.lose(subscriber);
    assert_eq!(publish(&mut node, publisher, 1, 13), 13);
    assert_eq!(node.ended(), [(id(2), "The reliable message buffer is full.".to_owned())]);
}

#[test]
fn ordinary_messages_hold_nobody() {
    let (mut node, publisher, _) = blocked();
    for _ in 0..8 {
        node.request(publisher, r#"{"type":"sendToGroup","group":"g","noEcho":true,"data":1}"#);
    }
    assert!(!node.shard.is_held(publisher));
}

#[test]
fn a_publisher_of_another_shard_is_asked_by_letter() {
    let mut node = Node::new(limits());
    let subscriber = node.plain(2);
    node.shard.set_blocked(subscriber, true);
    let far = ConnectionId::new(77 << 8, 3);
    let mut message = envelope(to_group("g"), "x");
    message.publisher = Some(far);
    let position = StreamPosition { stream_id: "s".into(), sequence_id: 1, end: None };
    std::sync::Arc::make_mut(&mut message.message).stream = Some(Box::new(position));
    for _ in 0..6 {
        node.shard.publish(&message, node.now_ms);
    }
    let letters = |node: &mut Node| -> Vec<bool> {
        let effects = node.shard.take_effects();
        let letter = |effect: Effect| match effect {
            Effect::Send(Recipient::Owner(owner), Letter::Hold(publisher))
                if (owner, publisher) == (far, far) =>
            {
                Some(true)
            }
            Effect::Send(Recipient::Owner(owner), Letter::Release(publisher))
                if (owner, publisher) == (far, far) =>
            {
                Some(false)
            }
            _ => None,
        };
        effects.into_iter().filter_map(letter).collect()
    };
    assert_eq!(letters(&mut node), [true], "once");
    node.shard.set_blocked(subscriber, false);
    node.sent(subscriber);
    pass(&mut node, 20);
    assert_eq!(letters(&mut node), [false]);
    pass(&mut node, 1000);
    assert_eq!(letters(&mut node), [false; 0]);
}

#[test]
fn the_owner_of_a_publisher_does_what_letters_say_and_holds_add_up() {
    let mut node = Node::new(limits());
    let publisher = node.plain(1);
    for parcel in [Parcel::Letter(Letter::Hold(id(1))), Parcel::Letter(Letter::Hold(id(1)))] {
        if let Parcel::Letter(letter) = parcel {
            node.shard.receive(letter, node.now_ms);
        }
    }
    node.shard.receive(Letter::Release(id(1)), node.now_ms);
    assert!(node.shard.is_held(publisher));
    assert!(!released(&mut node));
    node.shard.receive(Letter::Release(id(1)), node.now_ms);
    assert!(released(&mut node));
    node.shard.receive(Letter::Hold(id(9)), node.now_ms);
    node.shard.receive(Letter::Release(id(9)), node.now_ms);
    assert!(!released(&mut node), "who is gone is passed over");
}

#[test]
fn a_burst_rests_until_it_has_arrived_everywhere() {
    let mut node = Node::new(Limits::default());
    let publisher = node.plain(1);
    node.ask(publisher, START);
    assert_eq!(publish(&mut node, publisher, 1, 1000), 32);
    assert_eq!(node.shard.resting(), 1);
    node.shard.end_rests(1);
    assert!(released(&mut node));
    assert_eq!((node.shard.resting(), publish(&mut node, publisher, 33, 1000)), (0, 32));
}

#[test]
fn a_held_stream_is_not_idle() {
    let mut node = Node::new(Limits::default());
    let publisher = node.plain(1);
    node.ask(publisher, &START.replace(r#""s"}"#, r#""s","idleTimeoutMs":100}"#));
    node.shard.receive(Letter::Hold(id(1)), node.now_ms);
    pass(&mut node, 100);
    assert_eq!(node.sent(publisher), [""; 0], "what it says is not read");
    node.shard.receive(Letter::Release(id(1)), node.now_ms);
    pass(&mut node, 99);
    assert_eq!(node.sent(publisher), [""; 0]);
    pass(&mut node, 1);
    assert_eq!(node.sent(publisher).len(), 1);
}
