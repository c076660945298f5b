use crate::{Counters, Fact, MessageId, Span, TraceContext};

/// Whoever watches what the service does. Every part tells it what it sees, and nothing depends on it.
///
/// It is called from the threads of all workers, so it must not wait.
pub trait Observer: Send + Sync {
    /// Whether anybody wants facts. Asked once a turn, or once a call: while it is false, none are made.
    fn is_watching(&self) -> bool;

    /// Takes facts in. `worker` is whose they are; `lost` is how many more there were that could not be kept.
    fn observe(&self, worker: Option<u8>, facts: Vec<Fact>, lost: u64);

    /// The id of a message that does not come from a shard.
    fn next_message(&self) -> MessageId;

    /// Counts one thing, whether or not anybody watches.
    fn count(&self, count: Count);

    /// Takes in what a worker has counted so far; about once a second.
    fn sample(&self, sample: Sample);

    /// Whether anybody collects spans of distributed traces. Asked as [`Observer::is_watching`]: while it is false, none are made.
    fn collects_spans(&self) -> bool {
        false
    }

    /// Something begins, for this cause if there is one: the place that whatever comes of it is told to be caused by. That is its own where
    /// spans are collected, and otherwise that of its cause.
    fn begin(&self, cause: Option<TraceContext>) -> Option<TraceContext> {
        cause
    }

    /// Takes in something that has ended, and whose context is a sampled one that [`Observer::begin`] gave out.
    fn end(&self, _span: Span) {}

    /// So many spans could not be kept.
    fn lose_spans(&self, _count: u64) {}
}

/// Something that is counted where it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// A call of the data plane was answered with this status.
    RestCall(u16),
    /// A handshake was refused with this status.
    Refused(u16),
    /// An event handler was called.
    UpstreamCall {
        /// Whether it failed.
        failed: bool,
        /// How long it took, in microseconds.
        duration_us: u64,
    },
}

/// What one worker has seen.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The worker.
    pub worker: u8,
    /// Connections and recoverable sessions now.
    pub connections: usize,
    /// What its shard has counted since it started.
    pub counters: Counters,
    /// Bytes that were read from clients since it started.
    pub received_bytes: u64,
    /// Bytes that were written to clients since it started.
    pub sent_bytes: u64,
    /// How long messages took from being accepted until they were written to the worker's recipients, in microseconds, since the last
    /// sample.
    pub deliveries_us: Durations,
}

/// Durations by size: each bucket ends a fourth above the one before, so a percentile is known to within that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durations {
    buckets: Box<[u64; Durations::BUCKETS]>,
}

impl Default for Durations {
    fn default() -> Self {
        Self { buckets: Box::new([0; Self::BUCKETS]) }
    }
}

impl Durations {
    /// Four for each power of two, up to about 19 hours in microseconds.
    pub const BUCKETS: usize = 4 * 36;

    /// The bucket that a duration belongs to.
    pub fn bucket(duration_us: u64) -> usize {
        let duration = duration_us.max(4);
        let power = duration.ilog2();
        let quarter = (duration >> (power - 2)) & 3;
        (4 * (power as usize - 2) + quarter as usize).min(Self::BUCKETS - 1)
    }

    /// Counts durations in one bucket.
    pub fn add(&mut self, bucket: usize, count: u64) {
        if let Some(known) = self.buckets.get_mut(bucket) {
            *known += count;
        }
    }

    /// Counts one duration, in microseconds.
    pub fn record(&mut self, duration_us: u64) {
        self.add(Self::bucket(duration_us), 1);
    }

    /// Adds all that another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets.iter()) {
            *mine += theirs;
        }
    }

    /// The end of each bucket that has counted something, in microseconds, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        let counted = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(|(index, count)| (Self::end_us(index), *count))
    }

    fn end_us(bucket: usize) -> u64 {
        let (power, quarter) = (bucket / 4 + 2, bucket as u64 % 4 + 5);
        quarter << (power - 2)
    }

    /// The duration in microseconds that so many of a hundred do not exceed, to within a fourth; `None` if nothing was counted.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.buckets.iter().sum();
        let rank = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let index = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank && *count > 0
        })?;
        Some(Self::end_us(index))
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn is_watching(&self) -> bool {
        false
    }

    fn observe(&self, _: Option<u8>, _: Vec<Fact>, _: u64) {}

    fn next_message(&self) -> MessageId {
        MessageId::default()
    }

    fn count(&self, _: Count) {}

    fn sample(&self, _: Sample) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_never_below_the_duration_and_at_most_a_fourth_above() {
        for duration_us in [0, 1, 3, 4, 5, 7, 8, 100, 1000, 12_345, 987_654_321] {
            let mut durations = Durations::default();
            durations.record(duration_us);
            let found = durations.percentile(50).expect("one was recorded");
            assert!(found > duration_us, "{found} for {duration_us}");
            assert!(found <= duration_us.max(4) + duration_us.max(4) / 4 + 1, "{found} for {duration_us}");
        }
    }

    #[test]
    fn percentiles_go_by_rank() {
        let mut durations = Durations::default();
        assert_eq!(durations.percentile(50), None);
        (0..98).for_each(|_| durations.record(10));
        (0..2).for_each(|_| durations.record(10_000));
        assert!(durations.percentile(98).is_some_and(|found| found < 20));
        assert!(durations.percentile(99).is_some_and(|found| found > 9_000));
    }
}
