use std::sync::atomic::{AtomicU64, Ordering};

use hubwire_hub::{Count, Durations};

/// What is counted beside the shards, from any thread.
pub(crate) struct Counts {
    pub(crate) rest_calls: AtomicU64,
    pub(crate) rest_errors: AtomicU64,
    pub(crate) refused_connections: AtomicU64,
    pub(crate) upstream_calls: AtomicU64,
    pub(crate) upstream_failures: AtomicU64,
    upstream_us: Box<[AtomicU64]>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            rest_calls: AtomicU64::default(),
            rest_errors: AtomicU64::default(),
            refused_connections: AtomicU64::default(),
            upstream_calls: AtomicU64::default(),
            upstream_failures: AtomicU64::default(),
            upstream_us: (0..Durations::BUCKETS).map(|_| AtomicU64::default()).collect(),
        }
    }
}

impl Counts {
    pub(crate) fn add(&self, count: Count) {
        let more = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        match count {
            Count::RestCall(status) => {
                more(&self.rest_calls);
                if status >= 400 {
                    more(&self.rest_errors);
                }
            }
            Count::Refused(_) => {
                more(&self.refused_connections);
            }
            Count::UpstreamCall { failed, duration_us } => {
                more(&self.upstream_calls);
                if failed {
                    more(&self.upstream_failures);
                }
                if let Some(bucket) = self.upstream_us.get(Durations::bucket(duration_us)) {
                    more(bucket);
                }
            }
        }
    }

    /// The durations of calls since this was asked last.
    pub(crate) fn take_upstream_us(&self) -> Durations {
        let mut durations = Durations::default();
        for (index, bucket) in self.upstream_us.iter().enumerate() {
            durations.add(index, bucket.swap(0, Ordering::Relaxed));
        }
        durations
    }
}
