//! Latencies in logarithmic buckets of 32 steps per power of two, so a percentile is within 3 %.

const STEPS_LOG2: u32 = 5;
const STEPS: usize = 1 << STEPS_LOG2;
/// Powers of two above the exact range of 64 values, for all of `u64`.
const BUCKETS: usize = 2 * STEPS + (64 - STEPS_LOG2 as usize - 1) * STEPS;

/// Counts of values in nanoseconds.
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, max: 0 }
    }

    pub(crate) fn record(&mut self, value: u64) {
        self.buckets[bucket(value)] += 1;
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// The smallest bucket's lower edge below which at most `fraction` of the values lie; 0 when empty.
    pub(crate) fn percentile(&self, fraction: f64) -> u64 {
        let rank = (self.count as f64 * fraction).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return lower_edge(index);
            }
        }
        self.max
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }
}

fn bucket(value: u64) -> usize {
    if value < 2 * STEPS as u64 {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() - STEPS_LOG2;
    (shift as usize) * STEPS + (value >> shift) as usize
}

fn lower_edge(index: usize) -> u64 {
    if index < 2 * STEPS {
        return index as u64;
    }
    let shift = index / STEPS - 1;
    ((index - shift * STEPS) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_within_three_percent_of_its_bucket() {
        for value in (0..200_000_u64).chain([u64::MAX, u64::MAX / 2, 1 << 40]) {
            let edge = lower_edge(bucket(value));
            assert!(edge <= value && (value - edge) as f64 <= value as f64 * 0.032, "{value} {edge}");
        }
    }

    #[test]
    fn percentiles_are_ranks_of_what_was_recorded() {
        let mut histogram = Histogram::new();
        (1..=50).for_each(|value| histogram.record(value));
        assert_eq!((histogram.percentile(0.5), histogram.percentile(0.9), histogram.max()), (25, 45, 50));
        assert_eq!(Histogram::new().percentile(0.99), 0);
    }
}
