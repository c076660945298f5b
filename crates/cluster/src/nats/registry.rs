//! What a node has in the registry, and what it is writing there. One write of a session is under way at a time, and each names the revision
//! that it replaces: who has lost a session to another node learns of it so. Sans-IO.

use std::collections::HashMap;

use bytes::Bytes;
use hubwire_hub::{Entry, Event};
use hubwire_protocol::ConnectionId;

/// What is to be written of a session.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// What it is now.
    Record(Bytes),
    /// That it has ended; then its application is told, and what it leaves to be said is appended.
    End(Bytes, Box<Event>, Vec<Entry>),
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
        let session = Session { revision, predecessor, writing: None, next: None };
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

    /// A session begins: has it written.
    pub(crate) fn begin(&mut self, connection: ConnectionId, bytes: Bytes) -> Option<Store> {
        self.insert(connection, 0, None);
        self.write(connection, Write::Record(bytes))
    }

    /// Has something written of a session: now, or when what is under way is done. An end is the last word.
    pub(crate) fn write(&mut self, connection: ConnectionId, write: Write) -> Option<Store> {
        if !self.goes_on(connection) {
            return None;
        }
        let session = self.sessions.get_mut(&connection)?;
        session.next = Some(write);
        Self::advance(connection, session)
    }

    fn advance(connection: ConnectionId, session: &mut Session) -> Option<Store> {
        if session.writing.is_some() {
            return None;
        }
        let write = session.next.take()?;
        let (Write::Record(bytes) | Write::End(bytes, ..)) = &write;
        let bytes = bytes.clone();
        let guarded = session.revision == 0 || matches!(write, Write::End(..));
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
            (Stored::Revision(revision), Some(Write::End(_, event, farewells))) => {
                self.remove(connection);
                Progress { ended: Some((event, revision, farewells)), ..Progress::default() }
            }
            (Stored::Revision(revision), _) => {
                (session.revision, session.predecessor) = (revision, None);
                Progress { next: Self::advance(connection, session), ..Progress::default() }
            }
            (Stored::Unanswered, written) => {
                if session.next.is_none() {
                    session.next = written;
                }
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

/// What follows from a write.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) next: Option<Store>,
    /// The application is to be told, this to be appended, and this revision to be erased.
    pub(crate) ended: Option<(Box<Event>, u64, Vec<Entry>)>,
    /// The session had ended, and there is nothing left to be done about it.
    pub(crate) over: bool,
}
