//! JSON messages of clients: every variant that official clients send is understood, and everything else is refused.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use hubwire_protocol::json::{DEPTH_MAX, decode};
use hubwire_protocol::{
    Data, EventName, GroupName, GroupState, InvocationRequest, Metadata, Publication, Request,
    StreamEndError, StreamStart,
};
use proptest::prelude::*;

fn group(name: &str) -> GroupName {
    GroupName::parse(name).unwrap()
}

fn sent(data: Data) -> Request {
    let publication = Publication { group: group("g"), data, metadata: None, no_echo: false, ttl_s: 0 };
    Request::SendToGroup { publication, ack_id: None }
}

fn text(text: &'static str) -> Data {
    Data::Text(text.into())
}

fn json(text: &'static str) -> Data {
    Data::Json(text.into())
}

#[test]
fn requests_are_understood() {
    let event = |ack_id| Request::Event {
        event: EventName::parse("order").unwrap(),
        data: json("1"),
        metadata: None,
        ack_id,
    };
    let cases = [
        (r#"{"type":"joinGroup","group":"g"}"#, Request::JoinGroup { group: group("g"), ack_id: None }),
        (
            r#"{"ackId":0,"group":" g ","type":"JOINgroup"}"#,
            Request::JoinGroup { group: group(" g "), ack_id: Some(0) },
        ),
        (
            r#"{"type":"leaveGroup","group":"g","ackId":18446744073709551615}"#,
            Request::LeaveGroup { group: group("g"), ack_id: Some(u64::MAX) },
        ),
        (
            r#"{"type":"joinGroup","group":"g","ackId":null}"#,
            Request::JoinGroup { group: group("g"), ack_id: None },
        ),
        (
            r#"{"type":"joinGroup","group":"\u0067","unknown":{"a":[1]}}"#,
            Request::JoinGroup { group: group("g"), ack_id: None },
        ),
        (
            r#"{"type":"joinGroup","group":"h","group":"g"}"#,
            Request::JoinGroup { group: group("g"), ack_id: None },
        ),
        (r#"{"type":"event","event":"order","data":1}"#, event(None)),
        (r#"{"data":1,"dataType":"Json","event":"order","type":"event","ackId":7}"#, event(Some(7))),
        (r#" { "type" : "ping" } "#, Request::Ping),
        (r#"{"type":"sequenceAck","sequenceId":5}"#, Request::SequenceAck(5)),
        (r#"{"type":"sequenceAck","sequenceId":"5"}"#, Request::SequenceAck(5)),
        (r#"{"type":"sequenceAck","sequenceId":0}"#, Request::SequenceAck(0)),
    ];
    for (message, expected) in cases {
        assert_eq!(decode(message).unwrap(), expected, "{message}");
    }
}

#[test]
fn payloads_are_taken_over_in_their_kind() {
    let cases = [
        (r#""data":"x""#, json(r#""x""#)),
        (r#""data":{ "b" : 1.50, "a":1E400 }"#, json(r#"{ "b" : 1.50, "a":1E400 }"#)),
        (r#""data":0"#, json("0")),
        (r#""data":false"#, json("false")),
        (r#""data":[null]"#, json("[null]")),
        (r#""dataType":"json","data":"null""#, json(r#""null""#)),
        (r#""data":null,"data":1"#, json("1")),
        (r#""dataType":"text","data":"h\u00e9 \n""#, text("hé \n")),
        (r#""dataType":"Text","data":"""#, text("")),
        (r#""data":"AAEC","dataType":"Binary""#, Data::Binary(vec![0, 1, 2].into())),
        (r#""dataType":"binary","data":"""#, Data::Binary(vec![].into())),
        (r#""dataType":"binary","data":"\u0041AEC""#, Data::Binary(vec![0, 1, 2].into())),
        (r#""dataType":"Protobuf","data":"CgFhEgFi""#, Data::Protobuf(b"\x0a\x01a\x12\x01b"[..].into())),
        (r#""dataType":"protobuf","data":"""#, Data::Protobuf(vec![].into())),
    ];
    for (members, data) in cases {
        let message = format!(r#"{{"type":"sendToGroup","group":"g",{members}}}"#);
        assert_eq!(decode(&message).unwrap(), sent(data), "{message}");
    }
}

#[test]
fn a_publish_has_its_options() {
    let message = r#"{"type":"sendToGroup","group":"g","noEcho":true,"ttlSeconds":300,"ackId":3,"data":1,"metadata":{"b":"1","A":"2"}}"#;
    let publication = Publication {
        group: group("g"),
        data: json("1"),
        metadata: Some(Metadata::new([("b", "1"), ("A", "2")]).unwrap()),
        no_echo: true,
        ttl_s: 300,
    };
    let expected = Request::SendToGroup { publication, ack_id: Some(3) };
    assert_eq!(decode(message).unwrap(), expected);
    let plain =
        r#"{"type":"sendToGroup","group":"g","noEcho":false,"ttlSeconds":null,"metadata":null,"data":1}"#;
    assert_eq!(decode(plain).unwrap(), sent(json("1")));
}

#[test]
fn a_payload_may_be_missing_where_there_is_metadata() {
    for members in [
        r#""metadata":{}"#,
        r#""metadata":{},"dataType":"binary""#,
        r#""metadata":{"k":"v"},"dataType":"json""#,
    ] {
        match decode(&format!(r#"{{"type":"sendToGroup","group":"g",{members}}}"#)).unwrap() {
            Request::SendToGroup { publication: Publication { data, metadata: Some(_), .. }, .. } => {
                assert_eq!(data, text(""), "{members}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn streams_invocations_and_states_are_understood() {
    let start = |idle_timeout_ms, no_echo| {
        let (stream_id, metadata) = ("s".into(), None);
        let stream =
            StreamStart { stream_id, idle_timeout_ms, group: group("g"), metadata, no_echo, ttl_s: 0 };
        Request::StartStream { stream, ack_id: None }
    };
    let invoke = |data| {
        let event = EventName::parse("e").unwrap();
        Request::Invoke(InvocationRequest { invocation_id: "1".into(), event, data, metadata: None })
    };
    let end = |error| Request::StreamEnd { stream_id: "s".into(), error };
    let set = |state| Request::SetGroupState { group: group("g"), state, ack_id: Some(1) };
    let cases = [
        (r#"{"type":"sendToGroup","group":"g","stream":{"streamId":"s"}}"#, start(None, false)),
        (
            r#"{"stream":{"idleTimeoutMs":null,"streamId":"s","x":1},"group":"g","type":"sendtogroup"}"#,
            start(None, false),
        ),
        (
            r#"{"type":"sendToGroup","group":"g","noEcho":true,"stream":{"streamId":"s","idleTimeoutMs":5}}"#,
            start(Some(5), true),
        ),
        (r#"{"type":"sendToGroup","group":"g","stream":null,"data":1}"#, sent(json("1"))),
        (
            r#"{"type":"streamData","streamId":"s","streamSequenceId":1,"dataType":"Text","data":"a"}"#,
            Request::StreamData { stream_id: "s".into(), sequence_id: 1, data: text("a") },
        ),
        (r#"{"type":"STREAMDATA","streamId":"s"}"#, Request::StreamKeepAlive { stream_id: "s".into() }),
        (r#"{"type":"streamEnd","streamId":"s"}"#, end(None)),
        (r#"{"type":"streamEnd","streamId":"s","error":null}"#, end(None)),
        (r#"{"type":"streamEnd","streamId":"s","error":{}}"#, end(Some(StreamEndError::default()))),
        (
            r#"{"type":"streamEnd","streamId":"s","error":{"message":"m","userErrorCode":"E42"}}"#,
            end(Some(StreamEndError { message: Some("m".into()), user_error_code: Some("E42".into()) })),
        ),
        (r#"{"type":"invoke","invocationId":"1","target":"event","event":"e"}"#, invoke(None)),
        (
            r#"{"type":"Invoke","invocationId":"1","target":"Event","event":"e","data":[1,2]}"#,
            invoke(Some(json("[1,2]"))),
        ),
        (
            r#"{"type":"cancelInvocation","invocationId":"1"}"#,
            Request::CancelInvocation { invocation_id: "1".into() },
        ),
        (
            r#"{"type":"setGroupState","group":"g","ackId":1,"state":{"b":"1","a":"\u00e9"}}"#,
            set(Some(GroupState::new([("a", "é"), ("b", "1")]))),
        ),
        (r#"{"type":"setGroupState","group":"g","ackId":1,"state":{}}"#, set(Some(GroupState::default()))),
        (r#"{"type":"setGroupState","group":"g","ackId":1,"state":null}"#, set(None)),
        (r#"{"type":"setGroupState","group":"g","ackId":1}"#, set(None)),
        (
            r#"{"type":"subscribeGroupState","group":"g","ackId":2}"#,
            Request::SubscribeGroupState { group: group("g"), ack_id: Some(2) },
        ),
        (
            r#"{"type":"unsubscribeGroupState","group":"g"}"#,
            Request::UnsubscribeGroupState { group: group("g"), ack_id: None },
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(decode(message).unwrap(), expected, "{message}");
    }
}

/// Every one of these ends the connection with 1007.
#[test]
fn invalid_messages_are_refused() {
    let cases = [
        "",
        " ",
        "null",
        "1",
        "[]",
        "\"ping\"",
        "{",
        "{}",
        r#"{"type":"ping"}x"#,
        r#"{"type":"ping",}"#,
        r#"{'type':'ping'}"#,
        r#"{"type":null}"#,
        r#"{"type":1}"#,
        r#"{"type":"nonsense"}"#,
        r#"{"Type":"ping"}"#,
        r#"{"type":"pong"}"#,
        r#"{"type":"invoke","invocationId":"1","event":"a"}"#,
        r#"{"type":"invoke","invocationId":"1","target":"group","event":"a"}"#,
        r#"{"type":"invoke","invocationId":1,"target":"event","event":"a"}"#,
        r#"{"type":"invoke","target":"event","event":"a"}"#,
        r#"{"type":"invoke","invocationId":"1","target":"event"}"#,
        r#"{"type":"invoke","invocationId":"1","target":"event","event":"a","dataType":"text"}"#,
        r#"{"type":"invoke","invocationId":"1","target":"event","event":"a","data":null}"#,
        r#"{"type":"invoke","invocationId":"1","target":"event","event":"a","stream":{"streamId":"s"}}"#,
        r#"{"type":"invokeResponse","invocationId":"1","success":true}"#,
        r#"{"type":"cancelInvocation"}"#,
        r#"{"type":"event","event":"a","data":1,"stream":{"streamId":"s"}}"#,
        r#"{"type":"sendToGroup","group":"g","stream":{}}"#,
        r#"{"type":"sendToGroup","group":"g","stream":[]}"#,
        r#"{"type":"sendToGroup","group":"g","stream":"s"}"#,
        r#"{"type":"sendToGroup","group":"g","stream":{"streamId":1}}"#,
        r#"{"type":"sendToGroup","group":"g","stream":{"streamId":null}}"#,
        r#"{"type":"sendToGroup","group":"g","stream":{"streamId":"s"},"data":1}"#,
        r#"{"type":"sendToGroup","group":"g","stream":{"streamId":"s"},"dataType":"text"}"#,
        r#"{"type":"sendToGroup","group":"g","stream":{"streamId":"s","idleTimeoutMs":-1}}"#,
        r#"{"type":"sendToGroup","group":"g","stream":{"streamId":"s","idleTimeoutMs":4294967296}}"#,
        r#"{"type":"sendToGroup","group":"g","stream":{"streamId":"s","idleTimeoutMs":"1"}}"#,
        r#"{"type":"streamData"}"#,
        r#"{"type":"streamData","streamId":"s","data":1}"#,
        r#"{"type":"streamData","streamId":"s","dataType":"text"}"#,
        r#"{"type":"streamData","streamId":"s","streamSequenceId":1}"#,
        r#"{"type":"streamData","streamId":"s","streamSequenceId":-1,"data":1}"#,
        r#"{"type":"streamData","streamId":"s","streamSequenceId":"1","data":1}"#,
        r#"{"type":"streamEnd"}"#,
        r#"{"type":"streamEnd","streamId":"s","error":"e"}"#,
        r#"{"type":"streamEnd","streamId":"s","error":{"message":1}}"#,
        r#"{"type":"setGroupState"}"#,
        r#"{"type":"setGroupState","group":"g","state":[]}"#,
        r#"{"type":"setGroupState","group":"g","state":{"k":1}}"#,
        r#"{"type":"setGroupState","group":"g","state":{"k":null}}"#,
        r#"{"type":"setGroupState","group":"g","ackId":"1"}"#,
        r#"{"type":"subscribeGroupState"}"#,
        r#"{"type":"unsubscribeGroupState","group":" "}"#,
        r#"{"type":"joinGroup"}"#,
        r#"{"type":"joinGroup","group":null}"#,
        r#"{"type":"joinGroup","group":1}"#,
        r#"{"type":"joinGroup","group":""}"#,
        r#"{"type":"leaveGroup","group":" "}"#,
        r#"{"type":"joinGroup","Group":"g"}"#,
        r#"{"type":"joinGroup","group":"\ud800"}"#,
        r#"{"type":"joinGroup","group":"g","ackId":"1"}"#,
        r#"{"type":"joinGroup","group":"g","ackId":-1}"#,
        r#"{"type":"joinGroup","group":"g","ackId":1.0}"#,
        r#"{"type":"joinGroup","group":"g","ackId":1.5}"#,
        r#"{"type":"joinGroup","group":"g","ackId":1e3}"#,
        r#"{"type":"joinGroup","group":"g","ackId":true}"#,
        r#"{"type":"joinGroup","group":"g","ackId":18446744073709551616}"#,
        r#"{"type":"ping","ackId":"1"}"#,
        r#"{"type":"sequenceAck","sequenceId":1,"ackId":-1}"#,
        r#"{"type":"sequenceAck"}"#,
        r#"{"type":"sequenceAck","sequenceId":null}"#,
        r#"{"type":"sequenceAck","sequenceId":-1}"#,
        r#"{"type":"sequenceAck","sequenceId":1.5}"#,
        r#"{"type":"sequenceAck","sequenceId":"x"}"#,
        r#"{"type":"sequenceAck","sequenceId":""}"#,
        r#"{"type":"sendToGroup","data":1}"#,
        r#"{"type":"sendToGroup","group":"g"}"#,
        r#"{"type":"sendToGroup","group":"g","metadata":null}"#,
        r#"{"type":"event","data":1}"#,
        r#"{"type":"event","event":"a"}"#,
        r#"{"type":"event","event":"1a","data":1}"#,
        r#"{"type":"event","event":"a b","data":1}"#,
        r#"{"type":"event","event":null,"data":1}"#,
        r#"{"type":"event","event":"","data":1}"#,
    ];
    for message in cases {
        assert!(decode(message).is_err(), "{message}");
    }
    let members = [
        r#""data":null"#,
        r#""data":null,"metadata":{}"#,
        r#""data":1,"dataType":null"#,
        r#""data":1,"dataType":1"#,
        r#""data":1,"dataType":"xml""#,
        r#""data":"AQ==","dataType":"protobuf""#,
        r#""data":{},"dataType":"protobuf""#,
        r#""dataType":"xml","metadata":{}"#,
        r#""data":1,"dataType":"text""#,
        r#""data":null,"dataType":"text""#,
        r#""data":{},"dataType":"binary""#,
        r#""data":"A","dataType":"binary""#,
        r#""data":"AAE","dataType":"binary""#,
        r#""data":"__8=","dataType":"binary""#,
        r#""data":"A A=","dataType":"binary""#,
        r#""data":"\ud800","dataType":"text""#,
        r#""data":1,"noEcho":null"#,
        r#""data":1,"noEcho":"true""#,
        r#""data":1,"noEcho":1"#,
        r#""data":1,"ttlSeconds":-1"#,
        r#""data":1,"ttlSeconds":301"#,
        r#""data":1,"ttlSeconds":65536"#,
        r#""data":1,"ttlSeconds":1.5"#,
        r#""data":1,"ttlSeconds":"1""#,
        r#""data":1,"metadata":[]"#,
        r#""data":1,"metadata":"a""#,
        r#""data":1,"metadata":{"k":1}"#,
        r#""data":1,"metadata":{"k":null}"#,
        r#""data":1,"metadata":{"k":"1","k":"2"}"#,
        r#""data":1,"metadata":{"":"1"}"#,
        r#""data":1,"metadata":{"a b":"1"}"#,
        r#""data":1,"metadata":{"k":"\u00e9"}"#,
        r#""data":01"#,
        r#""data":{"a":}"#,
        r#""data":NaN"#,
    ];
    for members in members {
        let message = format!(r#"{{"type":"sendToGroup","group":"g",{members}}}"#);
        assert!(decode(&message).is_err(), "{message}");
    }
}

#[test]
fn nesting_ends_at_the_depth_that_official_clients_can_read() {
    // The message itself is one level.
    let nested = |levels: usize| {
        format!(r#"{{"type":"sendToGroup","group":"g","data":{}{}}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    assert!(decode(&nested(DEPTH_MAX - 1)).is_ok());
    assert!(decode(&nested(DEPTH_MAX)).is_err());
    assert!(decode(&nested(100_000)).is_err());
    let in_text =
        format!(r#"{{"type":"sendToGroup","group":"g","data":"{}\"{}"}}"#, "[".repeat(500), "{".repeat(500));
    assert!(decode(&in_text).is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _refused = decode(&text);
    }

    #[test]
    fn no_member_makes_it_panic(name in "type|group|data|dataType|ackId|noEcho|metadata", value in "[\\[\\]{}\":,0-9a-z\\\\ .-]{0,20}") {
        let _judged = decode(&format!(r#"{{"type":"sendToGroup","group":"g","data":1,"{name}":{value}}}"#));
    }

    #[test]
    fn every_text_passes_unchanged(payload in any::<String>(), name in "[a-zé😀 ]{0,9}g") {
        let quoted = serde_json::to_string(&payload).unwrap();
        let message = format!(r#"{{"data":{quoted},"dataType":"text","group":"{name}","type":"sendToGroup"}}"#);
        let publication =
            Publication { group: group(&name), data: Data::Text(payload.into()), metadata: None, no_echo: false, ttl_s: 0 };
        let expected = Request::SendToGroup { publication, ack_id: None };
        prop_assert_eq!(decode(&message).unwrap(), expected);
    }
}
