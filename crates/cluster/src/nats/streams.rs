//! What the log and the registry are to whoever reads and writes them.

use std::ops::ControlFlow;

use bytes::Bytes;
use hubwire_protocol::ConnectionId;
use prost::Message;

use super::log_schema::{NodeRecord, SessionRecord};
use super::registry::{Store, Stored};

/// How often a record is looked at again whose revision is not the one that was expected.
const CONFLICTS_MAX: usize = 20;

/// What a record of the registry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Subject {
    Session(ConnectionId),
    Node(u32),
}

/// One message of the log or the registry.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// Its position, or its revision.
    pub(super) sequence: u64,
    pub(super) payload: Bytes,
    /// When the server took it, in milliseconds since 1970.
    pub(super) time_ms: i64,
}

/// Both streams. Problems are told in words, and what failed is tried again by whoever wanted it.
pub(super) trait Streams {
    /// Replaces a revision of a record; 0 stands for none.
    async fn write(&self, subject: Subject, bytes: &Bytes, expected: u64) -> Stored;

    /// A record as it is.
    async fn last(&self, subject: Subject) -> Result<Option<Kept>, String>;

    /// The records of all nodes.
    async fn nodes(&self) -> Result<Vec<(u32, Kept)>, String>;

    /// Reads the records of all sessions.
    async fn sessions(&self, take: impl FnMut(Kept) + Send) -> Result<(), String>;

    /// The position of the oldest entry that is still there.
    async fn first_position(&self) -> Result<u64, String>;

    /// Reads the log from one position to another, or until it is enough.
    async fn entries(
        &self,
        from: u64,
        until: u64,
        take: impl FnMut(Kept) -> ControlFlow<()> + Send,
    ) -> Result<(), String>;

    /// What stands in the log at one position, if something does.
    async fn line(&self, position: u64) -> Result<Option<Bytes>, String> {
        let mut found = None;
        let take = |kept: Kept| {
            found = Some(kept.payload);
            ControlFlow::Break(())
        };
        self.entries(position, position, take).await?;
        Ok(found)
    }

    /// Erases a revision of the registry. One that is gone is fine; one that stays is told of again by whoever takes this node's sessions.
    async fn erase(&self, revision: u64);

    /// Erases the record of a node whose sessions are elsewhere. If it stays, it is found again.
    async fn erase_node(&self, node: u32);

    /// Writes what is to be kept of a session.
    async fn store(&self, own: u32, store: &Store) -> Stored {
        // What this node has written before may have got there although nobody said so; what the session's old node wrote last, too.
        let yields = |bytes: &Bytes| {
            let owner = SessionRecord::decode(bytes.clone()).map(|record| record.owner);
            owner.is_ok_and(|owner| owner == own || Some(owner) == store.predecessor)
        };
        let subject = Subject::Session(store.connection);
        match self.replace(subject, &store.bytes, store.expected, yields).await {
            Stored::Revision(revision) if store.guarded => match self.is_own(own).await {
                Ok(true) => Stored::Revision(revision),
                Ok(false) => Stored::Lost,
                Err(_) => Stored::Unanswered,
            },
            stored => stored,
        }
    }

    /// Whether nobody has taken a node's sessions.
    async fn is_own(&self, node: u32) -> Result<bool, String> {
        let record = self.last(Subject::Node(node)).await?;
        Ok(record.is_some_and(|record| {
            NodeRecord::decode(record.payload).is_ok_and(|record: NodeRecord| record.heir.is_none())
        }))
    }

    /// Writes a node's own record.
    async fn store_node(&self, node: u32, bytes: &Bytes, expected: u64) -> Stored {
        // Nobody but the node itself names no heir.
        let yields = |bytes: &Bytes| {
            NodeRecord::decode(bytes.clone()).is_ok_and(|record: NodeRecord| record.heir.is_none())
        };
        self.replace(Subject::Node(node), bytes, expected, yields).await
    }

    /// Writes a node into the record of a dead one.
    async fn claim(&self, node: u32, record: NodeRecord, expected: u64) -> Stored {
        let bytes = record.encode_to_vec().into();
        self.write(Subject::Node(node), &bytes, expected).await
    }

    /// Replaces a revision, or another one that gives way.
    async fn replace(
        &self,
        subject: Subject,
        bytes: &Bytes,
        mut expected: u64,
        yields: impl Fn(&Bytes) -> bool + Send,
    ) -> Stored {
        for _ in 0..CONFLICTS_MAX {
            match self.write(subject, bytes, expected).await {
                Stored::Lost => {}
                stored => return stored,
            }
            match self.last(subject).await {
                Ok(Some(found)) if yields(&found.payload) => expected = found.sequence,
                Ok(_) => return Stored::Lost,
                Err(_) => return Stored::Unanswered,
            }
        }
        Stored::Unanswered
    }
}
