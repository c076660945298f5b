use std::collections::VecDeque;

use hubwire_hub::ConnectionKey;

/// Deadlines of sockets that are all the same time ahead when they are set, so that they fall due in the order of their setting.
///
/// A socket that is gone leaves its entry behind; the serial tells.
#[derive(Default)]
pub(crate) struct Timers(VecDeque<Timer>);

pub(crate) struct Timer {
    pub(crate) due_ms: u64,
    pub(crate) key: ConnectionKey,
    pub(crate) serial: u64,
}

impl Timers {
    pub(crate) fn push(&mut self, due_ms: u64, key: ConnectionKey, serial: u64) {
        self.0.push_back(Timer { due_ms, key, serial });
    }

    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.0.front().map(|timer| timer.due_ms)
    }

    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<Timer> {
        let due = self.0.front().is_some_and(|timer| timer.due_ms <= now_ms);
        due.then(|| self.0.pop_front()).flatten()
    }
}
