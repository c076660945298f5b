//! The requests that the frames in `testing/golden/client` hold.

use hubwire_protocol::{
    Data, EventName, GroupName, GroupState, InvocationRequest, Metadata, Publication, Request,
    StreamEndError, StreamStart,
};

pub(super) fn requests() -> Vec<(&'static str, Request)> {
    let group = || GroupName::parse("room").unwrap();
    let event = || EventName::parse("order").unwrap();
    let metadata = || Some(Metadata::new([("trace", "t1")]).unwrap());
    let any = || Data::Protobuf(b"\x0a\x03t/M\x12\x02\x08\x01"[..].into());
    let publication = |data| Publication { group: group(), data, metadata: None, no_echo: false, ttl_s: 0 };
    let send = |data| Request::SendToGroup { publication: publication(data), ack_id: Some(1) };
    let stream_end = |error| Request::StreamEnd { stream_id: "s1".into(), error };
    let stream_error = StreamEndError { message: Some("broken".into()), user_error_code: Some("E42".into()) };
    vec![
        ("join_group", Request::JoinGroup { group: group(), ack_id: Some(1) }),
        ("join_group_without_ack", Request::JoinGroup { group: group(), ack_id: None }),
        ("leave_group", Request::LeaveGroup { group: group(), ack_id: Some(0) }),
        ("send_text", send(Data::Text("hällo".into()))),
        ("send_json", send(Data::Json("{ \"n\" : 1.50 }".into()))),
        ("send_binary", send(Data::Binary(vec![0, 1, 255].into()))),
        ("send_any", send(any())),
        (
            "send_with_options",
            Request::SendToGroup {
                publication: Publication {
                    metadata: metadata(),
                    no_echo: true,
                    ttl_s: 300,
                    ..publication(Data::Text("a".into()))
                },
                ack_id: Some(u64::MAX),
            },
        ),
        (
            "event",
            Request::Event {
                event: event(),
                data: Data::Text("a".into()),
                metadata: metadata(),
                ack_id: Some(2),
            },
        ),
        ("ping", Request::Ping),
        ("sequence_ack", Request::SequenceAck(300)),
        (
            "invoke",
            Request::Invoke(InvocationRequest {
                invocation_id: "i1".into(),
                event: event(),
                data: Some(Data::Json("[1,2]".into())),
                metadata: metadata(),
            }),
        ),
        (
            "invoke_without_data",
            Request::Invoke(InvocationRequest {
                invocation_id: "i1".into(),
                event: event(),
                data: None,
                metadata: None,
            }),
        ),
        ("cancel_invocation", Request::CancelInvocation { invocation_id: "i1".into() }),
        (
            "stream_start",
            Request::StartStream {
                stream: StreamStart {
                    stream_id: "s1".into(),
                    idle_timeout_ms: Some(60_000),
                    group: group(),
                    metadata: None,
                    no_echo: true,
                    ttl_s: 0,
                },
                ack_id: None,
            },
        ),
        (
            "stream_data",
            Request::StreamData { stream_id: "s1".into(), sequence_id: 1, data: Data::Text("a".into()) },
        ),
        ("stream_keep_alive", Request::StreamKeepAlive { stream_id: "s1".into() }),
        ("stream_end", stream_end(None)),
        ("stream_end_with_error", stream_end(Some(stream_error))),
        (
            "set_group_state",
            Request::SetGroupState {
                group: group(),
                state: Some(GroupState::new([("mood", "fine"), ("typing", "1")])),
                ack_id: Some(3),
            },
        ),
        ("clear_group_state", Request::SetGroupState { group: group(), state: None, ack_id: Some(4) }),
        ("subscribe_group_state", Request::SubscribeGroupState { group: group(), ack_id: Some(5) }),
        ("unsubscribe_group_state", Request::UnsubscribeGroupState { group: group(), ack_id: Some(6) }),
    ]
}
