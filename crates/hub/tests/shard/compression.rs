use hubwire_hub::{ConnectionKey, Limits, Outbound, Protocol};
use hubwire_protocol::Subprotocol;
use hubwire_protocol::websocket::DeflateWindow;

use crate::fixture::{Node, simple, to_group};

/// A text that is worth compressing.
fn text() -> String {
    "again and again ".repeat(100)
}

/// Opens a connection whose client takes compressed messages.
fn open(node: &mut Node, number: u128, protocol: Protocol) -> ConnectionKey {
    let key = node.open(number, protocol);
    node.shard.set_compression(key, Some(DeflateWindow::Full));
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
fn who_wants_a_small_window_has_a_form_of_its_own_only_where_it_makes_a_difference() {
    for protocol in
        [Protocol::PubSub(Subprotocol::Json), Protocol::PubSub(Subprotocol::JsonReliable), simple()]
    {
        let mut node = Node::new(Limits::default());
        let keys = [1, 2, 3].map(|number| open(&mut node, number, protocol.clone()));
        for key in &keys[1..] {
            node.shard.set_compression(*key, Some(DeflateWindow::Narrow));
        }
        for (text, forms) in [(text(), 2), (text()[..300].to_owned(), 1)] {
            let before = node.shard.counters().compressions;
            node.publish(to_group("g"), &text);
            let frames = keys.map(|key| waiting(&mut node, key).pop().unwrap().bytes);
            assert_eq!(frames[1].as_ptr(), frames[2].as_ptr(), "{protocol:?}");
            assert_eq!(frames[0].as_ptr() == frames[1].as_ptr(), forms == 1, "{protocol:?}");
            assert!(frames[1].len() < text.len() / 3, "{protocol:?}: {} bytes", frames[1].len());
            assert_eq!(node.shard.counters().compressions - before, forms, "{protocol:?}");
        }
    }
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
    node.shard.set_compression(key, None);
    node.publish(to_group("g"), &text());
    assert_eq!(node.texts(key), [text(), text(), text()], "nothing is compressed, whenever it was published");
}
