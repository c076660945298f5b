//! The golden frames of the repository: what a client writes is what is there, and what the service writes is understood.

use std::{collections::BTreeMap, fs, path::PathBuf};

use webpubsub_client::{
    Data, ErrorDetail, GroupMessage, GroupStateItem, GroupStates, Metadata, Protocol, ServerMessage,
    StreamEndError, StreamError, StreamInfo,
    wire::{ClientMessage, Codec as _, Frame, ServiceMessage},
};

fn folder(side: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testing/golden").join(side)
}

/// All frames of a side: by kind, in both forms.
fn frames(side: &str) -> BTreeMap<String, Frame> {
    let entries = fs::read_dir(folder(side)).expect("the golden frames are in testing/golden");
    let frames = entries.map(|entry| {
        let path = entry.expect("it can be listed").path();
        let text = fs::read_to_string(&path).expect("it is text");
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let frame = if name.ends_with(".json") {
            Frame::Text(text.trim_end_matches('\n').to_owned().into())
        } else {
            Frame::Binary(bytes(&text).into())
        };
        (name, frame)
    });
    frames.collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let lines = hex.lines().filter(|line| !line.starts_with('#'));
    let digits = lines.flat_map(str::split_whitespace);
    digits.map(|digits| u8::from_str_radix(digits, 16).expect("it is hex")).collect()
}

fn text(text: &str) -> Data {
    Data::text(text)
}

fn json(json: &str) -> Data {
    Data::json_text(json).expect("it is JSON")
}

fn metadata() -> Metadata {
    Metadata::from([("trace".to_owned(), "t1".to_owned())])
}

fn state() -> BTreeMap<String, String> {
    [("mood", "fine"), ("typing", "1")].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn send(ack_id: u64, data: Data) -> ClientMessage {
    ClientMessage::SendToGroup {
        group: "room".to_owned(),
        ack_id: Some(ack_id),
        data,
        no_echo: false,
        ttl_seconds: None,
        metadata: Metadata::new(),
    }
}

fn client_requests() -> Vec<(&'static str, ClientMessage)> {
    let (group, stream_id, invocation_id) = ("room".to_owned(), "s1".to_owned(), "i1".to_owned());
    let event = "order".to_owned();
    let send_with_options = ClientMessage::SendToGroup {
        group: group.clone(),
        ack_id: Some(u64::MAX),
        data: text("a"),
        no_echo: true,
        ttl_seconds: Some(300),
        metadata: metadata(),
    };
    let invoke = ClientMessage::Invoke {
        invocation_id: invocation_id.clone(),
        event: event.clone(),
        data: Some(json("[1,2]")),
        metadata: metadata(),
    };
    let invoke_without_data = ClientMessage::Invoke {
        invocation_id: invocation_id.clone(),
        event: event.clone(),
        data: None,
        metadata: Metadata::new(),
    };
    vec![
        ("cancel_invocation", ClientMessage::CancelInvocation { invocation_id }),
        ("event", ClientMessage::Event { event, ack_id: Some(2), data: text("a"), metadata: metadata() }),
        ("invoke", invoke),
        ("invoke_without_data", invoke_without_data),
        ("join_group", ClientMessage::JoinGroup { group: group.clone(), ack_id: Some(1) }),
        ("join_group_without_ack", ClientMessage::JoinGroup { group: group.clone(), ack_id: None }),
        ("leave_group", ClientMessage::LeaveGroup { group, ack_id: Some(0) }),
        ("ping", ClientMessage::Ping),
        ("send_any", send(1, Data::any("t/M", vec![8, 1]))),
        ("send_binary", send(1, Data::binary(vec![0, 1, 255]))),
        ("send_json", send(1, json("{ \"n\" : 1.50 }"))),
        ("send_text", send(1, text("hällo"))),
        ("send_with_options", send_with_options),
        ("sequence_ack", ClientMessage::SequenceAck { sequence_id: 300 }),
        ("stream_keep_alive", ClientMessage::StreamKeepAlive { stream_id }),
    ]
}

fn client_streams_and_states() -> Vec<(&'static str, ClientMessage)> {
    let (group, stream_id) = ("room".to_owned(), "s1".to_owned());
    let broken =
        StreamEndError { message: Some("broken".to_owned()), user_error_code: Some("E42".to_owned()) };
    let start = ClientMessage::StreamStart {
        group: group.clone(),
        stream_id: stream_id.clone(),
        no_echo: true,
        idle_timeout_ms: Some(60000),
    };
    let data = ClientMessage::StreamData { stream_id: stream_id.clone(), sequence_id: 1, data: text("a") };
    let set = |ack_id, state| ClientMessage::SetGroupState { group: "room".to_owned(), ack_id, state };
    vec![
        ("stream_start", start),
        ("stream_data", data),
        ("stream_end", ClientMessage::StreamEnd { stream_id: stream_id.clone(), error: None }),
        ("stream_end_with_error", ClientMessage::StreamEnd { stream_id, error: Some(broken) }),
        ("set_group_state", set(Some(3), Some(state()))),
        ("clear_group_state", set(Some(4), None)),
        (
            "subscribe_group_state",
            ClientMessage::SubscribeGroupState { group: group.clone(), ack_id: Some(5) },
        ),
        ("unsubscribe_group_state", ClientMessage::UnsubscribeGroupState { group, ack_id: Some(6) }),
    ]
}

#[test]
fn what_a_client_writes_is_golden() {
    let mut frames = frames("client");
    for (name, message) in client_requests().into_iter().chain(client_streams_and_states()) {
        for (protocol, extension) in [(Protocol::Json, "json"), (Protocol::Protobuf, "protobuf.hex")] {
            let golden =
                frames.remove(&format!("{name}.{extension}")).unwrap_or_else(|| panic!("{name} is golden"));
            assert_eq!(protocol.encode(&message), golden, "{name}.{extension}");
        }
    }
    assert!(frames.is_empty(), "no case for {:?}", frames.keys());
}

fn group(data: Data) -> GroupMessage {
    GroupMessage {
        group: "room".to_owned(),
        from_user_id: Some("alice".to_owned()),
        data,
        sequence_id: None,
        metadata: Metadata::new(),
        stream: None,
    }
}

fn fragment(data: &str, end_of_stream: bool, error: Option<StreamError>) -> ServiceMessage {
    let stream = StreamInfo { stream_id: "s1".to_owned(), sequence_id: 2, end_of_stream, error };
    ServiceMessage::Group(GroupMessage { stream: Some(stream), ..group(text(data)) })
}

fn stream_error(name: &str, message: &str, code: Option<&str>) -> Option<StreamError> {
    Some(StreamError {
        name: name.to_owned(),
        message: message.to_owned(),
        user_error_code: code.map(str::to_owned),
    })
}

fn item(last: char, user: Option<&str>, state: Option<BTreeMap<String, String>>) -> GroupStateItem {
    GroupStateItem {
        connection_id: format!("0123456789abcdef0123456789abcde{last}"),
        user_id: user.map(str::to_owned),
        state,
        updated_at_ms: 1_700_000_000_000,
    }
}

fn states(items: Vec<GroupStateItem>) -> GroupStates {
    GroupStates { group: "room".to_owned(), items, sequence_id: None }
}

fn detail(name: &str, message: &str) -> Option<ErrorDetail> {
    Some(ErrorDetail { name: name.to_owned(), message: message.to_owned() })
}

fn connected(user: Option<&str>, token: Option<&str>) -> ServiceMessage {
    ServiceMessage::Connected {
        connection_id: "0123456789abcdef0123456789abcdef".to_owned(),
        user_id: user.map(str::to_owned),
        reconnection_token: token.map(str::to_owned),
    }
}

fn response(success: bool, data: Option<Data>, error: Option<ErrorDetail>, meta: Metadata) -> ServiceMessage {
    ServiceMessage::InvokeResponse {
        invocation_id: "i1".to_owned(),
        success: Some(success),
        data,
        error,
        metadata: meta,
    }
}

fn answers() -> Vec<(&'static str, ServiceMessage)> {
    let stream_id = "s1".to_owned();
    let ack = |ack_id, success, error| ServiceMessage::Ack { ack_id, success, error };
    let duplicate = detail("Duplicate", "Message with ack-id: 7 has been processed");
    let unknown = detail("NotFound", "No event handler is registered for the event.");
    let nack = ServiceMessage::StreamNack {
        stream_id: stream_id.clone(),
        expected_sequence_id: 2,
        error: detail("InvalidSequenceId", "The next message of the stream has the sequence id 2.")
            .expect("it is one"),
    };
    let not_found = detail("StreamNotFound", "There is no open stream with this id.");
    let full = "The outbound message queue is full.".to_owned();
    vec![
        ("ack", ack(u64::MAX, true, None)),
        ("ack_failed", ack(7, false, duplicate)),
        ("connected", connected(Some("alice"), None)),
        ("connected_anonymous", connected(None, None)),
        ("connected_reliable", connected(Some("alice"), Some("to.k.en"))),
        ("disconnected", ServiceMessage::Disconnected { message: full }),
        ("invoke_response", response(true, Some(json("3")), None, metadata())),
        ("invoke_response_failed", response(false, None, unknown, Metadata::new())),
        ("invoke_response_without_data", response(true, None, None, Metadata::new())),
        ("pong", ServiceMessage::Pong),
        ("stream_ack", ServiceMessage::StreamAck { stream_id: stream_id.clone(), expected_sequence_id: 2 }),
        ("stream_nack", nack),
        ("stream_closed", ServiceMessage::StreamClosed { stream_id: stream_id.clone(), error: None }),
        ("stream_closed_with_error", ServiceMessage::StreamClosed { stream_id, error: not_found }),
    ]
}

fn messages() -> Vec<(&'static str, ServiceMessage)> {
    let with_metadata = GroupMessage { from_user_id: None, metadata: metadata(), ..group(text("a")) };
    let server = ServerMessage { data: text("a"), sequence_id: None, metadata: Metadata::new() };
    let broken = stream_error("UserError", "broken", Some("E42"));
    let cancelled = stream_error("Cancelled", "The publisher of the stream has disconnected.", None);
    let alice = || item('e', Some("alice"), Some(state()));
    let snapshot = vec![alice(), item('f', None, Some(BTreeMap::new()))];
    vec![
        ("group_any", ServiceMessage::Group(group(Data::any("t/M", vec![8, 1])))),
        ("group_binary", ServiceMessage::Group(group(Data::binary(vec![0, 1, 255])))),
        ("group_json", ServiceMessage::Group(group(json("{ \"n\" : 1.50 }")))),
        ("group_text", ServiceMessage::Group(group(text("hällo")))),
        ("group_with_metadata", ServiceMessage::Group(with_metadata)),
        ("server_text", ServiceMessage::Server(server)),
        ("stream_message", fragment("a", false, None)),
        ("stream_complete", fragment("", true, None)),
        ("stream_broken", fragment("", true, broken)),
        ("stream_cancelled", fragment("", true, cancelled)),
        ("group_state_cleared", ServiceMessage::GroupStateUpdate(states(vec![item('e', None, None)]))),
        ("group_state_update", ServiceMessage::GroupStateUpdate(states(vec![alice()]))),
        ("group_state_snapshot", ServiceMessage::GroupStateSnapshot(states(snapshot))),
        ("group_state_snapshot_empty", ServiceMessage::GroupStateSnapshot(states(Vec::new()))),
    ]
}

/// The same message as number 300 of a reliable connection.
fn numbered(mut message: ServiceMessage) -> ServiceMessage {
    match &mut message {
        ServiceMessage::Group(message) => message.sequence_id = Some(300),
        ServiceMessage::Server(message) => message.sequence_id = Some(300),
        ServiceMessage::GroupStateSnapshot(states) | ServiceMessage::GroupStateUpdate(states) => {
            states.sequence_id = Some(300);
        }
        _ => {}
    }
    message
}

/// Protobuf does not tell who sent a group message.
fn without_sender(mut message: ServiceMessage) -> ServiceMessage {
    if let ServiceMessage::Group(message) = &mut message {
        message.from_user_id = None;
    }
    message
}

#[test]
fn what_the_service_writes_is_understood() {
    let mut frames = frames("service");
    let plain = answers().into_iter().chain(messages()).map(|(name, message)| (name.to_owned(), message));
    let reliable =
        messages().into_iter().map(|(name, message)| (format!("{name}.reliable"), numbered(message)));
    for (name, message) in plain.chain(reliable) {
        let mut golden = |extension| {
            frames.remove(&format!("{name}.{extension}")).unwrap_or_else(|| panic!("{name} is golden"))
        };
        let (json, protobuf) = (golden("json"), golden("protobuf.hex"));
        assert_eq!(Protocol::JsonReliable.decode(&json), Ok(message.clone()), "{name}");
        assert_eq!(Protocol::ProtobufReliable.decode(&protobuf), Ok(without_sender(message)), "{name}");
    }
    assert!(frames.is_empty(), "no case for {:?}", frames.keys());
}

#[test]
fn what_is_not_known_is_passed_over_but_counted() {
    let unrecognized = |sequence_id| Ok(ServiceMessage::Unrecognized { sequence_id });
    for (json, sequence_id) in [
        (r#"{"type":"future","x":1}"#, None),
        (r#"{"type":"system","event":"future"}"#, None),
        (r#"{"type":"message","from":"future","dataType":"text","data":"a","sequenceId":7}"#, Some(7)),
        (r#"{"type":"message","from":"server","dataType":"future","data":"a","sequenceId":8}"#, Some(8)),
        (r#"{"type":"message","from":"server","dataType":"json","data":null,"sequenceId":9}"#, Some(9)),
    ] {
        let frame = Frame::Text(json.as_bytes().to_vec().into());
        assert_eq!(Protocol::JsonReliable.decode(&frame), unrecognized(sequence_id), "{json}");
    }
    // Field 99 of the schema, which nobody knows.
    let frame = Frame::Binary(vec![0x9a, 0x06, 0x00].into());
    assert_eq!(Protocol::ProtobufReliable.decode(&frame), unrecognized(None));
}

#[test]
fn members_may_come_in_any_order_and_with_escapes() {
    let frame = r#"{"data":"a\"\u00e4","extra":{"x":[1]},"group":"r\u006fom","dataType":"text","from":"group","type":"message","fromUserId":null}"#;
    let decoded = Protocol::Json.decode(&Frame::Text(frame.as_bytes().to_vec().into()));
    let message = GroupMessage { from_user_id: None, ..group(text("a\"ä")) };
    assert_eq!(decoded, Ok(ServiceMessage::Group(message)));
}

#[test]
fn broken_frames_are_errors_and_never_panics() {
    for broken in [
        "",
        "{",
        "null",
        "[]",
        r#"{"type":1}"#,
        r#"{"type":"ack"}"#,
        r#"{"type":"ack","ackId":-1,"success":true}"#,
    ] {
        let frame = Frame::Text(broken.as_bytes().to_vec().into());
        assert!(Protocol::Json.decode(&frame).is_err(), "{broken}");
    }
    let binary = r#"{"type":"message","from":"server","dataType":"binary","data":"%"}"#;
    assert!(Protocol::Json.decode(&Frame::Text(binary.as_bytes().to_vec().into())).is_err());
    assert!(Protocol::Protobuf.decode(&Frame::Binary(vec![0xff, 0xff].into())).is_err());
    assert!(Protocol::Json.decode(&Frame::Binary(b"{}".to_vec().into())).is_err());
}
