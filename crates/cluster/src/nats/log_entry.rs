//! Entries of the log and records of the registry as bytes, and back.

use bytes::Bytes;
use hubwire_hub::{Act, Author, Entry, Event, Luggage, Occurrence};
use hubwire_protocol::{HubName, UserId};
use prost::Message;

use super::decode::{self, DecodeError};
use super::log_schema::{LogEntry, SessionRecord};
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
    Ended(Box<Event>),
}

/// An entry that a node waits for, by a ticket; or nobody.
pub(crate) fn encode(entry: &Entry, asker: Option<(u32, u64)>) -> Bytes {
    let (node, ticket) = asker.unwrap_or_default();
    let (envelope, command) = match &entry.act {
        Act::Publish(envelope) => (Some(encode::envelope(envelope)), None),
        Act::Command(command) => (None, Some(encode::command(ticket, &entry.hub, command))),
        Act::Remember => (None, None),
    };
    let encoded = LogEntry {
        hub: entry.hub.as_str().to_owned(),
        author: entry.author.map(|author| encode::connection(author.connection)),
        ack_id: entry.author.and_then(|author| author.ack_id),
        envelope,
        command,
        asker: node,
    };
    encoded.encode_to_vec().into()
}

pub(crate) fn decode(bytes: Bytes) -> Result<Read, DecodeError> {
    let LogEntry { hub, author, ack_id, envelope, command, asker } = LogEntry::decode(bytes)?;
    let ticket = command.as_ref().map_or(0, |command| command.ticket);
    let act = match (envelope, command) {
        (Some(envelope), None) => Act::Publish(decode::envelope(envelope)?),
        (None, Some(command)) => Act::Command(decode::command(command)?.1),
        (None, None) => Act::Remember,
        _ => return Err(DecodeError::Part("what an entry of the log asks for")),
    };
    let author = author.as_ref().map(decode::connection).transpose()?;
    let author = author.map(|connection| Author { connection, ack_id });
    let entry = Entry { hub: HubName::parse(&hub)?, author, act };
    Ok(Read { entry, asker: (asker != 0).then_some((asker, ticket)) })
}

/// What the registry is to keep of a session.
pub(crate) fn session(owner: u32, session: &Luggage) -> Bytes {
    let session = Some(luggage::encode(session));
    SessionRecord { owner, session, ended: None }.encode_to_vec().into()
}

/// What the registry is to keep of a session that has ended, until its application is told.
pub(crate) fn ended(owner: u32, end: &Event) -> Bytes {
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
    SessionRecord { owner, session: Some(session), ended: Some(reason) }.encode_to_vec().into()
}

/// The node that has a session, and what is kept of it.
pub(crate) fn kept(bytes: Bytes) -> Result<(u32, Kept), DecodeError> {
    let SessionRecord { owner, session, ended } = SessionRecord::decode(bytes)?;
    let session = session.ok_or(DecodeError::Part("a session"))?;
    let Some(reason) = ended else {
        return Ok((owner, Kept::Session(Box::new(luggage::decode(session)?))));
    };
    let event = Event {
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
    Ok((owner, Kept::Ended(Box::new(event))))
}
