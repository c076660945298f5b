use std::sync::Arc;

use bytes::Bytes;
use hubwire_auth::Permission;
use hubwire_filter::Filter;
use hubwire_hub::{
    Command, Envelope, Letter, Member, MessageId, Recipient, Reply, Source, Subject, Target, Teller,
    TraceContext, TraceId,
};
use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{
    ConnectionId, Data, GroupName, GroupState, GroupStateItem, HubName, Message as HubMessage, Metadata,
    Sender, StreamEnd, StreamError, StreamPosition, UserId,
};
use proptest::prelude::*;
use prost::Message;

use crate::nats::schema::{Body, Content, Datagram, Frame, Packet};
use crate::nats::{decode, encode};

fn hub() -> HubName {
    HubName::parse("chat").unwrap()
}

fn group(name: &str) -> GroupName {
    GroupName::parse(name).unwrap()
}

fn id(bits: u128) -> ConnectionId {
    ConnectionId::from_bits(bits)
}

fn envelope_of(frame: Bytes) -> Envelope {
    let Some(Content::Envelope(envelope)) = Frame::decode(frame).unwrap().content else {
        panic!("the frame is no envelope");
    };
    decode::envelope(envelope).unwrap()
}

/// Envelopes have no equality of their own, since filters are shared.
fn shown(envelope: &Envelope) -> String {
    format!("{envelope:?}")
}

fn datas() -> impl Strategy<Value = Data> {
    let bytes = prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from);
    (0..4, bytes).prop_map(|(kind, bytes)| match kind {
        0 => Data::Text(bytes),
        1 => Data::Json(bytes),
        2 => Data::Binary(bytes),
        _ => Data::Protobuf(bytes),
    })
}

fn targets() -> impl Strategy<Value = Target> {
    prop_oneof![
        Just(Target::Hub),
        "[a-zö/ ]{0,8}x".prop_map(|name| Target::Group(group(&name))),
        ".{0,8}".prop_map(|name| Target::User(UserId::from_token(&name))),
        any::<u128>().prop_map(|bits| Target::Connection(id(bits))),
    ]
}

fn senders() -> impl Strategy<Value = Sender> {
    let of_group = ("[a-z]{1,8}", prop::option::of(".{0,8}")).prop_map(|(name, user)| Sender::Group {
        group: group(&name),
        user: user.as_deref().map(UserId::from_token),
    });
    prop_oneof![Just(Sender::Server), of_group]
}

fn streams() -> impl Strategy<Value = StreamPosition> {
    let ends = prop_oneof![
        Just(None),
        Just(Some(StreamEnd::Complete)),
        Just(Some(StreamEnd::Broken(StreamError::cancelled()))),
        Just(Some(StreamEnd::Broken(StreamError::idle_timeout()))),
        Just(Some(StreamEnd::Broken(StreamError::forbidden()))),
        Just(Some(StreamEnd::Broken(StreamError::internal()))),
        ("[a-z]{0,4}", prop::option::of("[a-z]{0,4}")).prop_map(|(message, code)| {
            let error = StreamError::user(Some(message.into()), code.map(Into::into));
            Some(StreamEnd::Broken(error))
        }),
    ];
    (".{1,8}", any::<u64>(), ends).prop_map(|(stream_id, sequence_id, end)| StreamPosition {
        stream_id: stream_id.into(),
        sequence_id,
        end,
    })
}

prop_compose! {
    fn envelopes()(
        target in targets(),
        sender in senders(),
        data in datas(),
        entries in prop::option::of(prop::collection::btree_map("[a-z]{1,5}", "[ -~]{0,5}", 0..4)),
        stream in prop::option::of(streams()),
        excluded in prop::collection::vec(any::<u128>(), 0..4),
        filtered in any::<bool>(),
        publisher in prop::option::of(any::<u128>()),
        ttl_s in 0..301_u16,
        message_id in any::<u64>(),
        cause in prop::option::of((any::<u128>(), 1..u64::MAX, any::<bool>())),
    ) -> Envelope {
        let metadata = entries.map(|entries| Metadata::new(entries).unwrap());
        Envelope {
            hub: hub(),
            target,
            message: Arc::new(HubMessage { sender, data, metadata, stream: stream.map(Box::new) }),
            excluded: excluded.into_iter().map(id).collect(),
            filter: filtered.then(|| Arc::new(Filter::parse("userId eq 'ann'").unwrap())),
            publisher: publisher.map(id),
            message_id: MessageId(message_id),
            source: Source::default(),
            accepted_us: 0,
            cause: cause.and_then(|(trace, span_id, sampled)| {
                Some(TraceContext { trace_id: TraceId::new(trace)?, span_id, sampled })
            }),
            ttl_s,
        }
    }
}

proptest! {
    #[test]
    fn an_envelope_arrives_as_it_was_sent(envelope in envelopes()) {
        let frame = encode::frame(Content::Envelope(encode::envelope(&envelope)));
        prop_assert_eq!(shown(&envelope_of(frame)), shown(&envelope));
    }

    #[test]
    fn bytes_that_are_no_message_are_an_error_and_nothing_worse(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Frame { content: Some(content) }) = Frame::decode(&bytes[..]) {
            match content {
                Content::Envelope(envelope) => drop(decode::envelope(envelope)),
                Content::Letter(letter) => drop(decode::letter(letter, 7)),
                Content::Command(command) => drop(decode::command(command)),
                Content::Answer(answer) => drop(decode::answer(answer)),
                _ => {}
            }
        }
    }
}

#[test]
fn a_payload_is_shared_with_the_message_that_it_came_in() {
    let data = Data::Binary(Bytes::from(vec![7; 100_000]));
    let sent = Envelope::new(hub(), Target::Hub, HubMessage::new(Sender::Server, data, None));
    let frame = encode::frame(Content::Envelope(encode::envelope(&sent)));
    let packet = Packet { link: 1, number: 1, frames: vec![frame], more: false, restart: false };
    let datagram = Datagram { from: 1, body: Some(Body::Packet(packet)) };
    let message = Bytes::from(datagram.encode_to_vec());
    let Some(Body::Packet(packet)) = Datagram::decode(message.clone()).unwrap().body else {
        panic!("the datagram is no packet");
    };
    let arrived = envelope_of(packet.frames.into_iter().next().unwrap());
    let (payload, whole) = (arrived.message.data.bytes().as_ptr_range(), message.as_ptr_range());
    assert!(whole.contains(&payload.start), "the payload was copied");
}

/// Nodes of two versions run side by side: these bytes stay what they are.
#[test]
fn an_envelope_of_version_1_has_these_bytes() {
    let sender = Sender::Group { group: group("g"), user: Some(UserId::from_token("u")) };
    let message = HubMessage::new(sender, Data::Json(Bytes::from_static(b"{}")), None);
    let sent = Envelope::new(hub(), Target::Group(group("g")), message);
    let frame = encode::frame(Content::Envelope(encode::envelope(&sent)));
    let expected = [
        10, 23, 10, 4, b'c', b'h', b'a', b't', 18, 3, 18, 1, b'g', 26, 1, b'g', 34, 1, b'u', 40, 1, 50, 2,
        b'{', b'}',
    ];
    assert_eq!(&frame[..], expected);
}

#[test]
fn what_a_newer_node_says_besides_is_passed_over() {
    let sent = Envelope::new(
        hub(),
        Target::Hub,
        HubMessage::new(Sender::Server, Data::Text(Bytes::from_static(b"x")), None),
    );
    let mut bytes = encode::envelope(&sent).encode_to_vec();
    // Field 1000, a text, which no version has yet.
    bytes.extend_from_slice(&[0xc2, 0x3e, 3, b'n', b'e', b'w']);
    let decoded = decode::envelope(crate::nats::schema::Envelope::decode(&bytes[..]).unwrap()).unwrap();
    assert_eq!(shown(&decoded), shown(&sent));
}

#[test]
fn every_command_arrives_as_it_was_sent() {
    let filter = || Some(Arc::new(Filter::parse("'g' in groups").unwrap()));
    let user = || Subject::User(UserId::from_token("ann"));
    let close = Command::Close { target: Target::Hub, excluded: [id(5)].into(), reason: "enough".into() };
    let commands = [
        Command::Exists(Target::User(UserId::from_token("ann"))),
        Command::Join(user(), group("g")),
        Command::Leave(Subject::Connection(id(7)), group("g")),
        Command::LeaveAll(user()),
        Command::JoinMatching([group("g"), group("h")].into(), filter()),
        Command::LeaveMatching([group("g")].into(), None),
        close,
        Command::Grant(id(9), Permission::SendToGroup, group("g")),
        Command::Revoke(id(9), Permission::JoinLeaveGroup, group("g")),
        Command::Check(id(9), Permission::SendToGroup, group("g")),
        Command::List { group: group("g"), after: Some(id(3)), limit: 201 },
        Command::List { group: group("g"), after: None, limit: usize::MAX },
        Command::FindSession(id(11)),
    ];
    for command in commands {
        let (name, decoded) = decode::command(encode::command(1, &hub(), &command)).unwrap();
        assert_eq!((name, format!("{decoded:?}")), (hub(), format!("{command:?}")));
    }
}

#[test]
fn every_answer_arrives_as_it_was_given() {
    let member = Member { connection: id(1), user: Some(UserId::from_token("")) };
    let stranger = Member { connection: id(2), user: None };
    let replies = [
        Some(Reply::Done),
        Some(Reply::Missing),
        Some(Reply::LimitReached),
        Some(Reply::Members(vec![member, stranger])),
        Some(Reply::Session { subprotocol: "json.reliable.webpubsub.azure.v1".into(), user: None }),
        Some(Reply::Session { subprotocol: "s".into(), user: Some(UserId::from_token("alice")) }),
        None,
    ];
    for reply in replies {
        assert_eq!(decode::answer(encode::answer(1, reply.as_ref())).unwrap(), reply);
    }
}

#[test]
fn every_letter_arrives_as_it_was_sent_and_where_it_belongs() {
    let (hub, group, connection) = (hub(), group("g"), id(1));
    let state = Some(Arc::new(GroupState::new([("a", "b")])));
    let item = GroupStateItem { connection, user: None, state, updated_at_ms: -5 };
    let (home, owner) = (Recipient::Home(hub.clone(), group.clone()), Recipient::Owner(connection));
    let members = Recipient::Members(hub.clone(), group.clone());
    let refused = Some(RequestError::bad_request("no"));
    let letters = [
        (
            &home,
            Letter::SetState {
                hub: hub.clone(),
                group: group.clone(),
                item: item.clone(),
                teller: Teller { node: 7, term: 9 },
                answer: true,
            },
        ),
        (
            &home,
            Letter::ListStates {
                hub: hub.clone(),
                group: group.clone(),
                subscriber: connection,
                round: 3,
                answer: true,
            },
        ),
        (&owner, Letter::StateSet { connection, group: group.clone(), refused }),
        (
            &owner,
            Letter::States {
                subscriber: connection,
                group: group.clone(),
                items: vec![item.clone()],
                round: 3,
                answer: false,
            },
        ),
        (&members, Letter::StateChanged { hub, group, item }),
        (&owner, Letter::Hold(connection)),
        (&owner, Letter::Release(connection)),
    ];
    for (recipient, letter) in letters {
        let (decoded_recipient, decoded) = decode::letter(encode::letter(&letter).unwrap(), 7).unwrap();
        assert_eq!((&decoded_recipient, format!("{decoded:?}")), (recipient, format!("{letter:?}")));
    }
}
