//! When the next message may be published.

use crate::scenario::Speed;

/// Each subscriber's outbound queue holds 1000 messages in the service; a paced run that falls this far behind
/// waits instead of having its subscribers closed.
const PACED_IN_FLIGHT_MAX: u64 = 900;

/// Decides about one publish at a time.
pub(crate) struct Pace {
    in_flight_max: u64,
    /// Nanoseconds between publishes; absent at full speed.
    interval_ns: Option<f64>,
    start_ns: u64,
    published: u64,
    held: u64,
}

impl Pace {
    pub(crate) fn new(speed: Speed, subscribers: usize, start_ns: u64) -> Self {
        let (in_flight_max, interval_ns) = match speed {
            Speed::Full { window } => (window, None),
            Speed::Rate(rate) => (PACED_IN_FLIGHT_MAX, Some(1e9 * subscribers.max(1) as f64 / rate as f64)),
        };
        Self { in_flight_max, interval_ns, start_ns, published: 0, held: 0 }
    }

    /// Whether to publish now, and the time to stamp: the time at which a paced message was due, so that a late
    /// publish counts as latency.
    pub(crate) fn next(&mut self, now_ns: u64, in_flight: u64) -> Option<u64> {
        let due_ns = match self.interval_ns {
            None => now_ns,
            Some(interval_ns) => self.start_ns + (self.published as f64 * interval_ns) as u64,
        };
        if due_ns > now_ns {
            return None;
        }
        if in_flight >= self.in_flight_max {
            self.held += u64::from(self.interval_ns.is_some());
            return None;
        }
        self.published += 1;
        Some(due_ns)
    }

    /// How long until the next message is due; nothing at full speed, where in-flight messages alone decide.
    pub(crate) fn due_in_ns(&self, now_ns: u64) -> Option<u64> {
        let due_ns = self.start_ns + (self.published as f64 * self.interval_ns?) as u64;
        Some(due_ns.saturating_sub(now_ns))
    }

    /// Polls at which a due message had to wait because too many were in flight.
    pub(crate) fn held(&self) -> u64 {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paced_run_stamps_the_time_at_which_a_message_was_due() {
        let mut pace = Pace::new(Speed::Rate(1000), 10, 5);
        assert_eq!(pace.next(5, 0), Some(5));
        assert_eq!(pace.next(10_000_004, 0), None);
        assert_eq!(pace.next(30_000_000, 0), Some(10_000_005));
        assert_eq!(pace.next(30_000_000, PACED_IN_FLIGHT_MAX), None);
        assert_eq!(pace.held(), 1);
    }

    #[test]
    fn full_speed_is_bounded_by_the_window_alone() {
        let mut pace = Pace::new(Speed::Full { window: 2 }, 10, 0);
        assert_eq!(pace.next(7, 1), Some(7));
        assert_eq!(pace.next(7, 2), None);
        assert_eq!(pace.held(), 0);
    }
}
