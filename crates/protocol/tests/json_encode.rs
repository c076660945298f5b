//! JSON messages of the service, byte for byte as clients see them.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{
    ConnectionId, Data, GroupName, JsonForm, Message, Metadata, Notice, Sender, Subprotocol, UserId,
};
use proptest::prelude::*;
use serde_json::Value;

/// The payload of one unmasked text frame, whose header must be the right one.
fn payload(frame: &[u8]) -> &str {
    assert_eq!(frame[0], 0x81, "one whole text frame");
    let (length, header) = match frame[1] {
        short @ 0..=125 => (u64::from(short), 2),
        126 => (u64::from(u16::from_be_bytes(frame[2..4].try_into().unwrap())), 4),
        _ => (u64::from_be_bytes(frame[2..10].try_into().unwrap()), 10),
    };
    assert_eq!(frame.len() as u64, header as u64 + length);
    std::str::from_utf8(&frame[header..]).unwrap()
}

fn sender(user: Option<&str>) -> Sender {
    Sender::Group { group: GroupName::parse("g").unwrap(), user: user.map(UserId::from_token) }
}

fn message(sender: Sender, data: Data, metadata: Option<Metadata>) -> Message {
    Message::new(sender, data, metadata)
}

fn whole(message: &Message) -> Bytes {
    Subprotocol::Json.message(message, JsonForm::Json)
}

fn notice(notice: &Notice<'_>) -> Bytes {
    Subprotocol::Json.notice(notice)
}

fn ack(ack_id: u64, error: Option<&RequestError>) -> Bytes {
    notice(&Notice::Ack { ack_id, error })
}

fn sequenced(message: &Message, sequence_id: u64) -> Vec<u8> {
    let tail = Subprotocol::JsonReliable.message(message, JsonForm::Json);
    let mut frame = Vec::new();
    Subprotocol::JsonReliable.message_head().write(&mut frame, sequence_id, tail.len());
    frame.extend_from_slice(&tail);
    frame
}

#[test]
fn the_service_greets_and_takes_leave() {
    let id = ConnectionId::parse("0123456789abcdef0123456789abcdef").unwrap();
    let user = UserId::from_token("u\"1");
    assert_eq!(
        payload(&notice(&Notice::Connected { connection: id, user: Some(&user), reconnection_token: None })),
        r#"{"type":"system","event":"connected","userId":"u\"1","connectionId":"0123456789abcdef0123456789abcdef"}"#
    );
    assert_eq!(
        payload(&notice(&Notice::Connected {
            connection: id,
            user: None,
            reconnection_token: Some("t.o.k")
        })),
        r#"{"type":"system","event":"connected","userId":null,"connectionId":"0123456789abcdef0123456789abcdef","reconnectionToken":"t.o.k"}"#
    );
    assert_eq!(
        payload(&notice(&Notice::Disconnected("bye\n"))),
        r#"{"type":"system","event":"disconnected","message":"bye\n"}"#
    );
    assert_eq!(payload(&notice(&Notice::Pong)), r#"{"type":"pong"}"#);
}

#[test]
fn acknowledgements_have_an_error_only_where_there_is_one() {
    assert_eq!(payload(&ack(1, None)), r#"{"type":"ack","ackId":1,"success":true}"#);
    assert_eq!(
        payload(&ack(u64::MAX, None)),
        r#"{"type":"ack","ackId":18446744073709551615,"success":true}"#
    );
    assert_eq!(
        payload(&ack(7, Some(&RequestError::duplicate(7)))),
        r#"{"type":"ack","ackId":7,"success":false,"error":{"name":"Duplicate","message":"Message with ack-id: 7 has been processed"}}"#
    );
    assert_eq!(
        payload(&ack(0, Some(&RequestError::forbidden("send to", "g")))),
        r#"{"type":"ack","ackId":0,"success":false,"error":{"name":"Forbidden","message":"The client does not have permission to send to group 'g'."}}"#
    );
    assert_eq!(
        payload(&ack(2, Some(&RequestError::INTERNAL))),
        r#"{"type":"ack","ackId":2,"success":false,"error":{"name":"InternalServerError","message":"Internal server error"}}"#
    );
}

#[test]
fn messages_show_their_origin_and_their_payload() {
    let metadata = Metadata::new([("k", "v"), ("K", "\"")]).unwrap();
    let cases = [
        (
            message(sender(Some("u")), Data::Text(Bytes::from_static(b"hi \"you\"")), None),
            r#"{"type":"message","from":"group","group":"g","fromUserId":"u","dataType":"text","data":"hi \"you\""}"#,
        ),
        (
            message(sender(None), Data::Json(Bytes::from_static(b"{ \"a\": 1.50 }")), None),
            r#"{"type":"message","from":"group","group":"g","fromUserId":null,"dataType":"json","data":{ "a": 1.50 }}"#,
        ),
        (
            message(
                Sender::Server,
                Data::Binary(Bytes::from_static(&[0, 1, 2, 255])),
                Some(Metadata::default()),
            ),
            r#"{"type":"message","from":"server","dataType":"binary","data":"AAEC/w==","metadata":{}}"#,
        ),
        (
            message(Sender::Server, Data::Protobuf(Bytes::from_static(&[1])), Some(metadata)),
            r#"{"type":"message","from":"server","dataType":"protobuf","data":"AQ==","metadata":{"k":"v","K":"\""}}"#,
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(payload(&whole(&message)), expected);
        let numbered = format!("{{\"sequenceId\":42,{}", &expected[1..]);
        assert_eq!(payload(&sequenced(&message, 42)), numbered);
    }
}

fn any_data() -> impl Strategy<Value = Data> {
    prop_oneof![
        any::<String>().prop_map(|text| Data::Text(text.into())),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Data::Binary(bytes.into())),
        prop::collection::vec(any::<u8>(), 0..30).prop_map(|bytes| Data::Protobuf(bytes.into())),
        any::<(i64, String)>().prop_map(|value| Data::Json(serde_json::to_vec(&value).unwrap().into())),
    ]
}

fn any_message() -> impl Strategy<Value = Message> {
    let metadata = prop::option::of(prop::collection::btree_map("[a-zA-Z0-9_.-]{1,9}", "[ -~]{0,20}", 0..4));
    let sender = prop_oneof![
        Just(Sender::Server),
        ("\\PC{0,20}g", prop::option::of(any::<String>())).prop_map(|(group, user)| Sender::Group {
            group: GroupName::parse(&group).unwrap(),
            user: user.as_deref().map(UserId::from_token),
        }),
    ];
    (sender, any_data(), metadata).prop_map(|(sender, data, metadata)| {
        Message::new(sender, data, metadata.map(|entries| Metadata::new(entries).unwrap()))
    })
}

proptest! {
    #[test]
    fn every_message_can_be_read_back(message in any_message()) {
        let frame = whole(&message);
        let value: Value = serde_json::from_str(payload(&frame)).unwrap();
        prop_assert_eq!(value["type"].as_str(), Some("message"));
        match &message.sender {
            Sender::Server => prop_assert!(value["from"] == "server" && value.get("group").is_none() && value.get("fromUserId").is_none()),
            Sender::Group { group, user } => {
                prop_assert!(value["from"] == "group" && value["group"] == group.as_str());
                prop_assert_eq!(value["fromUserId"].as_str(), user.as_ref().map(UserId::as_str));
            }
        }
        let data = value["data"].clone();
        match (&message.data, value["dataType"].as_str().unwrap()) {
            (Data::Text(text), "text") => prop_assert_eq!(data.as_str().unwrap().as_bytes(), &text[..]),
            (Data::Json(json), "json") => prop_assert_eq!(data, serde_json::from_slice::<Value>(json).unwrap()),
            (Data::Binary(bytes), "binary") | (Data::Protobuf(bytes), "protobuf") => {
                prop_assert_eq!(STANDARD.decode(data.as_str().unwrap()).unwrap(), &bytes[..]);
            }
            (data, kind) => prop_assert!(false, "{data:?} became {kind}"),
        }
        let entries = |metadata: &Metadata| Value::from_iter(metadata.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        prop_assert_eq!(value.get("metadata").cloned(), message.metadata.as_ref().map(entries));
    }

    #[test]
    fn a_sequenced_message_is_the_plain_one_with_its_number_first(message in any_message(), sequence_id in 1_u64..) {
        let frame = sequenced(&message, sequence_id);
        let plain = whole(&message);
        prop_assert_eq!(payload(&frame), format!("{{\"sequenceId\":{sequence_id},{}", &payload(&plain)[1..]));
        let value: Value = serde_json::from_str(payload(&frame)).unwrap();
        prop_assert_eq!(value["sequenceId"].as_u64(), Some(sequence_id));
    }
}
