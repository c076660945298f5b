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
    /// Sequence ids that are not acknowledged, and where their messages stand in the log.
    positions: VecDeque<(u64, u64)>,
    /// What was here when the session was taken from another process: its client may have acknowledged more there than is known here. Until it
    /// says so, that much is allowed on top of the bounds.
    excess: (usize, usize),
    /// Whether something has changed since the session was recorded.
    changed: bool,
}

/// The window is full: the session cannot be kept.
pub(crate) struct Full;

impl Window {
    /// Whether a message of so many bytes fits in.
    pub(crate) fn has_room(&self, bytes: usize, limits: &Limits) -> bool {
        let (messages, excess_bytes) = self.excess;
        self.unacknowledged.len() < limits.window_messages_max.saturating_add(messages)
            && self.bytes + bytes <= limits.window_bytes_max.saturating_add(excess_bytes)
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

    /// Notes that the session has changed.
    pub(crate) fn touch(&mut self) {
        self.changed = true;
    }

    /// Whether it has changed since this was asked last.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Notes where in the log the message stands that was pushed last.
    pub(crate) fn place(&mut self, position: u64) {
        self.positions.push_back((self.last, position));
        self.changed = true;
    }

    /// Where the messages that are kept stand in the log: each by its sequence id and its position.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (u64, u64)> {
        self.positions.iter().copied()
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
        self.excess = (0, 0);
        self.changed = true;
        while self.positions.front().is_some_and(|(first, _)| *first <= sequence_id) {
            self.positions.pop_front();
        }
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
    pub(crate) fn restore(
        &mut self,
        last: u64,
        unacknowledged: impl Iterator<Item = Outbound>,
        positions: &[(u64, u64)],
    ) {
        self.positions = positions.iter().copied().collect();
        self.changed = true;
        self.last = last;
        self.unacknowledged = unacknowledged.collect();
        self.acknowledged = self.unacknowledged.front().map_or(last, |first| first.sequence_id - 1);
        self.bytes = self.unacknowledged.iter().map(|message| message.bytes.len()).sum();
        if !self.positions.is_empty() {
            self.excess = (self.unacknowledged.len(), self.bytes);
        }
    }

    /// All that must be sent again, in order.
    pub(crate) fn replay(&self) -> impl Iterator<Item = Outbound> {
        self.unacknowledged.iter().cloned()
    }
}
