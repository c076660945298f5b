//! Entries of the log and records of the registry as bytes, and back.

use bytes::Bytes;
use hubwire_hub::{Act, Author, Entry, Event, Luggage, Occurrence, Parting};
use hubwire_protocol::{GroupName, HubName, StreamStart, UserId};
use prost::Message;

use super::decode::{self, DecodeError};
use super::log_schema::{self, LogEntry, SessionRecord};
use super::{encode, luggage, schema};

/// An entry, and the node and ticket that wait for what comes of it.
pub(crate) struct Read {
    pub(crate) entry: Entry,
    pub(crate) asker: Option<(u32, u64)>,
}

/// What the registry has about a session.
pub(crate) enum Kept {
    /// It goes on.
    Session(Box<Luggage>),
    /// It has ended, and its application may still have to be told.
    Ended(Box<Parting>),
}

/// What an entry stands in the log by once, however often it is appended and by whatever node; `None` of one that nobody appends again.
pub(crate) fn message_id(entry: &Entry) -> Option<String> {
    let Author { connection, ack_id, stream } = entry.author?;
    let connection = connection.bits();
    match (ack_id, stream, &entry.act) {
        (Some(ack_id), ..) => Some(format!("{connection:032x}-{ack_id}")),
        (None, Some(opened), Act::Publish(envelope)) => {
            let position = envelope.message.stream.as_ref()?;
            // An end and a message of the same number have the same id: what a node that stood still has left to say comes too late.
            Some(format!("{connection:032x}-s{opened}-{}", position.sequence_id))
        }
        _ => None,
    }
}

/// An entry that a node waits for, by a ticket; or nobody.
pub(crate) fn encode(entry: &Entry, asker: Option<(u32, u64)>) -> Bytes {
    let (node, ticket) = asker.unwrap_or_default();
    let about = LogEntry {
        hub: entry.hub.as_str().to_owned(),
        author: entry.author.map(|author| encode::connection(author.connection)),
        ack_id: entry.author.and_then(|author| author.ack_id),
        stream: entry.author.and_then(|author| author.stream),
        asker: node,
        ..LogEntry::default()
    };
    let encoded = match &entry.act {
        Act::Publish(envelope) => LogEntry { envelope: Some(encode::envelope(envelope)), ..about },
        Act::Command(command) => {
            LogEntry { command: Some(encode::command(ticket, &entry.hub, command)), ..about }
        }
        Act::OpenStream(start) => LogEntry { open_stream: Some(encode_start(start)), ..about },
        Act::SetState(group, item) => LogEntry { state: Some(luggage::state(group, item)), ..about },
        Act::SubscribeStates(group) => {
            LogEntry { subscribe_states: Some(group.as_str().to_owned()), ..about }
        }
        Act::UnsubscribeStates(group) => {
            LogEntry { unsubscribe_states: Some(group.as_str().to_owned()), ..about }
        }
        Act::Remember => about,
    };
    encoded.encode_to_vec().into()
}

fn encode_start(start: &StreamStart) -> log_schema::StreamStart {
    log_schema::StreamStart {
        stream_id: (*start.stream_id).to_owned(),
        idle_timeout_ms: start.idle_timeout_ms,
        group: start.group.as_str().to_owned(),
        metadata: start.metadata.as_ref().map(encode::metadata),
        no_echo: start.no_echo,
        ttl_s: start.ttl_s.into(),
    }
}

fn decode_start(start: log_schema::StreamStart) -> Result<StreamStart, DecodeError> {
    Ok(StreamStart {
        stream_id: start.stream_id.into(),
        idle_timeout_ms: start.idle_timeout_ms,
        group: GroupName::parse(&start.group)?,
        metadata: start.metadata.map(decode::metadata).transpose()?,
        no_echo: start.no_echo,
        ttl_s: u16::try_from(start.ttl_s).map_err(|_| DecodeError::Part("a time to live"))?,
    })
}

pub(crate) fn decode(bytes: Bytes) -> Result<Read, DecodeError> {
    let read = LogEntry::decode(bytes)?;
    let (ack_id, stream, asker) = (read.ack_id, read.stream, read.asker);
    let ticket = read.command.as_ref().map_or(0, |command| command.ticket);
    let author = read.author.as_ref().map(decode::connection).transpose()?;
    let author = author.map(|connection| Author { connection, ack_id, stream });
    let entry = Entry { hub: HubName::parse(&read.hub)?, author, act: decode_act(read)? };
    Ok(Read { entry, asker: (asker != 0).then_some((asker, ticket)) })
}

/// The one thing that an entry asks for.
fn decode_act(read: LogEntry) -> Result<Act, DecodeError> {
    let LogEntry { envelope, command, open_stream, state, subscribe_states, unsubscribe_states, .. } = read;
    let acts = [
        envelope.map(|envelope| Ok(Act::Publish(decode::envelope(envelope)?))),
        command.map(|command| Ok(Act::Command(decode::command(command)?.1))),
        open_stream.map(|start| Ok(Act::OpenStream(decode_start(start)?))),
        state.map(|state| luggage::decode_state(&state).map(|(group, item)| Act::SetState(group, item))),
        subscribe_states.map(|group| Ok(Act::SubscribeStates(GroupName::parse(&group)?))),
        unsubscribe_states.map(|group| Ok(Act::UnsubscribeStates(GroupName::parse(&group)?))),
    ];
    let mut acts = acts.into_iter().flatten();
    match (acts.next(), acts.next()) {
        (Some(act), None) => act,
        (None, _) => Ok(Act::Remember),
        _ => Err(DecodeError::Part("what an entry of the log asks for")),
    }
}

/// What the registry is to keep of a session.
pub(crate) fn session(owner: u32, session: &Luggage) -> Bytes {
    let session = Some(luggage::encode(session));
    SessionRecord { owner, session, ..SessionRecord::default() }.encode_to_vec().into()
}

/// What the registry is to keep of a session that has ended, until its application is told and all that it leaves to be said is.
pub(crate) fn ended(owner: u32, parting: &Parting) -> Bytes {
    let Parting { end, is_told, farewells } = parting;
    let reason = match &end.occurrence {
        Occurrence::Disconnected { reason } => reason.clone().into_owned(),
        _ => String::new(),
    };
    let session = schema::Luggage {
        connection: encode::connection(end.connection),
        hub: end.hub.as_str().to_owned(),
        user: end.user.as_ref().map(|user| user.as_str().to_owned()),
        spelling: end.subprotocol.as_deref().map(str::to_owned),
        origin: (*end.origin).to_owned(),
        state: end.state.clone(),
        events: end.id,
        state_changed_ms: i64::try_from(end.raised_ms).unwrap_or_default(),
        ..schema::Luggage::default()
    };
    let farewells = farewells.iter().map(|entry| encode(entry, None)).collect();
    let record =
        SessionRecord { owner, session: Some(session), ended: Some(reason), farewells, is_told: *is_told };
    record.encode_to_vec().into()
}

/// The node that has a session, and what is kept of it.
pub(crate) fn kept(bytes: Bytes) -> Result<(u32, Kept), DecodeError> {
    let SessionRecord { owner, session, ended, farewells, is_told } = SessionRecord::decode(bytes)?;
    let session = session.ok_or(DecodeError::Part("a session"))?;
    let Some(reason) = ended else {
        return Ok((owner, Kept::Session(Box::new(luggage::decode(session)?))));
    };
    let end = Event {
        connection: decode::connection(&session.connection)?,
        hub: HubName::parse(&session.hub)?,
        id: session.events,
        user: session.user.as_deref().map(UserId::from_token),
        subprotocol: session.spelling.map(Into::into),
        state: session.state,
        origin: session.origin.into(),
        raised_ms: u64::try_from(session.state_changed_ms).unwrap_or_default(),
        // Its node has died, and that has no cause in a trace.
        cause: None,
        occurrence: Occurrence::Disconnected { reason: reason.into() },
    };
    let farewells = farewells.into_iter().map(|bytes| decode(bytes).map(|read| read.entry));
    let farewells = farewells.collect::<Result<_, _>>()?;
    Ok((owner, Kept::Ended(Box::new(Parting { end, is_told, farewells }))))
}
