//! Protobuf messages of clients: every field of the schema is understood, and everything else is refused.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use hubwire_protocol::protobuf::decode;
use hubwire_protocol::{Data, GroupName, Metadata, Publication, Request};
use proptest::prelude::*;

/// A length-delimited field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    write_varint(&mut out, bytes.len() as u64);
    out.extend_from_slice(bytes);
    out
}

/// A field that is a number.
fn number(number: u8, value: u64) -> Vec<u8> {
    let mut out = vec![number << 3];
    write_varint(&mut out, value);
    out
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// `send_to_group_message` for the group `g` with these further fields.
fn send(fields: &[Vec<u8>]) -> Vec<u8> {
    field(1, &[field(1, b"g"), fields.concat()].concat())
}

fn published(message: &[u8]) -> Publication {
    match decode(message).unwrap() {
        Request::SendToGroup { publication, .. } => publication,
        other => panic!("{other:?}"),
    }
}

fn ack_id(message: &[u8]) -> Option<u64> {
    match decode(message).unwrap() {
        Request::SendToGroup { ack_id, .. } | Request::JoinGroup { ack_id, .. } => ack_id,
        other => panic!("{other:?}"),
    }
}

/// Data that holds the text `a`.
fn text_a() -> Vec<u8> {
    field(3, &field(1, b"a"))
}

#[test]
fn the_vectors_of_the_protocol_are_understood() {
    let g = GroupName::parse("g").unwrap();
    let publication = Publication {
        group: g.clone(),
        data: Data::Text("a".into()),
        metadata: None,
        no_echo: false,
        ttl_s: 0,
    };
    let cases: [(&[u8], Request); 5] = [
        (b"\x32\x05\x0a\x01g\x10\x01", Request::JoinGroup { group: g.clone(), ack_id: Some(1) }),
        (b"\x3a\x03\x0a\x01g", Request::LeaveGroup { group: g, ack_id: None }),
        (
            b"\x0a\x0a\x0a\x01g\x10\x01\x1a\x03\x0a\x01a",
            Request::SendToGroup { publication, ack_id: Some(1) },
        ),
        (b"\x42\x02\x08\x05", Request::SequenceAck(5)),
        (b"\x4a\x00", Request::Ping),
    ];
    for (bytes, expected) in cases {
        assert_eq!(decode(bytes).unwrap(), expected);
    }
}

#[test]
fn an_event_has_data_and_ack_id_the_other_way_round() {
    match decode(b"\x2a\x0a\x0a\x01e\x12\x03\x0a\x01a\x18\x02").unwrap() {
        Request::Event { event, data, ack_id, .. } => {
            assert_eq!((event.as_str(), data, ack_id), ("e", Data::Text("a".into()), Some(2)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_absent_ack_id_differs_from_zero() {
    assert_eq!(ack_id(&send(&[text_a()])), None);
    for id in [0, 1, 1 << 40, u64::MAX] {
        assert_eq!(ack_id(&send(&[text_a(), number(2, id)])), Some(id));
        assert_eq!(ack_id(&field(6, &[field(1, b"g"), number(2, id)].concat())), Some(id));
    }
}

#[test]
fn a_publish_has_its_options() {
    let entry = |key: &[u8], value: &[u8]| field(6, &[field(1, key), field(2, value)].concat());
    let message = send(&[text_a(), number(4, 1), number(5, 300), entry(b"b", b"1"), entry(b"A", b"2")]);
    let publication = published(&message);
    assert!(publication.no_echo);
    assert_eq!(publication.ttl_s, 300);
    assert_eq!(publication.metadata, Some(Metadata::new([("A", "2"), ("b", "1")]).unwrap()));
    let without_data = send(&[entry(b"k", b"v")]);
    assert_eq!(published(&without_data).data, Data::Text("".into()), "metadata alone is enough");
}

#[test]
fn payloads_are_taken_over_in_their_kind() {
    let cases: [(Vec<u8>, Data); 8] = [
        (field(1, "é".as_bytes()), Data::Text("é".into())),
        (field(1, b""), Data::Text("".into())),
        (field(2, &[0, 255]), Data::Binary(vec![0, 255].into())),
        (field(2, b""), Data::Binary("".into())),
        (field(4, b" { \"n\" : 1.50 }\n"), Data::Json(" { \"n\" : 1.50 }\n".into())),
        (field(4, b"0"), Data::Json("0".into())),
        (field(3, b""), Data::Protobuf("".into())),
        // Of several members of a choice the last one counts.
        ([field(1, b"a"), field(2, b"b")].concat(), Data::Binary("b".into())),
    ];
    for (data, expected) in cases {
        assert_eq!(published(&send(&[field(3, &data)])).data, expected);
    }
}

#[test]
fn a_native_message_keeps_every_byte() {
    // The value before the type, a field that nobody knows, a length that is longer than it must be.
    let any = [field(2, b"value"), field(9, b"unknown"), vec![0x0a, 0x81, 0x00, b't']].concat();
    assert_eq!(published(&send(&[field(3, &field(3, &any))])).data, Data::Protobuf(any.into()));
}

#[test]
fn unknown_fields_are_ignored() {
    let inner = send(&[text_a(), field(15, b"unknown"), number(14, 7)]);
    let message = [number(12, 1), inner, field(3, b"x")].concat();
    assert_eq!(published(&message).data, Data::Text("a".into()));
}

/// Every one of these ends the connection with 1007.
#[test]
fn invalid_messages_are_refused() {
    let stream = field(7, &field(1, b"s"));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("an empty frame", vec![]),
        ("garbage", b"{\"type\":\"ping\"}".to_vec()),
        ("no known member", field(12, b"")),
        ("the unused numbers", field(2, b"")),
        ("no group", field(6, b"")),
        ("a blank group", field(6, &field(1, b" "))),
        ("a group that is no text", field(6, &field(1, &[0xff]))),
        ("no data", send(&[])),
        ("data without a choice", send(&[field(3, b"")])),
        ("text that is not UTF-8", send(&[field(3, &field(1, &[0xff]))])),
        ("JSON that is none", send(&[field(3, &field(4, b"{"))])),
        ("JSON that is nothing", send(&[field(3, &field(4, b""))])),
        ("JSON null", send(&[field(3, &field(4, b" null "))])),
        ("two JSON values", send(&[field(3, &field(4, b"1 2"))])),
        ("JSON that is not UTF-8", send(&[field(3, &field(4, b"\"\xff\""))])),
        ("JSON that is too deep", send(&[field(3, &field(4, "[".repeat(64).as_bytes()))])),
        ("a native message that is none", send(&[field(3, &field(3, &[0xff]))])),
        ("too long a time to live", send(&[text_a(), number(5, 301)])),
        ("a key with a space", send(&[text_a(), field(6, &field(1, b"a b"))])),
        ("a stream with a payload", send(&[text_a(), stream.clone()])),
        (
            "a stream of events",
            field(5, &[field(1, b"e"), field(2, &field(1, b"a")), field(5, &field(1, b"s"))].concat()),
        ),
        ("an event without a name", field(5, &field(2, &field(1, b"a")))),
        ("an event name with a space", field(5, &[field(1, b"a b"), field(2, &field(1, b"a"))].concat())),
        ("an invocation of a stream", field(10, &[field(1, b"e"), field(2, b"1"), field(5, b"")].concat())),
        ("stream data without a number", field(13, &[field(1, b"s"), text_a()].concat())),
        ("a stream number without data", field(13, &[field(1, b"s"), number(2, 1)].concat())),
        ("a state in a blank group", field(15, &field(1, b" "))),
        ("a field of the wrong type", field(6, &number(1, 7))),
    ];
    for (what, bytes) in cases {
        assert!(decode(&bytes).is_err(), "{what}: {bytes:?}");
    }
}

#[test]
fn a_message_that_is_cut_short_is_refused_or_another_message() {
    let entry = field(6, &[field(1, b"k"), field(2, b"v")].concat());
    let message = send(&[number(2, 300), text_a(), number(4, 1), entry]);
    for end in 0..message.len() {
        assert!(decode(&message[..end]).is_err(), "cut at {end}");
    }
}

proptest! {
    #[test]
    fn whatever_arrives_nothing_breaks(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _refused_or_not = decode(&bytes);
    }

    #[test]
    fn a_message_with_flipped_bits_breaks_nothing(position in 0_usize..40, bit in 0_u8..8) {
        let entry = field(6, &[field(1, b"k"), field(2, b"v")].concat());
        let mut message = send(&[number(2, 300), text_a(), number(4, 1), entry]);
        let position = position % message.len();
        message[position] ^= 1 << bit;
        let _refused_or_not = decode(&message);
    }
}
