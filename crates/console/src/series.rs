//! What the plots show: the last hour, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;

use hubwire_hub::{Durations, Sample};
use serde_json::{Map, Value, json};

use crate::counts::Counts;

/// The time between two points, in milliseconds.
pub(crate) const STEP_MS: u64 = 5_000;
/// Points that are kept: one hour.
const POINTS_MAX: usize = 720;

/// The series, in the order of a point's values.
const NAMES: [&str; 18] = [
    "connections",
    "messagesIn",
    "messagesOut",
    "bytesIn",
    "bytesOut",
    "deliveryP50Ms",
    "deliveryP90Ms",
    "deliveryP99Ms",
    "upstreamP50Ms",
    "upstreamP99Ms",
    "upstreamCalls",
    "upstreamFailures",
    "refusedConnections",
    "refusedRequests",
    "restCalls",
    "restErrors",
    "slowConsumers",
    "memoryBytes",
];
/// How many series are counts: what is shown of them is how much they grew in a second.
const COUNTS: usize = 11;

/// What has been counted since the start, in the order of [`Series::point`].
type Totals = [u64; COUNTS];

struct Point {
    time_ms: u64,
    values: [Option<f64>; NAMES.len()],
}

/// The latest samples of all workers, and the points that were made of them.
#[derive(Default)]
pub(crate) struct Series {
    workers: BTreeMap<u8, Sample>,
    deliveries_us: Durations,
    last: Option<(u64, Totals)>,
    points: VecDeque<Point>,
}

impl Series {
    pub(crate) fn sample(&mut self, mut sample: Sample) {
        self.deliveries_us.merge(&std::mem::take(&mut sample.deliveries_us));
        self.workers.insert(sample.worker, sample);
    }

    pub(crate) fn connections(&self) -> usize {
        self.workers.values().map(|sample| sample.connections).sum()
    }

    /// Makes the next point.
    pub(crate) fn step(&mut self, now_ms: u64, counts: &Counts, memory_bytes: Option<u64>) {
        let totals = self.totals(counts);
        let (last_ms, last) = self.last.replace((now_ms, totals)).unwrap_or((now_ms, totals));
        let deliveries_us = std::mem::take(&mut self.deliveries_us);
        let upstream_us = counts.take_upstream_us();
        let seconds = now_ms.saturating_sub(last_ms) as f64 / 1000.0;
        if seconds <= 0.0 {
            // The first look only says from where to count.
            return;
        }
        let rate = |index: usize| Some(totals[index].saturating_sub(last[index]) as f64 / seconds);
        let ms = |durations: &Durations, percent| durations.percentile(percent).map(|us| us as f64 / 1000.0);
        let values = [
            Some(self.connections() as f64),
            rate(0),
            rate(1),
            rate(2),
            rate(3),
            ms(&deliveries_us, 50),
            ms(&deliveries_us, 90),
            ms(&deliveries_us, 99),
            ms(&upstream_us, 50),
            ms(&upstream_us, 99),
            rate(4),
            rate(5),
            rate(6),
            rate(7),
            rate(8),
            rate(9),
            rate(10),
            memory_bytes.map(|bytes| bytes as f64),
        ];
        if self.points.len() >= POINTS_MAX {
            self.points.pop_front();
        }
        self.points.push_back(Point { time_ms: now_ms, values });
    }

    fn totals(&self, counts: &Counts) -> Totals {
        let sum = |value: fn(&Sample) -> u64| self.workers.values().map(value).sum::<u64>();
        [
            sum(|sample| sample.counters.requests),
            sum(|sample| sample.counters.deliveries),
            sum(|sample| sample.received_bytes),
            sum(|sample| sample.sent_bytes),
            counts.upstream_calls.load(Ordering::Relaxed),
            counts.upstream_failures.load(Ordering::Relaxed),
            counts.refused_connections.load(Ordering::Relaxed),
            sum(|sample| {
                let counters = &sample.counters;
                counters.forbidden
                    + counters.group_limit_refusals
                    + counters.streams_refused
                    + counters.state_limit_refusals
            }),
            counts.rest_calls.load(Ordering::Relaxed),
            counts.rest_errors.load(Ordering::Relaxed),
            sum(|sample| sample.counters.outboxes_full + sample.counters.windows_full),
        ]
    }

    /// The points later than a time, by series.
    pub(crate) fn json(&self, after_ms: u64) -> Value {
        let shown: Vec<_> = self.points.iter().filter(|point| point.time_ms > after_ms).collect();
        let times: Vec<_> = shown.iter().map(|point| point.time_ms).collect();
        let series: Map<_, _> = NAMES
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let values: Vec<_> = shown.iter().map(|point| point.values[index].map(rounded)).collect();
                ((*name).to_owned(), json!(values))
            })
            .collect();
        json!({"stepMs": STEP_MS, "times": times, "series": series})
    }
}

/// Three digits behind the point are more than can be seen.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use hubwire_hub::{Count, Counters};

    use super::*;

    fn sample(worker: u8, connections: usize, deliveries: u64) -> Sample {
        let counters = Counters { deliveries, ..Counters::default() };
        let mut deliveries_us = Durations::default();
        deliveries_us.record(1_000);
        Sample { worker, connections, counters, received_bytes: 0, sent_bytes: 0, deliveries_us }
    }

    #[test]
    fn counts_are_shown_as_what_they_grew_in_a_second_over_all_workers() {
        let (mut series, counts) = (Series::default(), Counts::default());
        series.sample(sample(0, 1, 100));
        series.step(10_000, &counts, None);
        assert!(series.points.is_empty(), "the first look only says from where to count");
        series.sample(sample(0, 2, 150));
        series.sample(sample(1, 3, 50));
        counts.add(Count::RestCall(202));
        counts.add(Count::RestCall(400));
        series.step(15_000, &counts, Some(7));
        let shown = series.json(0);
        let last = |name: &str| shown["series"][name][0].clone();
        assert_eq!((last("connections"), last("messagesOut")), (5.0.into(), 20.0.into()));
        assert_eq!((last("restCalls"), last("restErrors")), (0.4.into(), 0.2.into()));
        assert_eq!((last("memoryBytes"), last("upstreamP50Ms")), (7.0.into(), Value::Null));
        assert!(last("deliveryP50Ms").as_f64().is_some_and(|ms| (1.0..1.3).contains(&ms)), "{shown}");
        assert_eq!(series.json(15_000)["times"].as_array().map(Vec::len), Some(0), "nothing is newer");
    }

    #[test]
    fn an_hour_is_kept() {
        let (mut series, counts) = (Series::default(), Counts::default());
        for step in 0..1_000 {
            series.step(step * STEP_MS, &counts, None);
        }
        assert_eq!(series.points.len(), POINTS_MAX);
        assert_eq!(series.points.back().map(|point| point.time_ms), Some(999 * STEP_MS));
    }
}
