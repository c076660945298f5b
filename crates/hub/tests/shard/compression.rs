use hubwire_hub::{ConnectionKey, Limits, Outbound, Protocol};
use hubwire_protocol::Subprotocol;

use crate::fixture::{Node, simple, to_group};

/// A text that is worth compressing.
fn text() -> String {
    "again and again ".repeat(100)
}

/// Opens a connection whose client takes compressed messages.
fn open(node: &mut Node, number: u128, protocol: Protocol) -> ConnectionKey {
    let key = node.open(number, protocol);
    node.shard.set_compression(key, true);
    key
}

fn waiting(node: &mut Node, key: ConnectionKey) -> Vec<Outbound> {
    node.shard.outbox(key, node.now_ms).unwrap().frames().cloned().collect()
}

#[test]
fn a_message_is_compressed_once_for_all_who_take_it_so() {
    let mut node = Node::new(Limits::default());
    for (first, protocol) in [
        (1, Protocol::PubSub(Subprotocol::Json)),
        (4, Protocol::PubSub(Subprotocol::JsonReliable)),
        (7, Protocol::PubSub(Subprotocol::ProtobufReliable)),
        (10, simple()),
    ] {
        let plain = node.open(first, protocol.clone());
        let takers = [first + 1, first + 2].map(|number| open(&mut node, number, protocol.clone()));
        let before = node.shard.counters().compressions;
        node.publish(to_group("g"), &text());
        let frames = takers.map(|key| waiting(&mut node, key).remove(0).bytes);
        assert_eq!(frames[0].as_ptr(), frames[1].as_ptr(), "{protocol:?}");
        assert!(frames[0].len() < text().len() / 10, "{protocol:?}: {} bytes", frames[0].len());
        assert!(waiting(&mut node, plain)[0].bytes.len() > text().len(), "{protocol:?}");
        // Those of the earlier protocols are members still.
        assert_eq!(node.shard.counters().compressions - before, u64::try_from(first).unwrap().div_ceil(3));
    }
    let counters = node.shard.counters();
    assert!(counters.compressed_bytes * 10 < counters.compressed_plain_bytes);
}

#[test]
fn what_is_too_short_to_gain_is_sent_as_it_is() {
    let mut node = Node::new(Limits::default());
    let key = open(&mut node, 1, Protocol::PubSub(Subprotocol::JsonReliable));
    node.publish(to_group("g"), "short");
    assert_eq!(node.texts(key), ["short"]);
    assert_eq!(node.shard.counters().compressions, 0);
}

#[test]
fn a_recovery_is_served_in_the_way_of_its_own_socket() {
    let mut node = Node::new(Limits::default());
    let key = open(&mut node, 1, Protocol::PubSub(Subprotocol::JsonReliable));
    node.publish(to_group("g"), &text());
    node.lose(key);
    node.publish(to_group("g"), &text());
    let key = node.resume(1).unwrap();
    node.shard.set_compression(key, false);
    node.publish(to_group("g"), &text());
    assert_eq!(node.texts(key), [text(), text(), text()], "nothing is compressed, whenever it was published");
}
