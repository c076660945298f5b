use std::collections::VecDeque;

use bytes::Bytes;

use hubwire_protocol::Head;

use crate::{Limits, Outbound};

/// The messages of a reliable session that its client has not acknowledged: they are sent again after a recovery.
///
/// Sequence ids start at 1 and have no gaps: official clients acknowledge at once whenever an id jumps far.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// The id of the newest message.
    last: u64,
    /// The greatest id that the client has acknowledged.
    acknowledged: u64,
    unacknowledged: VecDeque<Outbound>,
    bytes: usize,
}

/// The window is full: the session cannot be kept.
pub(crate) struct Full;

impl Window {
    /// Whether a message of so many bytes fits in.
    pub(crate) fn has_room(&self, bytes: usize, limits: &Limits) -> bool {
        self.unacknowledged.len() < limits.window_messages_max
            && self.bytes + bytes <= limits.window_bytes_max
    }

    /// Whether more than `part / whole` of the bounds is taken.
    pub(crate) fn is_filled(&self, part: usize, whole: usize, limits: &Limits) -> bool {
        self.unacknowledged.len() * whole > limits.window_messages_max * part
            || self.bytes * whole > limits.window_bytes_max * part
    }

    /// The id of the newest message; 0 if there was none.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The greatest id that the client has acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Messages that are not acknowledged.
    pub(crate) fn len(&self) -> usize {
        self.unacknowledged.len()
    }

    /// Their bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a message is kept.
    pub(crate) fn holds(&self, sequence_id: u64) -> bool {
        self.unacknowledged.iter().any(|message| message.sequence_id == sequence_id)
    }

    /// Numbers a message and keeps it until it is acknowledged.
    pub(crate) fn push(
        &mut self,
        head: Head,
        tail: Bytes,
        deadline_ms: u64,
        limits: &Limits,
    ) -> Result<Outbound, Full> {
        if !self.has_room(tail.len(), limits) {
            return Err(Full);
        }
        self.last += 1;
        self.bytes += tail.len();
        let message = Outbound { head, bytes: tail, plain_bytes: 0, sequence_id: self.last, deadline_ms };
        self.unacknowledged.push_back(message.clone());
        Ok(message)
    }

    /// Releases every message up to an id; ids beyond the last one release all, older ones none.
    pub(crate) fn acknowledge(&mut self, sequence_id: u64) {
        self.acknowledged = self.acknowledged.max(sequence_id.min(self.last));
        while self.unacknowledged.front().is_some_and(|first| first.sequence_id <= sequence_id) {
            if let Some(message) = self.unacknowledged.pop_front() {
                self.bytes -= message.bytes.len();
            }
        }
        if self.unacknowledged.is_empty() {
            self.unacknowledged = VecDeque::new();
        }
    }

    /// Forgets messages that were dropped before they were ever sent, and says how many it still had: others have been counted before.
    pub(crate) fn forget(&mut self, sequence_ids: &[u64]) -> usize {
        let before = self.unacknowledged.len();
        self.unacknowledged.retain(|message| !sequence_ids.contains(&message.sequence_id));
        self.bytes = self.unacknowledged.iter().map(|message| message.bytes.len()).sum();
        before - self.unacknowledged.len()
    }

    /// Drops messages whose time to live has passed, and says how many they were.
    pub(crate) fn drop_late(&mut self, now_ms: u64) -> usize {
        let before = self.unacknowledged.len();
        self.unacknowledged.retain(|message| message.deadline_ms == 0 || message.deadline_ms > now_ms);
        self.bytes = self.unacknowledged.iter().map(|message| message.bytes.len()).sum();
        before - self.unacknowledged.len()
    }

    /// Goes on where another window was.
    pub(crate) fn restore(&mut self, last: u64, unacknowledged: impl Iterator<Item = Outbound>) {
        self.last = last;
        self.unacknowledged = unacknowledged.collect();
        self.acknowledged = self.unacknowledged.front().map_or(last, |first| first.sequence_id - 1);
        self.bytes = self.unacknowledged.iter().map(|message| message.bytes.len()).sum();
    }

    /// All that must be sent again, in order.
    pub(crate) fn replay(&self) -> impl Iterator<Item = Outbound> {
        self.unacknowledged.iter().cloned()
    }
}
