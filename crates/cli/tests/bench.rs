//! What an operator sees of `hubwire bench`, against a service that runs for the test.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

const FOREIGN_KEY: &str = "Zm9yZWlnbktleUZvcmVpZ25LZXlGb3JlaWduS2V5MDE=";

/// A command without the settings of whoever runs the tests.
fn hubwire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubwire"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HUBWIRE_") {
            command.env_remove(name);
        }
    }
    command
}

/// A service on a port of its own, which ends with the test.
struct Service {
    child: Child,
    connection_string: String,
    /// Kept open, so that the service can go on writing.
    _stdout: BufReader<ChildStdout>,
}

impl Service {
    fn start() -> Self {
        let mut command = hubwire(&["serve", "--listen", "127.0.0.1:0", "--workers", "2"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("hubwire starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        let start = loop {
            line.clear();
            assert!(stdout.read_line(&mut line).expect("hubwire writes UTF-8") > 0, "no banner");
            if let Some(start) = line.find("Endpoint=") {
                break start;
            }
        };
        let connection_string = line[start..].trim().to_owned();
        Self { child, connection_string, _stdout: stdout }
    }

    fn bench(&self, more: &[&str]) -> Output {
        bench(&self.connection_string, more)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Killing one that has already ended is an error of no interest.
        let _already_ended = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}

fn bench(connection_string: &str, more: &[&str]) -> Output {
    let arguments = ["bench", "--connection-string", connection_string, "--hub", "chat"];
    hubwire(&[&arguments[..], more].concat()).output().expect("hubwire runs")
}

fn temporary(name: &str) -> PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The outcome and its seconds, from a file of raw results.
fn read_raw(path: &PathBuf) -> (Value, Vec<Value>) {
    let raw = std::fs::read_to_string(path).expect("the raw results are written");
    let mut lines: Vec<Value> = raw.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let outcome = lines.pop().expect("an outcome");
    assert_eq!(outcome["record"], "outcome");
    (outcome, lines)
}

#[test]
fn every_message_is_accounted_for_and_the_report_is_one_page_that_loads_nothing() {
    let service = Service::start();
    let (report, raw) = (temporary("bench.html"), temporary("bench.jsonl"));
    let files = ["--report", report.to_str().unwrap(), "--raw", raw.to_str().unwrap()];
    let load = ["--subscribers", "5", "--groups", "3", "--rate", "600", "--seconds", "1"];
    let ended = service.bench(&[&load[..], &files].concat());
    assert!(ended.status.success(), "{ended:?}");
    let summary = text(&ended.stdout);
    let expected = "accounts     0 lost, 0 duplicated, 0 reordered, 0 unknown, 0 unanswered\n";
    assert!(summary.contains(expected) && summary.contains("15 subscribers"), "{summary}");
    let (outcome, seconds) = read_raw(&raw);
    let number = |name: &str| outcome[name].as_u64().unwrap();
    assert!(number("published") > 0);
    assert_eq!(number("delivered"), 5 * number("published"), "{outcome}");
    let in_seconds: u64 = seconds.iter().map(|second| second["delivered"].as_u64().unwrap()).sum();
    assert_eq!(in_seconds, number("delivered"));
    let page = std::fs::read_to_string(&report).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"), "{page}");
    assert_eq!(page.matches("<svg").count(), 3, "{page}");
    let page = page.replace("http://www.w3.org/", "");
    for reference in ["http://", "https://", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(reference), "{reference} in {page}");
    }
}

#[test]
fn every_path_and_protocol_delivers_all_that_was_published_at_full_speed() {
    let service = Service::start();
    for more in [
        ["--path", "rest", "--protocol", "simple"],
        ["--path", "websocket", "--protocol", "reliable"],
        ["--path", "rest", "--protocol", "reliable-protobuf"],
        ["--publishers", "3", "--protocol", "protobuf"],
    ] {
        let load =
            ["--subscribers", "3", "--groups", "2", "--full-speed", "--window", "16", "--seconds", "1"];
        let ended = service.bench(&[&load[..], &more].concat());
        assert!(ended.status.success(), "{more:?}: {ended:?}");
        assert!(text(&ended.stdout).contains("closed       none\nrefused      none"), "{ended:?}");
    }
}

#[test]
fn a_wrong_key_is_refused_with_a_hint_at_the_access_key() {
    let service = Service::start();
    let (endpoint, _) = service.connection_string.split_once(";AccessKey=").unwrap();
    let ended = bench(&format!("{endpoint};AccessKey={FOREIGN_KEY};Version=1.0;"), &[]);
    let error = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{error}");
    assert!(
        error.contains("does the access key of the connection string belong to this endpoint?"),
        "{error}"
    );
    assert!(error.contains("401") && !error.contains(FOREIGN_KEY), "{error}");
}

#[test]
fn what_cannot_be_measured_is_refused_in_words() {
    let nowhere = format!("Endpoint=http://127.0.0.1:1;AccessKey={FOREIGN_KEY};Version=1.0;");
    let unnamed = format!("Endpoint=http://no-such-host.invalid;AccessKey={FOREIGN_KEY};Version=1.0;");
    let cases: [(&str, &[&str], i32, &str); 7] = [
        (&nowhere, &[], 1, "is the service running?"),
        (&unnamed, &[], 1, "the name no-such-host.invalid of http://no-such-host.invalid cannot be found"),
        (&nowhere, &["--payload-bytes", "10"], 2, "--payload-bytes must be between 33 and"),
        (&nowhere, &["--subscribers", "0"], 2, "--subscribers must be between 1 and"),
        (&nowhere, &["--rate", "0"], 2, "--rate must be between 1 and"),
        (&nowhere, &["--seconds", "100000"], 2, "--seconds must be between 1 and 86400, not 100000"),
        (&nowhere, &["--report", "no/such/folder/report.html"], 1, "cannot write no/such/folder/report.html"),
    ];
    for (connection_string, more, code, words) in cases {
        let ended = bench(connection_string, more);
        let error = text(&ended.stderr);
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(code), 0), "{more:?}: {error}");
        assert!(error.contains(words), "{more:?}: {error}");
    }
}

#[test]
fn more_connections_than_descriptors_are_refused_before_any_is_made() {
    let nowhere = format!("Endpoint=http://127.0.0.1:1;AccessKey={FOREIGN_KEY};Version=1.0;");
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_hubwire"), "bench"]);
    limited.args(["--connection-string", &nowhere, "--hub", "chat", "--subscribers", "100"]);
    let ended = limited.output().expect("sh runs");
    let error = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{error}");
    assert!(error.contains("raise it with `ulimit -n`, or ask for fewer subscribers"), "{error}");
}
