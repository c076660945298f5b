use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use hubwire_auth::{Permission, Permissions};
use hubwire_filter::Filter;
use hubwire_hub::{Command, Envelope, Letter, Limits, Protocol, SimpleMode, Subject, Target, Teller};
use hubwire_protocol::{
    ConnectionId, Data, EventName, GroupName, GroupState, GroupStateItem, HubName, InvocationRequest,
    Message, Publication, Request, Sender, StreamEndError, StreamStart, Subprotocol, UserId,
};

/// Few names, so that calls meet each other.
const HUBS: [&str; 2] = ["chat", "news"];
const GROUPS: [&str; 5] = ["a", "b", "c", "d", "e"];
const USERS: [&str; 3] = ["", "ada", "bob"];
const FILTERS: [&str; 4] =
    ["userId eq 'ada'", "'a' in groups", "length(groups) gt 1", "not (userId eq null)"];
/// More than the small bounds of the target's outboxes and windows let through together.
const PAYLOAD_BYTES_MAX: usize = 80;

pub(crate) fn hub(input: &mut Unstructured<'_>) -> Result<HubName> {
    Ok(HubName::parse(input.choose(&HUBS)?).expect("the name is valid"))
}

pub(crate) fn group(input: &mut Unstructured<'_>) -> Result<GroupName> {
    Ok(GroupName::parse(input.choose(&GROUPS)?).expect("the name is valid"))
}

pub(crate) fn groups(input: &mut Unstructured<'_>) -> Result<Vec<GroupName>> {
    (0..input.int_in_range(0..=GROUPS.len())?).map(|_| group(input)).collect()
}

fn user(input: &mut Unstructured<'_>) -> Result<UserId> {
    Ok(UserId::from_token(input.choose(&USERS)?))
}

pub(crate) fn optional_user(input: &mut Unstructured<'_>) -> Result<Option<UserId>> {
    if input.arbitrary()? { user(input).map(Some) } else { Ok(None) }
}

pub(crate) fn permissions(input: &mut Unstructured<'_>) -> Result<Permissions> {
    const ROLES: [&str; 6] = [
        "webpubsub.setGroupState",
        "webpubsub.getGroupState",
        "webpubsub.sendToGroup",
        "webpubsub.joinLeaveGroup",
        "webpubsub.joinLeaveGroup.a",
        "webpubsub.sendToGroups.*",
    ];
    let chosen: u8 = input.arbitrary()?;
    let roles = ROLES.iter().enumerate().filter(|(index, _)| chosen >> index & 1 == 0).map(|(_, role)| *role);
    Ok(Permissions::from_roles(roles).0)
}

pub(crate) fn protocol(input: &mut Unstructured<'_>) -> Result<Protocol> {
    Ok(match input.int_in_range(0..=6)? {
        0 => Protocol::PubSub(Subprotocol::Json),
        3 => Protocol::PubSub(Subprotocol::Protobuf),
        4 => Protocol::PubSub(Subprotocol::ProtobufReliable),
        1 => Protocol::Simple(Box::new(SimpleMode::SendEvent)),
        2 => Protocol::Simple(Box::new(SimpleMode::SendToGroup {
            group: group(input)?,
            no_echo: input.arbitrary()?,
        })),
        _ => Protocol::PubSub(Subprotocol::JsonReliable),
    })
}

pub(crate) fn payload(input: &mut Unstructured<'_>) -> Result<Bytes> {
    Ok(Bytes::from(vec![b'1'; input.int_in_range(1..=PAYLOAD_BYTES_MAX)?]))
}

fn data(input: &mut Unstructured<'_>) -> Result<Data> {
    let bytes = payload(input)?;
    Ok(match input.int_in_range(0..=3)? {
        0 => Data::Text(bytes),
        1 => Data::Json(bytes),
        2 => Data::Binary(bytes),
        _ => Data::Protobuf(bytes),
    })
}

fn ttl_s(input: &mut Unstructured<'_>) -> Result<u16> {
    Ok(*input.choose(&[0, 0, 1, 300])?)
}

/// Few ids, so that some repeat.
fn ack_id(input: &mut Unstructured<'_>) -> Result<Option<u64>> {
    Ok(input.int_in_range(0..=4_u64)?.checked_sub(1))
}

pub(crate) fn request(input: &mut Unstructured<'_>) -> Result<Request> {
    Ok(match input.int_in_range(0..=17)? {
        0 => Request::JoinGroup { group: group(input)?, ack_id: ack_id(input)? },
        1 => Request::LeaveGroup { group: group(input)?, ack_id: ack_id(input)? },
        2 => Request::Event {
            event: EventName::parse("echo").expect("the name is valid"),
            data: data(input)?,
            metadata: None,
            ack_id: ack_id(input)?,
        },
        3 => Request::Ping,
        4 => Request::SequenceAck(*input.choose(&[0, 1, 2, 3, 5, 8, 300, u64::MAX])?),
        5 | 6 => Request::StartStream {
            stream: StreamStart {
                stream_id: name(input)?,
                idle_timeout_ms: *input.choose(&[None, Some(0), Some(30), Some(70)])?,
                group: group(input)?,
                metadata: None,
                no_echo: input.arbitrary()?,
                ttl_s: ttl_s(input)?,
            },
            ack_id: ack_id(input)?,
        },
        7 | 8 => Request::StreamData {
            stream_id: name(input)?,
            sequence_id: input.int_in_range(0..=5)?,
            data: data(input)?,
        },
        9 => Request::StreamKeepAlive { stream_id: name(input)? },
        10 => Request::StreamEnd {
            stream_id: name(input)?,
            error: if input.arbitrary()? { Some(StreamEndError::default()) } else { None },
        },
        11 => Request::Invoke(InvocationRequest {
            invocation_id: name(input)?,
            event: EventName::parse("echo").expect("the name is valid"),
            data: None,
            metadata: None,
        }),
        12 => Request::CancelInvocation { invocation_id: name(input)? },
        13 => Request::SetGroupState { group: group(input)?, state: state(input)?, ack_id: ack_id(input)? },
        14 => Request::SubscribeGroupState { group: group(input)?, ack_id: ack_id(input)? },
        15 => Request::UnsubscribeGroupState { group: group(input)?, ack_id: ack_id(input)? },
        _ => {
            let publication = Publication {
                group: group(input)?,
                data: data(input)?,
                metadata: None,
                no_echo: input.arbitrary()?,
                ttl_s: ttl_s(input)?,
            };
            Request::SendToGroup { publication, ack_id: ack_id(input)? }
        }
    })
}

/// Few names of streams and invocations, so that some repeat; one of them is refused.
fn name(input: &mut Unstructured<'_>) -> Result<Box<str>> {
    Ok((*input.choose(&["s", "t", "u", ""])?).into())
}

fn state(input: &mut Unstructured<'_>) -> Result<Option<GroupState>> {
    Ok(match input.int_in_range(0..=3)? {
        0 => None,
        1 => Some(GroupState::default()),
        2 => Some(GroupState::new([("k", "v")])),
        _ => Some(GroupState::new([("k", "v".repeat(513))])),
    })
}

/// What reaches a shard from another one.
pub(crate) enum Foreign {
    Letter(Letter),
    Envelope(Envelope),
}

pub(crate) fn foreign(input: &mut Unstructured<'_>, ids: &[ConnectionId]) -> Result<Foreign> {
    let far = ConnectionId::new(1 << 8, 1);
    let id = *input.choose(ids)?;
    let item = |input: &mut Unstructured<'_>| {
        let state = state(input)?.map(Arc::new);
        Ok(GroupStateItem { connection: far, user: None, state, updated_at_ms: 1 })
    };
    let letter = match input.int_in_range(0..=5)? {
        0 => {
            let (hub, group, item) = (hub(input)?, group(input)?, item(input)?);
            let teller = Teller { node: input.arbitrary()?, term: input.arbitrary()? };
            Letter::SetState { hub, group, item, teller, answer: true }
        }
        1 => {
            let (hub, group, round) = (hub(input)?, group(input)?, input.arbitrary()?);
            Letter::ListStates { hub, group, subscriber: far, round, answer: true }
        }
        2 => Letter::StateChanged { hub: hub(input)?, group: group(input)?, item: item(input)? },
        3 => Letter::Hold(id),
        4 => Letter::Release(id),
        _ => {
            let mut envelope = envelope(input, ids)?;
            envelope.publisher = Some(far);
            return Ok(Foreign::Envelope(envelope));
        }
    };
    Ok(Foreign::Letter(letter))
}

fn target(input: &mut Unstructured<'_>, ids: &[ConnectionId]) -> Result<Target> {
    Ok(match input.int_in_range(0..=3)? {
        0 => Target::Hub,
        1 => Target::Group(group(input)?),
        2 => Target::User(user(input)?),
        _ => Target::Connection(*input.choose(ids)?),
    })
}

fn excluded(input: &mut Unstructured<'_>, ids: &[ConnectionId]) -> Result<Arc<[ConnectionId]>> {
    // Up to more than are searched one by one.
    let count = *input.choose(&[0, 0, 0, 1, 12])?;
    (0..count).map(|_| input.choose(ids).copied()).collect()
}

fn filter(input: &mut Unstructured<'_>) -> Result<Option<Arc<Filter>>> {
    if !input.arbitrary::<bool>()? {
        return Ok(None);
    }
    let filter = Filter::parse(input.choose(&FILTERS)?).expect("the filter is valid");
    Ok(Some(Arc::new(filter)))
}

pub(crate) fn envelope(input: &mut Unstructured<'_>, ids: &[ConnectionId]) -> Result<Envelope> {
    let target = target(input, ids)?;
    let sender = match &target {
        Target::Group(group) => Sender::Group { group: group.clone(), user: None },
        _ => Sender::Server,
    };
    let mut envelope = Envelope::new(hub(input)?, target, Message::new(sender, data(input)?, None));
    envelope.excluded = excluded(input, ids)?;
    envelope.filter = filter(input)?;
    envelope.ttl_s = ttl_s(input)?;
    Ok(envelope)
}

pub(crate) fn command(input: &mut Unstructured<'_>, ids: &[ConnectionId]) -> Result<Command> {
    let id = *input.choose(ids)?;
    Ok(match input.int_in_range(0..=11)? {
        0 => Command::Exists(target(input, ids)?),
        1 => Command::Join(subject(input, id)?, group(input)?),
        2 => Command::Leave(subject(input, id)?, group(input)?),
        3 => Command::LeaveAll(subject(input, id)?),
        4 => Command::JoinMatching(groups(input)?.into(), filter(input)?),
        5 => Command::LeaveMatching(groups(input)?.into(), filter(input)?),
        6 => {
            let target = target(input, ids)?;
            Command::Close {
                target,
                excluded: excluded(input, ids)?,
                reason: (*input.choose(&["", "bye"])?).into(),
            }
        }
        7 => Command::Grant(id, permission(input)?, group(input)?),
        8 => Command::Revoke(id, permission(input)?, group(input)?),
        9 => Command::Check(id, permission(input)?, group(input)?),
        10 => Command::FindSession(id),
        _ => {
            let after = if input.arbitrary()? { Some(id) } else { None };
            Command::List { group: group(input)?, after, limit: input.int_in_range(0..=5)? }
        }
    })
}

fn subject(input: &mut Unstructured<'_>, id: ConnectionId) -> Result<Subject> {
    Ok(if input.arbitrary()? { Subject::Connection(id) } else { Subject::User(user(input)?) })
}

fn permission(input: &mut Unstructured<'_>) -> Result<Permission> {
    Ok(*input.choose(&[Permission::SendToGroup, Permission::JoinLeaveGroup])?)
}

/// Bounds that short inputs reach.
pub(crate) fn small_limits() -> Limits {
    Limits {
        outbox_messages_max: 6,
        outbox_bytes_max: 512,
        window_messages_max: 4,
        window_bytes_max: 400,
        recovery_window_ms: 100,
        ack_ids_max: 2,
        groups_per_connection_max: 3,
        streams_per_connection_max: 2,
        stream_hold_max_ms: 50,
        invocations_per_connection_max: 2,
        invocation_timeout_ms: 60,
        group_states_per_connection_max: 2,
        group_states_per_group_max: 3,
    }
}
