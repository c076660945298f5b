use std::collections::BTreeMap;

use crate::ConnectionKey;

/// Names one deadline, so that it can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeadlineId {
    due_ms: u64,
    serial: u64,
}

/// What happens at a deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// A stream may have been silent for too long.
    Stream(ConnectionKey, Box<str>),
    /// Something of a stream is to be appended to the log again.
    StreamRequest(ConnectionKey),
    /// The stream of a plain publisher is not kept elsewhere yet.
    Keeping(ConnectionKey),
    /// Ends of streams are to be appended to the log again.
    StreamEnds,
    /// An invocation was not answered in time.
    Invocation(ConnectionKey, Box<str>),
    /// Look whether subscribers have caught up.
    Backpressure,
}

/// Deadlines of what clients have going on, earliest first.
///
/// Each is taken back when its subject ends before it, so that there are never more of them than subjects, which are bounded.
#[derive(Default)]
pub(crate) struct Deadlines {
    entries: BTreeMap<DeadlineId, Deadline>,
    serials: u64,
}

impl Deadlines {
    pub(crate) fn set(&mut self, due_ms: u64, deadline: Deadline) -> DeadlineId {
        self.serials += 1;
        let id = DeadlineId { due_ms, serial: self.serials };
        self.entries.insert(id, deadline);
        id
    }

    pub(crate) fn clear(&mut self, id: DeadlineId) {
        self.entries.remove(&id);
    }

    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.entries.keys().next().map(|id| id.due_ms)
    }

    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<Deadline> {
        let first = self.entries.first_entry()?;
        (first.key().due_ms <= now_ms).then(|| first.remove())
    }
}
