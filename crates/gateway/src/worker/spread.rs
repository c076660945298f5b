//! How fast the clients of a stopping worker are sent away.

/// Clients that are sent away in a millisecond, unless there are so many that it would take too long. To take one in costs the node that it goes
/// to some tenths of a millisecond; so a node of the same size has the time for those of all workers, and few clients are gone at once.
const CLIENTS_PER_MS: u64 = 1;

/// Spreads a number of clients over a time, evenly.
pub(super) struct Spread {
    began_ms: u64,
    length_ms: u64,
    clients: u64,
    taken: u64,
}

impl Spread {
    /// The first client is due at once, the last one after `length_ms` at the latest.
    pub(super) fn new(clients: usize, began_ms: u64, length_ms: u64) -> Self {
        Self { began_ms, length_ms, clients: clients as u64, taken: 0 }
    }

    /// How many more are due now; they count as taken.
    pub(super) fn take_due(&mut self, now_ms: u64) -> usize {
        let elapsed_ms = now_ms.saturating_sub(self.began_ms);
        let share = if elapsed_ms < self.length_ms {
            // At most a process's connections times an hour: far from overflowing.
            self.clients * elapsed_ms / self.length_ms
        } else {
            self.clients
        };
        let due = share.max((elapsed_ms + 1) * CLIENTS_PER_MS).min(self.clients);
        let more = due.saturating_sub(self.taken);
        self.taken += more;
        more as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(spread: &mut Spread, times_ms: impl Iterator<Item = u64>) -> Vec<usize> {
        times_ms.map(|now_ms| spread.take_due(now_ms)).collect()
    }

    #[test]
    fn few_clients_are_gone_within_as_many_milliseconds() {
        let mut spread = Spread::new(3, 100, 2_500);
        assert_eq!(taken(&mut spread, 100..105), [1, 1, 1, 0, 0]);
    }

    #[test]
    fn many_clients_are_spread_evenly_and_gone_in_time() {
        let mut spread = Spread::new(50_000, 100, 2_500);
        let steps = taken(&mut spread, 100..=2_600);
        assert_eq!(steps.iter().sum::<usize>(), 50_000);
        assert!(steps.iter().all(|step| *step <= 21), "no instant takes more than its share");
        let half: usize = steps[..1_250].iter().sum();
        assert!((24_900..=25_100).contains(&half), "half of them in half of the time, not {half}");
    }

    #[test]
    fn a_worker_that_comes_late_makes_up_for_it() {
        let mut spread = Spread::new(10_000, 100, 1_000);
        assert_eq!(taken(&mut spread, [100, 600, 600, 5_000, 5_001].into_iter()), [1, 4_999, 0, 5_000, 0]);
    }

    #[test]
    fn without_any_patience_all_are_due_at_once() {
        assert_eq!(Spread::new(7, 100, 0).take_due(100), 7);
        assert_eq!(Spread::new(0, 100, 0).take_due(100), 0);
    }
}
