//! The report as one HTML page that asks no other host for anything.

use super::outcome::{Outcome, counts};
use super::plot::{Line, Plot, Scale, escape, short};
use std::fmt::Write;

/// Marks on the time axis, at most.
const TIME_MARKS_MAX: usize = 10;

/// What counts as a second in a plot of rates.
const SECOND_LEAST: f64 = 0.5;

const STYLE: &str = "
:root { color-scheme: light dark; --text: #1f2328; --soft: #59636e; --grid: #d1d9e0; --back: #ffffff;
  --c0: #0969da; --c1: #1a7f37; --c2: #bc4c00; --c3: #8250df; }
@media (prefers-color-scheme: dark) { :root { --text: #f0f6fc; --soft: #9198a1; --grid: #3d444d; --back: #0d1117;
  --c0: #4493f8; --c1: #3fb950; --c2: #f0883e; --c3: #ab7df8; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 820px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td { padding: .2rem 1.2rem .2rem 0; vertical-align: top; } td:first-child { color: var(--soft); }
.wrong { color: var(--c2); font-weight: 600; }
svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: var(--soft); }
.grid { stroke: var(--grid); } polyline { fill: none; stroke-width: 2; }
.line0 { stroke: var(--c0); } .line1 { stroke: var(--c1); } .line2 { stroke: var(--c2); } .line3 { stroke: var(--c3); }
.dot0, svg .name0 { fill: var(--c0); } .dot1, svg .name1 { fill: var(--c1); } .dot2, svg .name2 { fill: var(--c2); } .dot3, svg .name3 { fill: var(--c3); }
";

/// The whole page.
pub(super) fn write(outcome: &Outcome) -> String {
    let title = format!("hubwire bench: {}", escape(&outcome.load));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    table(&mut out, outcome);
    section(&mut out, "Messages a second", &rates(outcome));
    section(&mut out, "Latency over time (microseconds)", &latencies(outcome));
    section(&mut out, "Latency distribution (microseconds)", &distribution(outcome));
    out.push_str("</body></html>\n");
    out
}

fn section(out: &mut String, title: &str, plot: &Plot<'_>) {
    // Writing to a string does not fail, here and below.
    let _ = writeln!(out, "<h2>{}</h2>\n{}", escape(title), plot.svg());
}

fn table(out: &mut String, outcome: &Outcome) {
    let latency = &outcome.latency;
    let accounts = format!(
        "{} lost, {} duplicated, {} reordered, {} unknown, {} unanswered",
        outcome.lost, outcome.duplicated, outcome.reordered, outcome.unknown, outcome.unanswered
    );
    let scheme = if outcome.secure { "over TLS" } else { "without TLS" };
    let mut rows = vec![
        ("Endpoint", format!("{} {scheme}, hub {}", outcome.endpoint, outcome.hub)),
        ("Started", outcome.started.clone()),
        ("Published", format!("{} messages in {:.1} s", outcome.published, outcome.seconds)),
        (
            "Delivered",
            format!(
                "{} to {} subscribers, {}/s",
                outcome.delivered,
                outcome.subscribers,
                short(outcome.deliveries_per_s)
            ),
        ),
        (
            "Latency",
            format!(
                "p50 {:.0} us, p90 {:.0} us, p99 {:.0} us, max {:.0} us",
                latency.p50_us, latency.p90_us, latency.p99_us, latency.max_us
            ),
        ),
        ("Accounts", accounts),
        ("Closed", counts(&outcome.closed)),
        ("Refused", counts(&outcome.refused)),
    ];
    if let Some(reason) = &outcome.ended_early {
        rows.insert(2, ("Ended early", reason.clone()));
    }
    out.push_str("<table>\n");
    for (name, text) in rows {
        let is_wrong = matches!(name, "Accounts" | "Closed" | "Refused") && !outcome.is_right();
        let class = if is_wrong { " class=\"wrong\"" } else { "" };
        let _ = writeln!(out, "<tr><td>{name}</td><td{class}>{}</td></tr>", escape(&plain(&text)));
    }
    out.push_str("</table>\n");
}

/// Without what a browser or a mail program would make a link of: a server's words may hold one.
fn plain(text: &str) -> String {
    text.replace("://", ": //")
}

/// The ends of about ten seconds, evenly spread.
fn time_marks(outcome: &Outcome) -> Vec<(f64, String)> {
    let every = outcome.series.len().div_ceil(TIME_MARKS_MAX).max(1);
    let marks = outcome.series.iter().skip(every - 1).step_by(every);
    marks.map(|second| (second.second, format!("{:.0}", second.second))).collect()
}

fn rates(outcome: &Outcome) -> Plot<'static> {
    let (mut last, mut published, mut delivered) = (0.0, Vec::new(), Vec::new());
    for second in &outcome.series {
        let length = second.second - last;
        last = second.second;
        // The end of a run is no second: a rate of a few milliseconds says nothing.
        if length < SECOND_LEAST && !published.is_empty() {
            continue;
        }
        let length = length.max(f64::MIN_POSITIVE);
        published.push((second.second, second.published as f64 / length));
        delivered.push((second.second, second.delivered as f64 / length));
    }
    Plot {
        title: "Messages published and delivered a second",
        lines: vec![
            Line { name: "delivered", points: delivered },
            Line { name: "published", points: published },
        ],
        scale: Scale::Linear,
        marks: time_marks(outcome),
        axis: "seconds",
    }
}

fn latencies(outcome: &Outcome) -> Plot<'static> {
    let received = || outcome.series.iter().filter(|second| second.delivered > 0);
    let line = |name, value: fn(&super::Latency) -> f64| Line {
        name,
        points: received().map(|second| (second.second, value(&second.latency))).collect(),
    };
    Plot {
        title: "Latency percentiles over time",
        lines: vec![
            line("p50", |latency| latency.p50_us),
            line("p90", |latency| latency.p90_us),
            line("p99", |latency| latency.p99_us),
            line("max", |latency| latency.max_us),
        ],
        scale: Scale::Logarithmic,
        marks: time_marks(outcome),
        axis: "seconds",
    }
}

fn distribution(outcome: &Outcome) -> Plot<'static> {
    // Each fraction has the same room, so that the rare ones, which matter most, are not on top of each other.
    let points = outcome.distribution.iter().enumerate();
    let marks = points.clone().map(|(place, (fraction, _))| (place as f64, percent(*fraction)));
    Plot {
        title: "Latency by the share of deliveries that were not slower",
        lines: vec![Line {
            name: "latency",
            points: points.clone().map(|(place, (_, latency))| (place as f64, *latency)).collect(),
        }],
        scale: Scale::Logarithmic,
        marks: marks.collect(),
        axis: "percent of deliveries",
    }
}

fn percent(fraction: f64) -> String {
    let text = format!("{:.2}", fraction * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
