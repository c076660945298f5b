//! What a live run showed.

use super::load::Load;
use super::page;
use crate::histogram::Histogram;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Fractions at which the distribution is shown.
const FRACTIONS: [f64; 10] = [0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0];

/// Percentiles in microseconds, from publishing (or being due) to the generator's read, within 3 %.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Latency {
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
}

impl Latency {
    pub(super) fn of(histogram: &Histogram) -> Self {
        let us = |fraction| histogram.percentile(fraction) as f64 / 1e3;
        Self { p50_us: us(0.5), p90_us: us(0.9), p99_us: us(0.99), max_us: histogram.max() as f64 / 1e3 }
    }
}

/// One second of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Second {
    /// Seconds from the start to this one's end.
    pub second: f64,
    /// Messages that were published in it.
    pub published: u64,
    /// Messages that subscribers received in it.
    pub delivered: u64,
    /// Messages in flight at its end.
    pub in_flight: u64,
    /// Connections that were closed and publishes that were refused until its end.
    pub errors: u64,
    /// Latency of what was received in it.
    #[serde(flatten)]
    pub latency: Latency,
}

/// All that is known after a run.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Host and port.
    pub endpoint: String,
    /// Whether over TLS.
    pub secure: bool,
    /// The hub.
    pub hub: String,
    /// The load in words.
    pub load: String,
    /// When it began (UTC).
    pub started: String,
    /// From the first publish to the last delivery.
    pub seconds: f64,
    /// Why it ended early, if it did.
    pub ended_early: Option<String>,
    /// Subscribers that were connected.
    pub subscribers: usize,
    /// Messages that the service accepted.
    pub published: u64,
    /// First receipts, one for each message and subscriber.
    pub delivered: u64,
    /// Deliveries that never came.
    pub lost: u64,
    /// Receipts after the first.
    pub duplicated: u64,
    /// First receipts behind a later message of the same publisher.
    pub reordered: u64,
    /// Messages that this run did not publish.
    pub unknown: u64,
    /// Publishes that were never answered.
    pub unanswered: u64,
    /// Deliveries for each second until the last.
    pub deliveries_per_s: f64,
    /// Latency of all deliveries.
    pub latency: Latency,
    /// Connections that ended, by close code or by what happened to the socket.
    pub closed: BTreeMap<String, u64>,
    /// Publishes that were refused, by status or error name.
    pub refused: BTreeMap<String, u64>,
    /// What happened second by second.
    pub series: Vec<Second>,
    /// Pairs of a fraction and the latency in microseconds below which it lies.
    pub distribution: Vec<(f64, f64)>,
}

impl Outcome {
    /// Whether every message that was accepted came once and in order, and nobody was closed or refused.
    #[must_use]
    pub fn is_right(&self) -> bool {
        let faults = self.lost + self.duplicated + self.reordered + self.unknown + self.unanswered;
        faults == 0 && self.closed.is_empty() && self.refused.is_empty()
    }

    /// The summary for a terminal.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut out = String::new();
        let latency = &self.latency;
        // Writing to a string does not fail.
        let _ = writeln!(out, "{} on {}, hub {}", self.load, self.endpoint, self.hub);
        if let Some(reason) = &self.ended_early {
            let _ = writeln!(out, "ended early: {reason}");
        }
        let _ = writeln!(
            out,
            "published    {} messages in {:.1} s\ndelivered    {} to {} subscribers, {:.0} deliveries/s",
            self.published, self.seconds, self.delivered, self.subscribers, self.deliveries_per_s
        );
        let _ = writeln!(
            out,
            "latency      p50 {:.0} us, p90 {:.0} us, p99 {:.0} us, max {:.0} us",
            latency.p50_us, latency.p90_us, latency.p99_us, latency.max_us
        );
        let _ = writeln!(
            out,
            "accounts     {} lost, {} duplicated, {} reordered, {} unknown, {} unanswered",
            self.lost, self.duplicated, self.reordered, self.unknown, self.unanswered
        );
        let _ = writeln!(out, "closed       {}", counts(&self.closed));
        let _ = write!(out, "refused      {}", counts(&self.refused));
        out
    }

    /// A page for a browser, which needs nothing but itself.
    #[must_use]
    pub fn html(&self) -> String {
        page::write(self)
    }

    /// One JSON object a line: every second, then the whole without them.
    ///
    /// # Errors
    /// If a number cannot be written as JSON.
    pub fn json_lines(&self) -> Result<String> {
        #[derive(Serialize)]
        struct Record<'a, T> {
            record: &'static str,
            #[serde(flatten)]
            content: &'a T,
        }
        let mut out = String::new();
        for content in &self.series {
            out.push_str(&serde_json::to_string(&Record { record: "second", content })?);
            out.push('\n');
        }
        let content = &Self { series: Vec::new(), ..self.clone() };
        out.push_str(&serde_json::to_string(&Record { record: "outcome", content })?);
        out.push('\n');
        Ok(out)
    }
}

/// Counts by name, or `none`.
pub(super) fn counts(counts: &BTreeMap<String, u64>) -> String {
    let each: Vec<String> = counts.iter().map(|(name, count)| format!("{count} x {name}")).collect();
    if each.is_empty() { "none".to_owned() } else { each.join("; ") }
}

/// Where the distribution is looked at.
pub(super) fn distribution(histogram: &Histogram) -> Vec<(f64, f64)> {
    let us = |fraction: f64| match fraction {
        1.0 => histogram.max() as f64 / 1e3,
        fraction => histogram.percentile(fraction) as f64 / 1e3,
    };
    FRACTIONS.map(|fraction| (fraction, us(fraction))).to_vec()
}

/// The load in a few words.
pub(super) fn load_in_words(load: &Load) -> String {
    load.fanout().to_string()
}
