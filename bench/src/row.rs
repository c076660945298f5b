//! One printed row: the medians of a side and their ratio to the reference's.

use crate::churn;
use crate::events;
use crate::fanout;
use crate::idle;
use crate::publish;
use crate::storm;
use serde::Serialize;

/// The medians of one measure on both sides.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Pair {
    pub(crate) service: f64,
    pub(crate) reference: f64,
    /// `service / reference`; absent when the reference's median is zero.
    pub(crate) ratio: Option<f64>,
}

impl Pair {
    fn of<T>(service: &[T], reference: &[T], measure: impl Fn(&T) -> f64) -> Self {
        let median_of = |runs: &[T]| median(runs.iter().map(&measure).collect());
        let (service, reference) = (median_of(service), median_of(reference));
        let ratio = (reference != 0.0).then(|| service / reference);
        Self { service, reference, ratio }
    }
}

/// The middle value, or the mean of the two middle ones; 0 for none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

/// A measure of a kind of scenario: its column, and how to read it from a run.
pub(crate) type Measure<T> = (&'static str, fn(&T) -> f64);

/// Columns of a fan-out row.
pub(crate) const FANOUT: [Measure<fanout::Measured>; 9] = [
    ("deliveries/s", |run| run.deliveries_per_s),
    ("cpu_us/delivery", |run| run.cpu_us_per_delivery),
    ("p50_us", |run| run.latency_p50_us),
    ("p90_us", |run| run.latency_p90_us),
    ("p99_us", |run| run.latency_p99_us),
    ("max_us", |run| run.latency_max_us),
    ("server_cpu_%", |run| run.server_cpu_percent),
    ("foreign_cpu_%", |run| run.foreign_cpu_percent),
    ("gen_busy_%", |run| run.generator_busy_percent),
];

/// Columns of an idle row.
pub(crate) const IDLE: [Measure<idle::Measured>; 5] = [
    ("rss_B/conn", |run| run.resident_bytes_per_connection),
    ("private_B/conn", |run| run.private_bytes_per_connection),
    ("cpu_us/accept", |run| run.cpu_us_per_accept),
    ("accepts/s", |run| run.accepts_per_s),
    ("idle_cpu_ms/s", |run| run.idle_cpu_ms_per_s),
];

/// Columns of a row of user events.
pub(crate) const EVENTS: [Measure<events::Measured>; 3] = [
    ("events/s", |run| run.events_per_s),
    ("p50_us", |run| run.latency_p50_us),
    ("p99_us", |run| run.latency_p99_us),
];

/// Columns of a row of publishes over REST.
pub(crate) const REST: [Measure<fanout::Measured>; 5] = [
    ("publishes/s", |run| run.publishes_per_s),
    ("cpu_us/publish", |run| run.cpu_us_per_publish),
    ("server_cpu_%", |run| run.server_cpu_percent),
    ("foreign_cpu_%", |run| run.foreign_cpu_percent),
    ("gen_busy_%", |run| run.generator_busy_percent),
];

/// Columns of a row of publishes over WebSocket.
pub(crate) const PUBLISH: [Measure<publish::Measured>; 7] = [
    ("publishes/s", |run| run.fanout.publishes_per_s),
    ("cpu_us/publish", |run| run.fanout.cpu_us_per_publish),
    ("cpu_us/singles", |run| run.cpu_us_of_singles),
    ("publish/singles", |run| run.fanout.cpu_us_per_publish / run.cpu_us_of_singles),
    ("p50_us", |run| run.fanout.latency_p50_us),
    ("p99_us", |run| run.fanout.latency_p99_us),
    ("foreign_cpu_%", |run| run.fanout.foreign_cpu_percent),
];

/// Columns of a row that compares numbers of workers.
pub(crate) const WORKERS: [Measure<fanout::Measured>; 7] = [
    ("deliv/cpu-s", |run| 1e6 / run.cpu_us_per_delivery),
    ("deliveries/s", |run| run.deliveries_per_s),
    ("cpu_us/delivery", |run| run.cpu_us_per_delivery),
    ("p50_us", |run| run.latency_p50_us),
    ("p99_us", |run| run.latency_p99_us),
    ("server_cpu_%", |run| run.server_cpu_percent),
    ("foreign_cpu_%", |run| run.foreign_cpu_percent),
];

/// Columns of a row that compares numbers of nodes.
pub(crate) const NODES: [Measure<fanout::Measured>; 9] = [
    ("cpu_us/delivery", |run| run.cpu_us_per_delivery),
    ("cpu_us/publish", |run| run.cpu_us_per_publish),
    ("nats_us/delivery", |run| run.nats_us_per_delivery),
    ("nats_us/publish", |run| run.nats_us_per_publish),
    ("deliveries/s", |run| run.deliveries_per_s),
    ("p50_us", |run| run.latency_p50_us),
    ("p99_us", |run| run.latency_p99_us),
    ("foreign_cpu_%", |run| run.foreign_cpu_percent),
    ("gen_busy_%", |run| run.generator_busy_percent),
];

/// Columns of a row that compares durabilities.
pub(crate) const DURABLE: [Measure<fanout::Measured>; 12] = [
    ("cpu_us/delivery", |run| run.cpu_us_per_delivery),
    ("cpu_us/publish", |run| run.cpu_us_per_publish),
    ("nats_us/publish", |run| run.nats_us_per_publish),
    ("publishes/s", |run| run.publishes_per_s),
    ("deliveries/s", |run| run.deliveries_per_s),
    ("p50_us", |run| run.latency_p50_us),
    ("p99_us", |run| run.latency_p99_us),
    ("ack_p50_us", |run| run.answer_p50_us),
    ("ack_p99_us", |run| run.answer_p99_us),
    ("server_cpu_%", |run| run.server_cpu_percent),
    ("foreign_cpu_%", |run| run.foreign_cpu_percent),
    ("gen_busy_%", |run| run.generator_busy_percent),
];

/// Columns of a row that compares numbers of groups.
pub(crate) const GROUPS: [Measure<fanout::Measured>; 7] = [
    ("cpu_us/delivery", |run| run.cpu_us_per_delivery),
    ("deliveries/s", |run| run.deliveries_per_s),
    ("p50_us", |run| run.latency_p50_us),
    ("p99_us", |run| run.latency_p99_us),
    ("rss_MB", |run| run.resident_bytes as f64 / 1e6),
    ("foreign_cpu_%", |run| run.foreign_cpu_percent),
    ("gen_busy_%", |run| run.generator_busy_percent),
];

/// Columns of a row that compares compressed messages with plain ones.
pub(crate) const COMPRESSION: [Measure<fanout::Measured>; 6] = [
    ("B/delivery", |run| run.bytes_per_delivery),
    ("cpu_us/delivery", |run| run.cpu_us_per_delivery),
    ("deliveries/s", |run| run.deliveries_per_s),
    ("p50_us", |run| run.latency_p50_us),
    ("p99_us", |run| run.latency_p99_us),
    ("foreign_cpu_%", |run| run.foreign_cpu_percent),
];

/// Columns of a row of joins and leaves.
pub(crate) const CHURN: [Measure<churn::Measured>; 5] = [
    ("cpu_us/pair", |run| run.cpu_us_per_pair),
    ("pairs/s", |run| run.pairs_per_s),
    ("rss_MB", |run| run.resident_bytes as f64 / 1e6),
    ("server_cpu_%", |run| run.server_cpu_percent),
    ("foreign_cpu_%", |run| run.foreign_cpu_percent),
];

/// Columns of a row of clients that come back.
pub(crate) const STORM: [Measure<storm::Measured>; 7] = [
    ("back_ms", |run| run.back_ms),
    ("back_p50_ms", |run| run.back_p50_ms),
    ("back_p99_ms", |run| run.back_p99_ms),
    ("errors", |run| run.errors as f64),
    ("cpu_us/client", |run| run.cpu_us_per_reconnect),
    ("rss_before_MB", |run| run.resident_before_bytes as f64 / 1e6),
    ("rss_peak_MB", |run| run.peak_resident_bytes as f64 / 1e6),
];

/// The medians of every measure.
pub(crate) fn pairs<T>(measures: &[Measure<T>], service: &[T], reference: &[T]) -> Vec<(&'static str, Pair)> {
    measures.iter().map(|(name, measure)| (*name, Pair::of(service, reference, measure))).collect()
}

/// Prints the names of the columns.
pub(crate) fn print_header<T>(measures: &[Measure<T>]) {
    let names: String = measures.iter().map(|(name, _)| format!("{name:>16}")).collect();
    println!("\n{:<36}{:<13}{names}", "scenario", "");
}

/// Prints both sides and the ratio below each other.
pub(crate) fn print(scenario: &str, labels: [&str; 2], pairs: &[(&'static str, Pair)]) {
    let line = |show: &dyn Fn(&Pair) -> String| -> String {
        pairs.iter().map(|(_, pair)| format!("{:>16}", show(pair))).collect()
    };
    println!("{scenario:<36}{:<13}{}", labels[0], line(&|pair| number(pair.service)));
    println!("{:<36}{:<13}{}", "", labels[1], line(&|pair| number(pair.reference)));
    let ratio = |pair: &Pair| pair.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}x"));
    println!("{:<36}{:<13}{}", "", "ratio", line(&ratio));
}

fn number(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// What all runs of a side did wrong, by name.
pub(crate) fn faults(runs: &[&fanout::Measured]) -> [(&'static str, u64); 5] {
    let sum = |count: fn(&fanout::Measured) -> u64| runs.iter().map(|run| count(run)).sum::<u64>();
    [
        ("lost", sum(|run| run.lost)),
        ("duplicated", sum(|run| run.counts.duplicated)),
        ("reordered", sum(|run| run.counts.reordered)),
        ("unknown", sum(|run| run.counts.unknown)),
        ("unanswered", sum(|run| run.unanswered)),
    ]
}

/// Prints a side's faults and what makes its numbers doubtful; true when every message came once and in order.
pub(crate) fn print_faults(label: &str, runs: &[&fanout::Measured]) -> bool {
    /// With more foreign work than this on either CPU, latencies say more about the machine than the server.
    const FOREIGN_CPU_PERCENT_MAX: f64 = 5.0;
    let faults = faults(runs);
    let counts: Vec<String> = faults.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let held = if runs.iter().any(|run| run.held > 0) { "; fell behind its rate" } else { "" };
    let foreign = |run: &fanout::Measured| run.foreign_cpu_percent.max(100.0 - run.generator_cpu_percent);
    let noisy = runs.iter().any(|run| foreign(run) > FOREIGN_CPU_PERCENT_MAX);
    let noisy = if noisy { "; NOISY: a CPU was shared" } else { "" };
    println!("{:<36}{label:<13}   {}{held}{noisy}", "", counts.join(", "));
    faults.iter().all(|(_, count)| *count == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_medians_and_their_ratio() {
        assert_eq!(median(vec![9.0, 1.0, 4.0]), 4.0);
        assert_eq!(median(vec![1.0, 4.0]), 2.5);
        let pair = Pair::of(&[1.0, 5.0, 3.0], &[2.0, 2.0, 9.0], |value| *value);
        assert_eq!((pair.service, pair.reference, pair.ratio), (3.0, 2.0, Some(1.5)));
        assert!(Pair::of(&[1.0], &[], |value: &f64| *value).ratio.is_none());
    }
}
