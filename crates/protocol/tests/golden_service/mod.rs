//! The values that the frames in `testing/golden/service` are made of.

use std::sync::Arc;
use std::sync::LazyLock;

use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{
    ConnectionId, Data, GroupName, GroupState, GroupStateItem, GroupStateReport, GroupStateScope, Message,
    Metadata, Notice, Sender, StreamEnd, StreamError, StreamPosition, Subprotocol, UserId,
};

pub(super) enum Frame {
    Notice(Notice<'static>),
    Message(Message),
    Report(GroupStateReport),
}

impl Frame {
    /// The subprotocols in which the frame differs: a notice is the same on reliable connections.
    pub(super) fn subprotocols(&self) -> Vec<Subprotocol> {
        match self {
            Self::Notice(_) => vec![Subprotocol::Json, Subprotocol::Protobuf],
            Self::Message(_) | Self::Report(_) => vec![
                Subprotocol::Json,
                Subprotocol::JsonReliable,
                Subprotocol::Protobuf,
                Subprotocol::ProtobufReliable,
            ],
        }
    }
}

static USER: LazyLock<UserId> = LazyLock::new(|| UserId::from_token("alice"));
static METADATA: LazyLock<Metadata> = LazyLock::new(|| Metadata::new([("trace", "t1")]).unwrap());
static ANSWER: LazyLock<Data> = LazyLock::new(|| Data::Json("3".into()));
static DUPLICATE: LazyLock<RequestError> = LazyLock::new(|| RequestError::duplicate(7));
static NO_HANDLER: RequestError = RequestError::NO_HANDLER;
static STREAM_NOT_FOUND: RequestError = RequestError::STREAM_NOT_FOUND;
static GAP: LazyLock<RequestError> = LazyLock::new(|| RequestError::sequence_gap(2));

fn id(last: char) -> ConnectionId {
    ConnectionId::parse(&format!("0123456789abcdef0123456789abcde{last}")).unwrap()
}

fn group() -> GroupName {
    GroupName::parse("room").unwrap()
}

pub(super) fn frames() -> Vec<(&'static str, Frame)> {
    let notices = notices().into_iter().map(|(name, notice)| (name, Frame::Notice(notice)));
    let messages = messages().into_iter().map(|(name, message)| (name, Frame::Message(message)));
    let reports = reports().into_iter().map(|(name, report)| (name, Frame::Report(report)));
    notices.chain(messages).chain(reports).collect()
}

fn notices() -> Vec<(&'static str, Notice<'static>)> {
    let user = Some(&*USER);
    let (stream_id, invocation_id) = ("s1", "i1");
    let respond = |outcome, metadata| Notice::InvokeResponse { invocation_id, outcome, metadata };
    vec![
        ("connected", Notice::Connected { connection: id('f'), user, reconnection_token: None }),
        (
            "connected_anonymous",
            Notice::Connected { connection: id('f'), user: None, reconnection_token: None },
        ),
        (
            "connected_reliable",
            Notice::Connected { connection: id('f'), user, reconnection_token: Some("to.k.en") },
        ),
        ("disconnected", Notice::Disconnected("The outbound message queue is full.")),
        ("pong", Notice::Pong),
        ("ack", Notice::Ack { ack_id: u64::MAX, error: None }),
        ("ack_failed", Notice::Ack { ack_id: 7, error: Some(&DUPLICATE) }),
        ("invoke_response", respond(Ok(Some(&*ANSWER)), Some(&*METADATA))),
        ("invoke_response_without_data", respond(Ok(None), None)),
        ("invoke_response_failed", respond(Err(&NO_HANDLER), None)),
        ("stream_ack", Notice::StreamAck { stream_id, expected_sequence_id: 2 }),
        ("stream_nack", Notice::StreamNack { stream_id, expected_sequence_id: 2, error: &GAP }),
        ("stream_closed", Notice::StreamClosed { stream_id, error: None }),
        ("stream_closed_with_error", Notice::StreamClosed { stream_id, error: Some(&STREAM_NOT_FOUND) }),
    ]
}

fn messages() -> Vec<(&'static str, Message)> {
    let from_group = |user: Option<UserId>| Sender::Group { group: group(), user };
    let of_group = |data| Message::new(from_group(Some(USER.clone())), data, None);
    let of_stream = |data, end| {
        let position = StreamPosition { stream_id: "s1".into(), sequence_id: 2, end };
        Message { stream: Some(Box::new(position)), ..of_group(data) }
    };
    let error = StreamError::user(Some("broken".into()), Some("E42".into()));
    vec![
        ("group_text", of_group(Data::Text("hällo".into()))),
        ("group_json", of_group(Data::Json("{ \"n\" : 1.50 }".into()))),
        ("group_binary", of_group(Data::Binary(vec![0, 1, 255].into()))),
        ("group_any", of_group(Data::Protobuf(b"\x0a\x03t/M\x12\x02\x08\x01"[..].into()))),
        (
            "group_with_metadata",
            Message::new(from_group(None), Data::Text("a".into()), Some(METADATA.clone())),
        ),
        ("server_text", Message::new(Sender::Server, Data::Text("a".into()), None)),
        ("stream_message", of_stream(Data::Text("a".into()), None)),
        ("stream_complete", of_stream(Data::Text("".into()), Some(StreamEnd::Complete))),
        ("stream_broken", of_stream(Data::Text("".into()), Some(StreamEnd::Broken(error)))),
        (
            "stream_cancelled",
            of_stream(Data::Text("".into()), Some(StreamEnd::Broken(StreamError::cancelled()))),
        ),
    ]
}

fn reports() -> Vec<(&'static str, GroupStateReport)> {
    let item = |connection, user, state: Option<GroupState>| GroupStateItem {
        connection,
        user,
        state: state.map(Arc::new),
        updated_at_ms: 1_700_000_000_000,
    };
    let report = |scope, items| GroupStateReport { scope, group: group(), items };
    let fine = || Some(GroupState::new([("typing", "1"), ("mood", "fine")]));
    vec![
        (
            "group_state_snapshot",
            report(
                GroupStateScope::Snapshot,
                vec![
                    item(id('e'), Some(USER.clone()), fine()),
                    item(id('f'), None, Some(GroupState::default())),
                ],
            ),
        ),
        ("group_state_snapshot_empty", report(GroupStateScope::Snapshot, vec![])),
        (
            "group_state_update",
            report(GroupStateScope::Update, vec![item(id('e'), Some(USER.clone()), fine())]),
        ),
        ("group_state_cleared", report(GroupStateScope::Update, vec![item(id('e'), None, None)])),
    ]
}
