//! What a node has in the registry, and what it is writing there. One write of a session is under way at a time, and each names the revision
//! that it replaces: who has lost a session to another node learns of it so. Sans-IO.

use std::collections::HashMap;

use bytes::Bytes;
use hubwire_hub::Parting;
use hubwire_protocol::ConnectionId;

/// What is to be written of a session.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// What it is now.
    Record(Record),
    /// That it has ended; then its application is told, and what it leaves to be said is appended.
    End(Bytes, Box<Parting>),
}

/// What a session, or a plain publisher, is.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) bytes: Bytes,
    /// The position of the log that it is valid at.
    pub(crate) position: u64,
    /// Whether a publisher waits until it is there, and may say what others get to see only then.
    pub(crate) is_awaited: bool,
}

impl Record {
    /// What is to be written instead of two records, of which neither is there.
    fn or(self, other: Self) -> Self {
        let is_awaited = self.is_awaited || other.is_awaited;
        let newer = if other.position >= self.position { other } else { self };
        Self { is_awaited, ..newer }
    }
}

/// A write that is to be carried out.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) connection: ConnectionId,
    pub(crate) bytes: Bytes,
    /// The revision that it replaces; 0 if there is none.
    pub(crate) expected: u64,
    /// The node that the session was taken from, and which may still have written it.
    pub(crate) predecessor: Option<u32>,
    /// Whether somebody is told because of it: then it counts only if nobody has taken this node's sessions before it was there. Whoever takes
    /// them later finds it.
    pub(crate) guarded: bool,
}

/// What came of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It is there, as this revision.
    Revision(u64),
    /// Another node has the session.
    Lost,
    /// Nobody said so in time: it is tried again.
    Unanswered,
    /// NATS does not take so much.
    TooLarge,
}

struct Session {
    revision: u64,
    predecessor: Option<u32>,
    /// The position of the newest record that was written, or is to be.
    position: u64,
    /// The write that is under way.
    writing: Option<Write>,
    next: Option<Write>,
}

/// The sessions that this node has in the registry.
#[derive(Default)]
pub(crate) struct Registry {
    sessions: HashMap<ConnectionId, Session>,
    /// How many of them began on each node.
    origins: HashMap<u32, usize>,
}

impl Registry {
    /// Sessions that are kept.
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// The other nodes where sessions began that this node has now.
    pub(crate) fn origins_but(&self, own: u32) -> Vec<u32> {
        let mut origins: Vec<_> = self.origins.keys().copied().filter(|node| *node != own).collect();
        origins.sort_unstable();
        origins
    }

    /// Notes a session that was taken from another node, as the registry has it.
    pub(crate) fn adopt(&mut self, connection: ConnectionId, revision: u64, from: u32) {
        self.remove(connection);
        self.insert(connection, revision, Some(from));
    }

    /// Whether the registry still has sessions here as a node's that they were taken from.
    pub(crate) fn awaits(&self, node: u32) -> bool {
        self.sessions.values().any(|session| session.predecessor == Some(node))
    }

    fn insert(&mut self, connection: ConnectionId, revision: u64, predecessor: Option<u32>) {
        let session = Session { revision, predecessor, position: 0, writing: None, next: None };
        if self.sessions.insert(connection, session).is_none() {
            *self.origins.entry(connection.node()).or_default() += 1;
        }
    }

    fn remove(&mut self, connection: ConnectionId) -> Option<Session> {
        let session = self.sessions.remove(&connection)?;
        if let Some(count) = self.origins.get_mut(&connection.node()) {
            *count -= 1;
            if *count == 0 {
                self.origins.remove(&connection.node());
            }
        }
        Some(session)
    }

    /// Whether a session is kept, and has not ended.
    pub(crate) fn goes_on(&self, connection: ConnectionId) -> bool {
        let ends = |write: &Option<Write>| matches!(write, Some(Write::End(..)));
        self.sessions.get(&connection).is_some_and(|session| !ends(&session.writing) && !ends(&session.next))
    }

    /// Whether something of a session that goes on waits to be written.
    pub(crate) fn is_recording(&self, connection: ConnectionId) -> bool {
        let writes = |session: &Session| session.writing.is_some() || session.next.is_some();
        self.goes_on(connection) && self.sessions.get(&connection).is_some_and(writes)
    }

    /// A session begins, or a publisher, which may have begun before: has it written.
    pub(crate) fn begin(&mut self, connection: ConnectionId, record: Record) -> Option<Store> {
        if !self.sessions.contains_key(&connection) {
            self.insert(connection, 0, None);
        }
        self.write(connection, Write::Record(record))
    }

    /// Has something written of a session: now, or when what is under way is done. An end is the last word. A record that is older than the
    /// newest one is not written any more: workers say what has changed, and that a stream was opened, on different ways.
    pub(crate) fn write(&mut self, connection: ConnectionId, write: Write) -> Option<Store> {
        if !self.goes_on(connection) {
            return None;
        }
        let session = self.sessions.get_mut(&connection)?;
        match &write {
            // One that is awaited always is: what it says of streams has not changed since, as its publisher is held.
            Write::Record(record) if record.position < session.position && !record.is_awaited => return None,
            Write::Record(record) => session.position = session.position.max(record.position),
            Write::End(..) => {}
        }
        session.put(write);
        Self::advance(connection, session)
    }

    fn advance(connection: ConnectionId, session: &mut Session) -> Option<Store> {
        if session.writing.is_some() {
            return None;
        }
        let write = session.next.take()?;
        let (bytes, is_awaited) = match &write {
            Write::Record(record) => (record.bytes.clone(), record.is_awaited),
            Write::End(bytes, _) => (bytes.clone(), true),
        };
        let guarded = session.revision == 0 || is_awaited;
        session.writing = Some(write);
        let (expected, predecessor) = (session.revision, session.predecessor);
        Some(Store { connection, bytes, expected, predecessor, guarded })
    }

    /// Takes in what came of a write. Answers the next one, and the end that is to be told now, with the revision that is to be erased.
    pub(crate) fn stored(&mut self, connection: ConnectionId, stored: Stored) -> Progress {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return Progress::default();
        };
        let written = session.writing.take();
        match (stored, written) {
            (Stored::Revision(revision), Some(Write::End(_, parting))) => {
                self.remove(connection);
                Progress { ended: Some((parting, revision)), ..Progress::default() }
            }
            (Stored::Revision(revision), written) => {
                (session.revision, session.predecessor) = (revision, None);
                let kept = match written {
                    Some(Write::Record(record)) => record.is_awaited.then_some(record.position),
                    _ => None,
                };
                Progress { next: Self::advance(connection, session), kept, ..Progress::default() }
            }
            (Stored::Unanswered, written) => {
                written.into_iter().for_each(|written| session.put(written));
                Progress { next: Self::advance(connection, session), ..Progress::default() }
            }
            (Stored::Lost | Stored::TooLarge, written) => {
                let over = matches!(written, Some(Write::End(..)));
                self.remove(connection);
                Progress { over, ..Progress::default() }
            }
        }
    }
}

impl Session {
    /// Has something written that is not there yet, beside what waits.
    fn put(&mut self, write: Write) {
        self.next = Some(match (self.next.take(), write) {
            (Some(Write::Record(waiting)), Write::Record(record)) => Write::Record(waiting.or(record)),
            (Some(end @ Write::End(..)), _) => end,
            (_, write) => write,
        });
    }
}

/// What follows from a write.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) next: Option<Store>,
    /// A publisher waits for a record that is valid at this position, and is there now.
    pub(crate) kept: Option<u64>,
    /// All that it leaves is to be told and appended, and this revision to be erased.
    pub(crate) ended: Option<(Box<Parting>, u64)>,
    /// The session had ended, and there is nothing left to be done about it.
    pub(crate) over: bool,
}
