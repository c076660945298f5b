//! From what nodes send to what hubs understand. Payloads are shared with the message that they came in, not copied.

use std::sync::Arc;

use bytes::Bytes;
use hubwire_auth::Permission;
use hubwire_filter::Filter;
use hubwire_hub::{
    Command, Envelope, Letter, Member, MessageId, Recipient, Reply, Source, Subject, Target, Teller,
    TraceContext,
};
use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{
    ConnectionId, Data, GroupName, GroupState, GroupStateItem, HubName, Message, Metadata, Sender, StreamEnd,
    StreamError, StreamPosition, UserId,
};

use super::schema::{self, AnswerKind, CommandKind, DataKind, LetterKind, TargetKind};

/// What a node of the same version would not send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are no message.
    #[error("the bytes are no message: {0}")]
    Form(#[from] prost::DecodeError),
    /// A part that every such message has is missing, or has a value that has no meaning here.
    #[error("{0} is missing or unknown")]
    Part(&'static str),
    /// A name breaks its rule.
    #[error(transparent)]
    Name(#[from] hubwire_protocol::NameError),
    /// Metadata break their rule.
    #[error(transparent)]
    Metadata(#[from] hubwire_protocol::MetadataError),
    /// A filter does not parse.
    #[error(transparent)]
    Filter(#[from] hubwire_filter::Error),
}

/// The bytes of an id.
const ID_BYTES: usize = 16;

pub(crate) fn envelope(envelope: schema::Envelope) -> Result<Envelope, DecodeError> {
    let sender = match envelope.sender_group {
        Some(group) => {
            let user = envelope.sender_user.as_deref().map(UserId::from_token);
            Sender::Group { group: GroupName::parse(&group)?, user }
        }
        None => Sender::Server,
    };
    let data = match DataKind::try_from(envelope.data_kind) {
        Ok(DataKind::Text) => Data::Text(envelope.data),
        Ok(DataKind::Json) => Data::Json(envelope.data),
        Ok(DataKind::Binary) => Data::Binary(envelope.data),
        Ok(DataKind::Protobuf) => Data::Protobuf(envelope.data),
        Err(_) => return Err(DecodeError::Part("the kind of a payload")),
    };
    let metadata = envelope.metadata.map(metadata).transpose()?;
    let stream = envelope.stream.map(|position| Box::new(stream_position(position)));
    Ok(Envelope {
        hub: HubName::parse(&envelope.hub)?,
        target: target(envelope.target)?,
        message: Arc::new(Message { sender, data, metadata, stream }),
        excluded: connections(&envelope.excluded)?,
        filter: filter(envelope.filter)?,
        publisher: envelope.publisher.as_ref().map(connection).transpose()?,
        message_id: MessageId(envelope.message_id),
        // Nodes measure what happens in themselves.
        source: Source::default(),
        cause: cause(envelope.cause.as_deref()),
        accepted_us: 0,
        ttl_s: u16::try_from(envelope.ttl_s).map_err(|_| DecodeError::Part("a time to live"))?,
    })
}

/// A place in a distributed trace. One that cannot be read is none: nothing is refused for it.
pub(crate) fn cause(traceparent: Option<&str>) -> Option<TraceContext> {
    TraceContext::from_traceparent(traceparent?)
}

/// A letter and the shards of this process that it is for.
/// A letter that a node has sent.
pub(crate) fn letter(letter: schema::Letter, from: u32) -> Result<(Recipient, Letter), DecodeError> {
    let kind = LetterKind::try_from(letter.kind).map_err(|_| DecodeError::Part("the kind of a letter"))?;
    let hub = || HubName::parse(&letter.hub);
    let group = || GroupName::parse(&letter.group);
    let id = || connection(&letter.connection);
    let items = || letter.items.iter().map(state_item).collect::<Result<Vec<_>, _>>();
    let item = || items()?.pop().ok_or(DecodeError::Part("the state in a letter"));
    Ok(match kind {
        LetterKind::SetState => {
            let (hub, group) = (hub()?, group()?);
            let recipient = Recipient::Home(hub.clone(), group.clone());
            let (teller, answer) = (Teller { node: from, term: letter.term }, letter.answer);
            (recipient, Letter::SetState { hub, group, item: item()?, teller, answer })
        }
        LetterKind::ListStates => {
            let (hub, group) = (hub()?, group()?);
            let recipient = Recipient::Home(hub.clone(), group.clone());
            let (round, answer) = (letter.round, letter.answer);
            (recipient, Letter::ListStates { hub, group, subscriber: id()?, round, answer })
        }
        LetterKind::StateSet => {
            let refused = letter
                .refused
                .clone()
                .map(|error| RequestError { name: error.name.into(), message: error.message.into() });
            (Recipient::Owner(id()?), Letter::StateSet { connection: id()?, group: group()?, refused })
        }
        LetterKind::States => {
            let (group, items, answer) = (group()?, items()?, letter.answer);
            let round = letter.round;
            (Recipient::Owner(id()?), Letter::States { subscriber: id()?, group, items, round, answer })
        }
        LetterKind::StateChanged => {
            let (hub, group) = (hub()?, group()?);
            let recipient = Recipient::Members(hub.clone(), group.clone());
            (recipient, Letter::StateChanged { hub, group, item: item()? })
        }
        LetterKind::Hold => (Recipient::Owner(id()?), Letter::Hold(id()?)),
        LetterKind::Release => (Recipient::Owner(id()?), Letter::Release(id()?)),
        LetterKind::Unknown => return Err(DecodeError::Part("the kind of a letter")),
    })
}

pub(crate) fn command(command: schema::Command) -> Result<(HubName, Command), DecodeError> {
    let kind = CommandKind::try_from(command.kind).map_err(|_| DecodeError::Part("the kind of a command"))?;
    let meant = || target(command.target.clone());
    let subject = || match meant()? {
        Target::Connection(id) => Ok(Subject::Connection(id)),
        Target::User(user) => Ok(Subject::User(user)),
        _ => Err(DecodeError::Part("the subject of a command")),
    };
    let id = || match meant()? {
        Target::Connection(id) => Ok(id),
        _ => Err(DecodeError::Part("the connection of a command")),
    };
    let groups = || command.groups.iter().map(|name| GroupName::parse(name)).collect::<Result<Vec<_>, _>>();
    let group = || groups()?.pop().ok_or(DecodeError::Part("the group of a command"));
    let filter = || filter(command.filter.clone());
    let decoded = match kind {
        CommandKind::Exists => Command::Exists(meant()?),
        CommandKind::Join => Command::Join(subject()?, group()?),
        CommandKind::Leave => Command::Leave(subject()?, group()?),
        CommandKind::LeaveAll => Command::LeaveAll(subject()?),
        CommandKind::JoinMatching => Command::JoinMatching(groups()?.into(), filter()?),
        CommandKind::LeaveMatching => Command::LeaveMatching(groups()?.into(), filter()?),
        CommandKind::Close => Command::Close {
            target: meant()?,
            excluded: connections(&command.excluded)?,
            reason: command.text.as_str().into(),
        },
        CommandKind::Grant => Command::Grant(id()?, permission(&command.text)?, group()?),
        CommandKind::Revoke => Command::Revoke(id()?, permission(&command.text)?, group()?),
        CommandKind::Check => Command::Check(id()?, permission(&command.text)?, group()?),
        CommandKind::List => Command::List {
            group: group()?,
            after: command.after.as_ref().map(connection).transpose()?,
            limit: usize::try_from(command.limit).unwrap_or(usize::MAX),
        },
        CommandKind::FindSession => Command::FindSession(id()?),
        CommandKind::Unknown => return Err(DecodeError::Part("the kind of a command")),
    };
    Ok((HubName::parse(&command.hub)?, decoded))
}

/// What came of a command; `None` if a shard could not take it.
pub(crate) fn answer(answer: schema::Answer) -> Result<Option<Reply>, DecodeError> {
    let member = |member: schema::Member| {
        let user = member.user.as_deref().map(UserId::from_token);
        Ok::<_, DecodeError>(Member { connection: connection(&member.connection)?, user })
    };
    Ok(Some(match AnswerKind::try_from(answer.kind) {
        Ok(AnswerKind::Done) => Reply::Done,
        Ok(AnswerKind::Missing) => Reply::Missing,
        Ok(AnswerKind::LimitReached) => Reply::LimitReached,
        Ok(AnswerKind::Members) => {
            Reply::Members(answer.members.into_iter().map(member).collect::<Result<_, _>>()?)
        }
        Ok(AnswerKind::Session) => Reply::Session {
            subprotocol: answer.subprotocol.into(),
            user: answer.user.as_deref().map(UserId::from_token),
        },
        Ok(AnswerKind::Busy | AnswerKind::Misunderstood) => return Ok(None),
        Ok(AnswerKind::Unknown) | Err(_) => return Err(DecodeError::Part("the kind of an answer")),
    }))
}

/// An id of 16 bytes.
pub(crate) fn connection(bytes: &Bytes) -> Result<ConnectionId, DecodeError> {
    let bytes = <[u8; ID_BYTES]>::try_from(&bytes[..]).map_err(|_| DecodeError::Part("a connection id"))?;
    Ok(ConnectionId::from_bits(u128::from_be_bytes(bytes)))
}

fn connections(bytes: &Bytes) -> Result<Arc<[ConnectionId]>, DecodeError> {
    let (ids, rest) = bytes.as_chunks::<ID_BYTES>();
    if !rest.is_empty() {
        return Err(DecodeError::Part("a connection id"));
    }
    Ok(ids.iter().map(|id| ConnectionId::from_bits(u128::from_be_bytes(*id))).collect())
}

fn target(target: Option<schema::Target>) -> Result<Target, DecodeError> {
    Ok(match target.and_then(|target| target.kind).ok_or(DecodeError::Part("a target"))? {
        TargetKind::Hub(_) => Target::Hub,
        TargetKind::Group(group) => Target::Group(GroupName::parse(&group)?),
        TargetKind::User(user) => Target::User(UserId::from_token(&user)),
        TargetKind::Connection(id) => Target::Connection(connection(&id)?),
    })
}

fn filter(text: Option<String>) -> Result<Option<Arc<Filter>>, DecodeError> {
    Ok(text.map(|text| Filter::parse(&text)).transpose()?.map(Arc::new))
}

fn permission(name: &str) -> Result<Permission, DecodeError> {
    name.parse().map_err(|_| DecodeError::Part("a permission"))
}

pub(crate) fn metadata(entries: schema::Entries) -> Result<Metadata, DecodeError> {
    Ok(Metadata::new(entries.entries.into_iter().map(|entry| (entry.name, entry.value)))?)
}

fn stream_position(position: schema::StreamPosition) -> StreamPosition {
    let end = position.end.map(|end| {
        let code = end.user_error_code.map(Into::into);
        match &*end.error {
            "" => StreamEnd::Complete,
            "Cancelled" => StreamEnd::Broken(StreamError::cancelled()),
            "IdleTimeout" => StreamEnd::Broken(StreamError::idle_timeout()),
            "InternalServerError" => StreamEnd::Broken(StreamError::internal()),
            "Forbidden" => StreamEnd::Broken(StreamError::forbidden()),
            _ => StreamEnd::Broken(StreamError::user(Some(end.message.into()), code)),
        }
    });
    StreamPosition { stream_id: position.stream_id.into(), sequence_id: position.sequence_id, end }
}

pub(crate) fn state_item(item: &schema::StateItem) -> Result<GroupStateItem, DecodeError> {
    let entry = |entry: &schema::Entry| (Box::<str>::from(&*entry.name), Box::<str>::from(&*entry.value));
    let state = item.state.as_ref().map(|state| Arc::new(GroupState::new(state.entries.iter().map(entry))));
    Ok(GroupStateItem {
        connection: connection(&item.connection)?,
        user: item.user.as_deref().map(UserId::from_token),
        state,
        updated_at_ms: item.updated_at_ms,
    })
}
