use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hubwire_protocol::HubName;

const SECOND_US: u64 = 1_000_000;
/// Hubs whose pace is remembered although nobody asks for it.
const IDLE_HUBS_MAX: usize = 1_024;

/// How fast something may go on, by the generic cell rate algorithm: what one second allows may also come at once, and no more.
///
/// One number, so that a connection can have its own for little: when all that has passed would have passed, had it come evenly, in
/// microseconds on the monotonic clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace(u64);

impl Pace {
    /// Whether something may pass now.
    pub fn is_open(self, now_us: u64) -> bool {
        self.0 <= now_us + SECOND_US
    }

    /// Whether all that has passed would have passed by now: nothing is lost if it is forgotten.
    pub fn is_idle(self, now_us: u64) -> bool {
        self.0 <= now_us
    }

    /// Lets something pass that counts for so many of those that a second allows.
    #[must_use]
    pub fn pass(self, count: u64, per_s: u64, now_us: u64) -> Self {
        let cost_us = count.saturating_mul(SECOND_US) / per_s.max(1);
        Self(self.0.max(now_us).saturating_add(cost_us))
    }

    /// Lets one pass, if it may.
    pub fn try_pass(self, per_s: u64, now_us: u64) -> Option<Self> {
        let next = self.pass(1, per_s, now_us);
        next.is_open(now_us).then_some(next)
    }
}

/// A pace that several workers go by.
#[derive(Debug, Default)]
pub struct SharedPace(AtomicU64);

impl SharedPace {
    /// Whether something may pass now.
    pub fn is_open(&self, now_us: u64) -> bool {
        Pace(self.0.load(Ordering::Relaxed)).is_open(now_us)
    }

    /// Lets one pass, whether it may or not.
    pub fn pass(&self, per_s: u64, now_us: u64) {
        self.change(|pace| Some(pace.pass(1, per_s, now_us)));
    }

    /// Lets one pass, if it may; says whether it did.
    pub fn try_pass(&self, per_s: u64, now_us: u64) -> bool {
        self.change(|pace| pace.try_pass(per_s, now_us))
    }

    fn change(&self, next: impl Fn(Pace) -> Option<Pace>) -> bool {
        let next = |pace| next(Pace(pace)).map(|Pace(next)| next);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// The pace of every hub, which all workers of a process share.
#[derive(Debug, Default)]
pub struct HubPaces(Mutex<HashMap<HubName, Arc<SharedPace>>>);

impl HubPaces {
    /// The pace of a hub. It is remembered while somebody holds it, and for a while after.
    pub fn of(&self, hub: &HubName) -> Arc<SharedPace> {
        let mut hubs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hubs.len() >= IDLE_HUBS_MAX && !hubs.contains_key(hub) {
            hubs.retain(|_, pace| Arc::strong_count(pace) > 1);
        }
        hubs.entry(hub.clone()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_s_worth_may_come_at_once_and_then_evenly() {
        let (mut pace, start_us) = (Pace::default(), 7 * SECOND_US);
        let mut passes = |now_us: u64| {
            let mut passed = 0;
            while let Some(next) = pace.try_pass(10, now_us) {
                (pace, passed) = (next, passed + 1);
            }
            passed
        };
        assert_eq!(passes(start_us), 10);
        assert_eq!(passes(start_us + SECOND_US / 2), 5);
        assert_eq!(passes(start_us + SECOND_US / 2 + 99_999), 0);
        assert_eq!(passes(start_us + SECOND_US / 2 + 100_000), 1);
        assert_eq!(passes(start_us + 60 * SECOND_US), 10, "rest is not saved up");
    }

    #[test]
    fn what_is_larger_than_a_second_allows_passes_and_is_waited_for() {
        let pace = Pace::default().pass(3_000, 1_000, 0);
        assert!(!pace.is_open(1_999_999));
        assert!(pace.is_open(2_000_000));
    }

    #[test]
    fn those_who_share_a_pace_have_one_allowance() {
        let paces = HubPaces::default();
        let hub = HubName::parse("chat").expect("it is a name");
        let (one, other) = (paces.of(&hub), paces.of(&hub));
        assert!(one.try_pass(2, 0) && other.try_pass(2, 0));
        assert!(!one.try_pass(2, 0) && !other.try_pass(2, 0));
        assert!(paces.of(&HubName::parse("other").expect("it is a name")).try_pass(2, 0));
    }
}
