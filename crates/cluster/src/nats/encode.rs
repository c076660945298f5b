//! From what hubs say to what nodes send.

use bytes::Bytes;
use hubwire_hub::{Command, Envelope, Letter, Reply, Subject, Target, TraceContext};
use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{
    ConnectionId, Data, GroupName, GroupStateItem, HubName, Metadata, Sender, StreamEnd, StreamPosition,
};
use prost::Message;

use super::schema::{
    self, AnswerKind, CommandKind, Content, DataKind, Entries, Entry, Frame, LetterKind, TargetKind,
};

/// The bytes of a frame.
pub(crate) fn frame(content: Content) -> Bytes {
    Frame { content: Some(content) }.encode_to_vec().into()
}

pub(crate) fn envelope(envelope: &Envelope) -> schema::Envelope {
    let message = &envelope.message;
    let (sender_group, sender_user) = match &message.sender {
        Sender::Group { group, user } => {
            (Some(group.as_str().to_owned()), user.as_ref().map(|user| user.as_str().to_owned()))
        }
        Sender::Server => (None, None),
    };
    schema::Envelope {
        hub: envelope.hub.as_str().to_owned(),
        target: Some(target(&envelope.target)),
        sender_group,
        sender_user,
        data_kind: data_kind(&message.data).into(),
        data: message.data.bytes().clone(),
        metadata: message.metadata.as_ref().map(metadata),
        stream: message.stream.as_deref().map(stream_position),
        excluded: connections(&envelope.excluded),
        filter: envelope.filter.as_ref().map(|filter| filter.source().to_owned()),
        publisher: envelope.publisher.map(connection),
        ttl_s: envelope.ttl_s.into(),
        cause: cause(envelope.cause),
        message_id: envelope.message_id.0,
    }
}

/// A place in a distributed trace.
pub(crate) fn cause(cause: Option<TraceContext>) -> Option<String> {
    cause.map(|cause| cause.to_string())
}

/// A letter that another node can have; those that never leave their process are none.
pub(crate) fn letter(letter: &Letter) -> Option<schema::Letter> {
    let about = |kind: LetterKind, hub: Option<&HubName>, group: Option<&GroupName>| schema::Letter {
        kind: kind.into(),
        hub: hub.map(|hub| hub.as_str().to_owned()).unwrap_or_default(),
        group: group.map(|group| group.as_str().to_owned()).unwrap_or_default(),
        ..schema::Letter::default()
    };
    Some(match letter {
        Letter::SetState { hub, group, item, teller, answer } => {
            let about = about(LetterKind::SetState, Some(hub), Some(group));
            schema::Letter { items: vec![state_item(item)], term: teller.term, answer: *answer, ..about }
        }
        Letter::ListStates { hub, group, subscriber, round, answer } => {
            let about = about(LetterKind::ListStates, Some(hub), Some(group));
            let (connection, answer) = (connection(*subscriber), *answer);
            schema::Letter { connection, round: *round, answer, ..about }
        }
        Letter::StateSet { connection: id, group, refused } => schema::Letter {
            connection: connection(*id),
            refused: refused.as_ref().map(request_error),
            ..about(LetterKind::StateSet, None, Some(group))
        },
        Letter::States { subscriber, group, items, round, answer } => schema::Letter {
            round: *round,
            answer: *answer,
            connection: connection(*subscriber),
            items: items.iter().map(state_item).collect(),
            ..about(LetterKind::States, None, Some(group))
        },
        Letter::StateChanged { hub, group, item } => {
            let about = about(LetterKind::StateChanged, Some(hub), Some(group));
            schema::Letter { items: vec![state_item(item)], ..about }
        }
        Letter::Hold(id) => {
            schema::Letter { connection: connection(*id), ..about(LetterKind::Hold, None, None) }
        }
        Letter::Release(id) => {
            schema::Letter { connection: connection(*id), ..about(LetterKind::Release, None, None) }
        }
        Letter::Settled(_)
        | Letter::HomesMoved(_)
        | Letter::ViewsChanged(_)
        | Letter::SessionsTaken { .. }
        | Letter::Missed
        | Letter::LogMissed
        | Letter::LogPosition(_)
        | Letter::AppendRefused { .. }
        | Letter::Kept { .. }
        | Letter::Unkept(_)
        | Letter::Tell(_) => return None,
    })
}

pub(crate) fn command(ticket: u64, hub: &HubName, command: &Command) -> schema::Command {
    let of = |kind: CommandKind| schema::Command {
        ticket,
        hub: hub.as_str().to_owned(),
        kind: kind.into(),
        ..schema::Command::default()
    };
    let named = |kind, group: &GroupName| schema::Command { groups: names([group]), ..of(kind) };
    match command {
        Command::Exists(meant) => schema::Command { target: Some(target(meant)), ..of(CommandKind::Exists) },
        Command::Join(meant, group) => {
            schema::Command { target: Some(subject(meant)), ..named(CommandKind::Join, group) }
        }
        Command::Leave(meant, group) => {
            schema::Command { target: Some(subject(meant)), ..named(CommandKind::Leave, group) }
        }
        Command::LeaveAll(meant) => {
            schema::Command { target: Some(subject(meant)), ..of(CommandKind::LeaveAll) }
        }
        Command::JoinMatching(groups, filter) | Command::LeaveMatching(groups, filter) => {
            let joins = matches!(command, Command::JoinMatching(..));
            let kind = if joins { CommandKind::JoinMatching } else { CommandKind::LeaveMatching };
            let filter = filter.as_ref().map(|filter| filter.source().to_owned());
            schema::Command { groups: names(groups.iter()), filter, ..of(kind) }
        }
        Command::Close { target: meant, excluded, reason } => schema::Command {
            target: Some(target(meant)),
            excluded: connections(excluded),
            text: (**reason).to_owned(),
            ..of(CommandKind::Close)
        },
        Command::Grant(id, permission, group)
        | Command::Revoke(id, permission, group)
        | Command::Check(id, permission, group) => {
            let kind = match command {
                Command::Grant(..) => CommandKind::Grant,
                Command::Revoke(..) => CommandKind::Revoke,
                _ => CommandKind::Check,
            };
            let target = Some(target(&Target::Connection(*id)));
            schema::Command { target, text: permission.as_str().to_owned(), ..named(kind, group) }
        }
        Command::List { group, after, limit } => schema::Command {
            after: after.map(connection),
            limit: *limit as u64,
            ..named(CommandKind::List, group)
        },
        // These never leave their process; another one would not understand them.
        Command::Pack | Command::Record | Command::Unpack(_) => of(CommandKind::Unknown),
        Command::FindSession(id) => {
            let target = Some(target(&Target::Connection(*id)));
            schema::Command { target, ..of(CommandKind::FindSession) }
        }
        // What a person is shown is asked of one node: no router sends these, and no node would understand them.
        Command::Explain(_) | Command::Survey(_) => of(CommandKind::Unknown),
    }
}

/// What came of a command; no reply stands for a shard that could not take it.
pub(crate) fn answer(ticket: u64, reply: Option<&Reply>) -> schema::Answer {
    let of = |kind: AnswerKind| schema::Answer { ticket, kind: kind.into(), ..schema::Answer::default() };
    match reply {
        None | Some(Reply::Packed(_) | Reply::Recorded(_)) => of(AnswerKind::Busy),
        Some(Reply::Done) => of(AnswerKind::Done),
        Some(Reply::Missing) => of(AnswerKind::Missing),
        Some(Reply::LimitReached) => of(AnswerKind::LimitReached),
        Some(Reply::Members(members)) => {
            let member = |member: &hubwire_hub::Member| schema::Member {
                connection: connection(member.connection),
                user: member.user.as_ref().map(|user| user.as_str().to_owned()),
            };
            schema::Answer { members: members.iter().map(member).collect(), ..of(AnswerKind::Members) }
        }
        Some(Reply::Session { subprotocol, user }) => schema::Answer {
            subprotocol: (**subprotocol).to_owned(),
            user: user.as_ref().map(|user| user.as_str().to_owned()),
            ..of(AnswerKind::Session)
        },
        Some(Reply::Explained(_) | Reply::Surveyed(_)) => of(AnswerKind::Misunderstood),
    }
}

/// The answer to a command that is not understood.
pub(crate) fn misunderstood(ticket: u64) -> schema::Answer {
    schema::Answer { ticket, kind: AnswerKind::Misunderstood.into(), ..schema::Answer::default() }
}

/// An id as 16 bytes.
pub(crate) fn connection(id: ConnectionId) -> Bytes {
    Bytes::copy_from_slice(&id.bits().to_be_bytes())
}

fn connections(ids: &[ConnectionId]) -> Bytes {
    ids.iter().flat_map(|id| id.bits().to_be_bytes()).collect::<Vec<u8>>().into()
}

fn target(target: &Target) -> schema::Target {
    let kind = match target {
        Target::Hub => TargetKind::Hub(true),
        Target::Group(group) => TargetKind::Group(group.as_str().to_owned()),
        Target::User(user) => TargetKind::User(user.as_str().to_owned()),
        Target::Connection(id) => TargetKind::Connection(connection(*id)),
    };
    schema::Target { kind: Some(kind) }
}

fn subject(subject: &Subject) -> schema::Target {
    target(&match subject {
        Subject::Connection(id) => Target::Connection(*id),
        Subject::User(user) => Target::User(user.clone()),
    })
}

fn names<'a>(groups: impl IntoIterator<Item = &'a GroupName>) -> Vec<String> {
    groups.into_iter().map(|group| group.as_str().to_owned()).collect()
}

fn data_kind(data: &Data) -> DataKind {
    match data {
        Data::Text(_) => DataKind::Text,
        Data::Json(_) => DataKind::Json,
        Data::Binary(_) => DataKind::Binary,
        Data::Protobuf(_) => DataKind::Protobuf,
    }
}

pub(crate) fn metadata(metadata: &Metadata) -> Entries {
    entries(metadata.iter())
}

fn entries<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Entries {
    let entry = |(name, value): (&str, &str)| Entry { name: name.to_owned(), value: value.to_owned() };
    Entries { entries: entries.map(entry).collect() }
}

fn stream_position(position: &StreamPosition) -> schema::StreamPosition {
    let end = position.end.as_ref().map(|end| match end {
        StreamEnd::Complete => schema::StreamEnd::default(),
        StreamEnd::Broken(error) => schema::StreamEnd {
            error: error.name.to_owned(),
            message: (*error.message).to_owned(),
            user_error_code: error.user_error_code.as_deref().map(str::to_owned),
        },
    });
    schema::StreamPosition {
        stream_id: (*position.stream_id).to_owned(),
        sequence_id: position.sequence_id,
        end,
    }
}

pub(crate) fn state_item(item: &GroupStateItem) -> schema::StateItem {
    schema::StateItem {
        connection: connection(item.connection),
        user: item.user.as_ref().map(|user| user.as_str().to_owned()),
        state: item.state.as_ref().map(|state| entries(state.iter())),
        updated_at_ms: item.updated_at_ms,
    }
}

fn request_error(error: &RequestError) -> schema::RequestError {
    schema::RequestError {
        name: error.name.clone().into_owned(),
        message: error.message.clone().into_owned(),
    }
}
