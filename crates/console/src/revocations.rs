//! Which sessions have ended before their time. Their cookies are all that sessions are, so that they have ended must be remembered.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::session::SESSION_MS;

/// Sessions that are remembered to have ended. With more the one that began first is given up, and all that began before it end as well.
pub(crate) const REVOKED_MAX: usize = 4_096;

/// What a node knows of sessions that have ended. Two of them become one by [`Self::merge`], in any order and as often as one likes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Revocations {
    /// Sessions that began before this are over, all of them.
    since_ms: u64,
    /// When the others began that are over, by their ids.
    sessions: HashMap<u128, u64>,
}

/// The same on its way to another node.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    since: u64,
    /// Ids in hexadecimal, and when the sessions began.
    sessions: Vec<(String, u64)>,
}

impl Revocations {
    /// Whether a session has ended.
    pub(crate) fn covers(&self, id: u128, began_ms: u64) -> bool {
        began_ms < self.since_ms || self.sessions.contains_key(&id)
    }

    /// A session has ended.
    pub(crate) fn add(&mut self, id: u128, began_ms: u64, now_ms: u64) {
        let since_ms = self.since_ms;
        // Those that are over by themselves, or by the date, need not be remembered one by one.
        self.sessions.retain(|_, began_ms| *began_ms >= since_ms && *began_ms + SESSION_MS > now_ms);
        if began_ms < since_ms || began_ms.saturating_add(SESSION_MS) <= now_ms {
            return;
        }
        self.sessions.insert(id, began_ms);
        if self.sessions.len() > REVOKED_MAX
            && let Some(first_ms) = self.sessions.values().min().copied()
        {
            metrics::counter!("webpubsub_console_revocations_forgotten_total").increment(1);
            self.end_before(first_ms.saturating_add(1));
        }
    }

    /// All sessions that began before a moment have ended.
    pub(crate) fn end_before(&mut self, since_ms: u64) {
        self.since_ms = self.since_ms.max(since_ms);
        self.sessions.retain(|_, began_ms| *began_ms >= self.since_ms);
    }

    /// Takes in what another node knows.
    pub(crate) fn merge(&mut self, told: &Told, now_ms: u64) {
        self.end_before(told.since);
        for (id, began_ms) in &told.sessions {
            if let Ok(id) = u128::from_str_radix(id, 16) {
                self.add(id, *began_ms, now_ms);
            }
        }
    }

    /// What other nodes are told.
    pub(crate) fn told(&self) -> Told {
        let sessions = self.sessions.iter().map(|(id, began_ms)| (format!("{id:032x}"), *began_ms));
        Told { since: self.since_ms, sessions: sessions.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_764_000_000_000;

    #[test]
    fn a_session_is_over_when_it_was_ended_and_no_other_is() {
        let mut revocations = Revocations::default();
        revocations.add(1, NOW_MS, NOW_MS);
        assert!(revocations.covers(1, NOW_MS));
        assert!(!revocations.covers(2, NOW_MS));
    }

    #[test]
    fn who_began_before_a_node_that_knows_nothing_is_out() {
        let mut revocations = Revocations::default();
        revocations.end_before(NOW_MS);
        assert!(revocations.covers(1, NOW_MS - 1));
        assert!(!revocations.covers(1, NOW_MS));
    }

    #[test]
    fn nodes_agree_whoever_tells_whom_first_and_however_often() {
        let (mut one, mut other) = (Revocations::default(), Revocations::default());
        one.add(1, NOW_MS, NOW_MS);
        one.add(2, NOW_MS - 9, NOW_MS);
        other.add(3, NOW_MS, NOW_MS);
        other.end_before(NOW_MS - 5);
        let (first, second) = (one.told(), other.told());
        for _ in 0..2 {
            one.merge(&second, NOW_MS);
            other.merge(&first, NOW_MS);
        }
        assert_eq!(one, other);
        for (id, began_ms) in [(1, NOW_MS), (2, NOW_MS - 9), (3, NOW_MS), (4, NOW_MS - 6)] {
            assert!(one.covers(id, began_ms), "{id}");
        }
        assert!(!one.covers(4, NOW_MS - 5));
    }

    #[test]
    fn what_is_told_can_be_read_by_another_node() {
        let mut revocations = Revocations::default();
        revocations.add(u128::MAX, NOW_MS, NOW_MS);
        revocations.end_before(7);
        let text = serde_json::to_string(&revocations.told()).unwrap();
        let mut other = Revocations::default();
        other.merge(&serde_json::from_str(&text).unwrap(), NOW_MS);
        assert_eq!(other, revocations);
    }

    #[test]
    fn what_is_over_by_itself_is_forgotten() {
        let mut revocations = Revocations::default();
        revocations.add(1, NOW_MS, NOW_MS);
        revocations.add(2, NOW_MS + SESSION_MS, NOW_MS + SESSION_MS);
        assert_eq!(revocations.sessions.len(), 1);
    }

    #[test]
    fn more_than_can_be_remembered_ends_sessions_and_brings_none_back() {
        let mut revocations = Revocations::default();
        for id in 0..=REVOKED_MAX as u64 {
            revocations.add(u128::from(id), NOW_MS + id, NOW_MS);
        }
        assert_eq!(revocations.sessions.len(), REVOKED_MAX);
        for id in 0..=REVOKED_MAX as u64 {
            assert!(revocations.covers(u128::from(id), NOW_MS + id), "{id}");
        }
        assert!(revocations.covers(u128::MAX, NOW_MS), "who began no later than the one that was given up");
        assert!(!revocations.covers(u128::MAX, NOW_MS + 1));
    }
}
