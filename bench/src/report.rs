//! The stored rows as Markdown tables.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// With more foreign work than this on the server's CPU, a row is called noisy, as when it was measured.
const FOREIGN_CPU_PERCENT_MAX: f64 = 5.0;

/// What of each kind's measures a reader asks for first, and what the kind compares.
const KINDS: [(&str, &str, &[&str]); 13] = [
    ("fanout", "Deliveries, beside the plain loop", &["cpu_us/delivery", "deliveries/s", "p99_us"]),
    ("idle", "Idle connections, beside the plain loop", &["rss_B/conn", "cpu_us/accept", "idle_cpu_ms/s"]),
    (
        "events",
        "User events, beside the same requests straight to the handler",
        &["events/s", "p50_us", "p99_us"],
    ),
    ("rest", "Publishes over REST, beside a bare HTTP server", &["cpu_us/publish", "publishes/s"]),
    (
        "publish",
        "Publishes over WebSocket, beside the plain loop",
        &["cpu_us/publish", "publish/singles", "p99_us"],
    ),
    ("workers", "Several workers, beside one", &["deliv/cpu-s", "deliveries/s"]),
    ("nodes", "Several nodes, beside one", &["cpu_us/delivery", "nats_us/delivery", "p50_us"]),
    (
        "durable",
        "Durability cluster beside node, and both beside one node",
        &[
            "cpu_us/delivery",
            "cpu_us/publish",
            "nats_us/publish",
            "publishes/s",
            "p50_us",
            "p99_us",
            "ack_p50_us",
        ],
    ),
    ("groups", "Many groups, beside few", &["cpu_us/delivery", "rss_MB"]),
    ("compression", "Compressed messages, beside plain ones", &["B/delivery", "cpu_us/delivery", "p99_us"]),
    (
        "tls",
        "Deliveries over TLS, beside a plain loop over TLS",
        &["cpu_us/delivery", "deliveries/s", "p99_us"],
    ),
    ("churn", "Joining and leaving, beside fewer groups or members", &["cpu_us/pair"]),
    (
        "storm",
        "Everybody comes back at once, beside the plain loop",
        &["back_ms", "errors", "cpu_us/client", "rss_peak_MB"],
    ),
];

/// A stored row. Other records of the same files are skipped.
#[derive(Clone, Deserialize)]
struct Row {
    date: String,
    time: String,
    machine: String,
    commit: String,
    name: String,
    /// Rows from before there were any are the service beside its reference.
    #[serde(default)]
    labels: Option<[String; 2]>,
    self_check: bool,
    medians: BTreeMap<String, Pair>,
}

#[derive(Clone, Deserialize)]
struct Pair {
    service: f64,
    reference: f64,
    ratio: Option<f64>,
}

impl Row {
    /// Whether both compare the same on the same machine.
    fn repeats(&self, other: &Self) -> bool {
        (&self.name, &self.machine, self.compared()) == (&other.name, &other.machine, other.compared())
    }

    fn compared(&self) -> [&str; 2] {
        self.labels.as_ref().map_or(["service", "reference"], |labels| labels.each_ref().map(String::as_str))
    }
}

/// The newest row of each scenario on each machine, by kind and then in the order in which they were first measured.
#[derive(Default)]
struct Newest(BTreeMap<String, Vec<Row>>);

impl Newest {
    fn add(&mut self, kind: &str, row: Row) {
        let rows = self.0.entry(kind.to_owned()).or_default();
        let known = rows.iter_mut().find(|known| known.repeats(&row));
        match known {
            Some(known) if (&known.date, &known.time) <= (&row.date, &row.time) => *known = row,
            Some(_) => {}
            None => rows.push(row),
        }
    }
}

/// The tables of all rows below a folder; with `all_measures` every column that was stored.
///
/// # Errors
/// If there are none, or a line is not what this program writes.
pub(crate) fn markdown(runs: &Path, all_measures: bool) -> Result<String> {
    let mut newest = Newest::default();
    for path in files(runs)? {
        let kind = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for (index, line) in text.lines().enumerate() {
            let row = row(line).with_context(|| format!("{}:{}", path.display(), index + 1))?;
            row.into_iter().for_each(|row| newest.add(&kind, row));
        }
    }
    ensure!(!newest.0.is_empty(), "there are no rows below {}", runs.display());
    Ok(tables(&newest, all_measures))
}

/// The files of all runs, sorted by date.
fn files(runs: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let folders = fs::read_dir(runs).with_context(|| format!("cannot read {}", runs.display()))?;
    for folder in folders {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder)? {
            let file = file?.path();
            if file.extension().is_some_and(|extension| extension == "jsonl") {
                files.push(file);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The row in a line, unless it is a single run, or a check of the method by itself.
fn row(line: &str) -> Result<Option<Row>> {
    #[derive(Deserialize)]
    struct Record {
        record: String,
    }
    let record: Record = serde_json::from_str(line).context("not a record")?;
    if record.record != "row" {
        return Ok(None);
    }
    let row: Row = serde_json::from_str(line).context("not a row")?;
    Ok(Some(row).filter(|row| !row.self_check))
}

fn tables(newest: &Newest, all_measures: bool) -> String {
    let mut out = String::new();
    let known = KINDS.iter().map(|(kind, title, measures)| (*kind, *title, *measures));
    let others = newest.0.keys().filter(|kind| !KINDS.iter().any(|(known, ..)| known == kind));
    let others = others.map(|kind| (kind.as_str(), kind.as_str(), &[][..]));
    for (kind, title, measures) in known.chain(others) {
        if let Some(rows) = newest.0.get(kind) {
            table(&mut out, title, rows, if all_measures { &[] } else { measures });
        }
    }
    out
}

/// One table; without measures, all that the rows have.
fn table(out: &mut String, title: &str, rows: &[Row], measures: &[&str]) {
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "## {title}\n\n| scenario | measure | service | reference | ratio | commit | machine | date |\n\
         | --- | --- | ---: | ---: | ---: | --- | --- | --- |\n"
    );
    for row in rows {
        let foreign = row.medians.get("foreign_cpu_%");
        let noisy = foreign.is_some_and(|pair| pair.service.max(pair.reference) > FOREIGN_CPU_PERCENT_MAX);
        let of_all: Vec<&str> = row.medians.keys().map(String::as_str).collect();
        for measure in if measures.is_empty() { &of_all } else { measures } {
            let Some(pair) = row.medians.get(*measure) else { continue };
            let ratio = pair.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            let ratio = if noisy { format!("{ratio} (noisy)") } else { ratio };
            let labels = row.labels.as_ref().filter(|[first, _]| first != "service");
            let label = |index: usize| labels.map_or(String::new(), |labels| format!(" ({})", labels[index]));
            let _ = writeln!(
                out,
                "| {} | {measure} | {}{} | {}{} | {ratio} | {} | {} | {} |",
                row.name,
                number(pair.service),
                label(0),
                number(pair.reference),
                label(1),
                row.commit,
                row.machine,
                row.date
            );
        }
    }
    out.push('\n');
}

/// Three digits that count, and thousands apart.
fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0
            && digit.is_ascii_digit()
            && (digits.len() - index).is_multiple_of(3)
            && !out.ends_with('-')
        {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(record: &str, time: &str, labels: &str, service: f64, foreign: f64) -> String {
        format!(
            r#"{{"date":"2026-01-02","time":"{time}","machine":"m","commit":"c","record":"{record}","name":"1x1","self_check":false,{labels}
            "medians":{{"cpu_us/delivery":{{"service":{service},"reference":2000,"ratio":0.5}},
            "foreign_cpu_%":{{"service":{foreign},"reference":0,"ratio":null}}}}}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn the_newest_row_of_a_scenario_is_shown_and_a_noisy_one_says_so() {
        let mut newest = Newest::default();
        for (time, service, foreign) in [("02:00:00", 1.5, 1.0), ("01:00:00", 9.0, 9.0)] {
            newest.add("fanout", row(&line("row", time, "", service, foreign)).unwrap().unwrap());
        }
        newest.add(
            "workers",
            row(&line("row", "03:00:00", r#""labels":["2 workers","1 worker"],"#, 3.0, 9.0))
                .unwrap()
                .unwrap(),
        );
        let text = tables(&newest, false);
        assert!(
            text.contains("| 1x1 | cpu_us/delivery | 1.50 | 2,000 | 0.50 | c | m | 2026-01-02 |"),
            "{text}"
        );
        assert!(!text.contains("9.00"), "an older row is shown: {text}");
        let all = tables(&newest, true);
        assert!(all.contains("| 3.00 (2 workers) | 2,000 (1 worker) | 0.50 (noisy) |"), "{all}");
        assert!(all.contains("| foreign_cpu_% | 1.00 | 0.00 | - |"), "{all}");
    }

    #[test]
    fn rows_that_compare_other_things_are_shown_beside_each_other() {
        let mut newest = Newest::default();
        for (labels, service) in [("", 1.5), (r#""labels":["a","b"],"#, 2.5), (r#""labels":["a","c"],"#, 3.5)]
        {
            newest.add("durable", row(&line("row", "01:00:00", labels, service, 1.0)).unwrap().unwrap());
        }
        newest.add(
            "durable",
            row(&line("row", "02:00:00", r#""labels":["service","reference"],"#, 4.5, 1.0)).unwrap().unwrap(),
        );
        let text = tables(&newest, true);
        assert!(
            text.contains("| 2.50 (a) | 2,000 (b) |") && text.contains("| 3.50 (a) | 2,000 (c) |"),
            "{text}"
        );
        assert!(text.contains("| 4.50 | 2,000 |") && !text.contains("| 1.50"), "{text}");
    }

    #[test]
    fn single_runs_and_checks_of_the_method_are_left_out_and_other_lines_are_errors() {
        assert!(row(&line("run", "01:00:00", "", 1.0, 1.0)).unwrap().is_none());
        let check =
            line("row", "01:00:00", "", 1.0, 1.0).replace("\"self_check\":false", "\"self_check\":true");
        assert!(row(&check).unwrap().is_none());
        assert!(row("{}").is_err() && row(r#"{"record":"row"}"#).is_err());
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([99.994, 100.0, 1234.5, 1e6].map(number), ["99.99", "100", "1,234", "1,000,000"]);
    }

    #[test]
    fn the_runs_of_this_repository_can_be_reported() {
        let text = markdown(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/runs")), false).unwrap();
        assert!(text.starts_with("## Deliveries, beside the plain loop\n"), "{text}");
    }
}
