//! `hubwire trace` and `hubwire why`, as a person at a terminal sees them. Every test runs the built program.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_hubwire");

/// The program, without the settings of whoever runs the tests.
fn hubwire(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HUBWIRE_") {
            command.env_remove(name);
        }
    }
    command
}

/// A program that runs until the test ends.
struct Running {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = hubwire(arguments);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("hubwire starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        Self { child, stdout, stderr }
    }

    /// The next line with a text in it.
    fn printed(&mut self, text: &str) -> String {
        let lines = self.stdout.by_ref().map(|line| line.expect("hubwire writes UTF-8"));
        lines.into_iter().find(|line| line.contains(text)).expect("the line comes before the end")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Killing one that has already ended is an error of no interest.
        let _already_ended = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}

/// A service, and how to reach it.
fn service() -> (Running, String) {
    let mut running = Running::start(&["serve", "--listen", "127.0.0.1:0", "--workers", "1"]);
    let line = running.printed("Endpoint=http://127.0.0.1:");
    let string = line[line.find("Endpoint=").expect("it is in the line")..].to_owned();
    (running, string)
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = hubwire(arguments).output().expect("hubwire runs");
    let text = |bytes| String::from_utf8(bytes).expect("hubwire writes UTF-8");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn trace_prints_what_happens_and_why_explains_it() {
    let (_service, string) = service();
    let at = ["--connection-string", &string];
    let mut trace = Running::start(&[&["trace"], &at[..]].concat());
    let following = trace.stderr.next().expect("it says something").expect("that is UTF-8");
    assert_eq!(following, "following; Ctrl+C ends");
    let mut listener =
        Running::start(&[&["listen", "--hub", "chat", "--group", "room", "--user", "bob"], &at[..]].concat());
    let connected = listener.stderr.next().expect("it says something").expect("that is UTF-8");
    assert!(connected.starts_with("connected to hub chat"), "{connected}");
    assert!(trace.printed("connectionOpened").contains("bob ("));
    let (code, _, error) = run(&[&["send", "--hub", "chat", "--group", "other", "hello"], &at[..]].concat());
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let published = trace.printed("publish");
    assert!(published.contains("to group other") && published.ends_with(": hello"), "{published}");
    let why = ["why", "--hub", "chat", "--to-group", "other", "--user", "bob"];
    let (code, answer, error) = run(&[&why, &at[..]].concat());
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(answer.contains("no   bob ") && answer.contains("notInGroup"), "{answer}");
    let (_, answer, _) = run(&[&why[..], &["--json"], &at].concat());
    let answer: Value = serde_json::from_str(&answer).expect("this is JSON");
    assert_eq!(answer["answers"][0]["rule"], "notInGroup");
}

#[test]
fn trace_prints_only_what_was_asked_for() {
    let (_service, string) = service();
    let at = ["--connection-string", &string];
    let wanted = ["trace", "--json", "--kind", "publish", "--group", "room"];
    let mut trace = Running::start(&[&wanted, &at[..]].concat());
    trace.stderr.next().expect("it says something").expect("that is UTF-8");
    for (group, text) in [("hall", "one"), ("room", "two")] {
        let (code, _, _) = run(&[&["send", "--hub", "chat", "--group", group, text], &at[..]].concat());
        assert_eq!(code, Some(0));
    }
    let event: Value = serde_json::from_str(&trace.printed("{")).expect("this is JSON");
    assert_eq!((&event["group"], &event["detail"]["payload"]), (&"room".into(), &"two".into()));
}

#[test]
fn trace_goes_on_after_the_service_was_restarted() {
    let (service, string) = service();
    let endpoint =
        string.trim_start_matches("Endpoint=http://").split(';').next().expect("it has one").to_owned();
    let mut trace = Running::start(&["trace", "--connection-string", &string, "--kind", "connectionOpened"]);
    trace.stderr.next().expect("it says something").expect("that is UTF-8");
    drop(service);
    let lost = trace.stderr.next().expect("it says something").expect("that is UTF-8");
    assert_eq!(lost, "the connection is lost; trying again");
    let mut again = Running::start(&["serve", "--listen", &endpoint, "--workers", "1"]);
    again.printed("is ready");
    let found = trace.stderr.next().expect("it says something").expect("that is UTF-8");
    assert_eq!(found, "following again");
    let arguments = ["send", "--connection-string", &string, "--hub", "chat", "--group", "g", "hello"];
    assert_eq!(run(&arguments).0, Some(0));
    assert!(trace.printed("connectionOpened").contains("chat"));
}

#[test]
fn a_console_that_is_closed_says_how_to_open_it() {
    let key = "a-key-of-my-own-that-is-long-enough-for-it";
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--access-key", key];
    let mut running = Running::start(&arguments);
    let line = running.printed("Endpoint=http://127.0.0.1:");
    let string = &line[line.find("Endpoint=").expect("it is in the line")..];
    let (code, _, error) = run(&["trace", "--connection-string", string]);
    assert_eq!(code, Some(1));
    assert!(error.contains("403") && error.contains("console.operator_token"), "{error}");
}
