use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::ConnectionKey;

/// When detached sessions end, earliest first.
///
/// A recovered session's entry stays until it is due and is then passed over; so there are at most as many entries as sockets were lost
/// within one recovery window.
#[derive(Default)]
pub(crate) struct Expiries(BinaryHeap<Reverse<(u64, ConnectionKey, u64)>>);

impl Expiries {
    /// Notes when a session ends, unless it is attached again.
    pub(crate) fn push(&mut self, due_ms: u64, key: ConnectionKey, attachment: u64) {
        self.0.push(Reverse((due_ms, key, attachment)));
    }

    /// When the next entry is due.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.0.peek().map(|Reverse((due_ms, ..))| *due_ms)
    }

    /// The next session whose time has come, and the attachment that it lost.
    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<(ConnectionKey, u64)> {
        let Reverse((due_ms, ..)) = self.0.peek()?;
        if *due_ms > now_ms {
            return None;
        }
        self.0.pop().map(|Reverse((_, key, attachment))| (key, attachment))
    }
}
