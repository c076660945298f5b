//! What a person at a terminal sees of `hubwire`: its output, its errors and its exit codes. Every test runs the built program.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// How long a line or an end may be awaited. What works takes milliseconds; what hangs must fail the test instead of holding it up.
const WAIT: Duration = Duration::from_secs(20);
/// A key that belongs to none of the services here, as long as a real one.
const FOREIGN_KEY: &str = "Zm9yZWlnbktleUZvcmVpZ25LZXlGb3JlaWduS2V5MDE=";

/// A running `hubwire`. It ends with the test, even with one that fails.
struct Process {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

/// What a `hubwire` that has ended leaves behind.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: Vec<String>,
    stderr: String,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hubwire"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Settings of whoever runs the tests must not decide how they end.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HUBWIRE_") {
                command.env_remove(name);
            }
        }
        let mut child = command.spawn().expect("hubwire starts");
        let stdout = lines(child.stdout.take().expect("stdout is piped"));
        let stderr = lines(child.stderr.take().expect("stderr is piped"));
        Self { child, stdout, stderr }
    }

    /// The next line of the output.
    fn printed(&self) -> String {
        self.stdout.recv_timeout(WAIT).expect("a line on stdout in time")
    }

    /// Sends SIGTERM, as a service manager does.
    fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(killed.expect("kill can be run").success());
    }

    /// Waits until it ends by itself.
    fn end(mut self) -> Ended {
        let stdout = rest(&self.stdout);
        let stderr = rest(&self.stderr).join("\n");
        // Both pipes are closed, so the process is at its end: this waits no longer than the system needs to reap it.
        let status = self.child.wait().expect("hubwire can be waited for");
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Killing one that has already ended is an error of no interest.
        let _already_ended = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}

/// The lines of a pipe as they come, read to the end so that the writer never blocks.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            // The test may have seen enough; the pipe is drained all the same.
            let _unread = sender.send(line.expect("hubwire writes UTF-8"));
        }
    });
    receiver
}

/// What comes until the pipe is closed.
fn rest(pipe: &Receiver<String>) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        match pipe.recv_timeout(WAIT) {
            Ok(line) => lines.push(line),
            Err(RecvTimeoutError::Disconnected) => return lines,
            Err(RecvTimeoutError::Timeout) => panic!("hubwire did not end; it wrote {lines:?}"),
        }
    }
}

/// Runs a command to its end.
fn hubwire(arguments: &[&str]) -> Ended {
    Process::start(arguments).end()
}

/// A service on a port of its own.
struct Service {
    process: Process,
    connection_string: String,
}

impl Service {
    /// Starts it and waits until its banner has told how to reach it.
    fn start() -> Self {
        let process = Process::start(&["serve", "--listen", "127.0.0.1:0", "--workers", "1"]);
        let connection_string = loop {
            let line = process.printed();
            if let Some(start) = line.find("Endpoint=http://127.0.0.1:") {
                break line[start..].to_owned();
            }
        };
        Self { process, connection_string }
    }

    /// The arguments of a command that talks to this service about the hub `chat`.
    fn arguments<'a>(&'a self, command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec![command, "--connection-string", &self.connection_string, "--hub", "chat"];
        arguments.extend_from_slice(more);
        arguments
    }

    /// A `listen` that has joined.
    fn listen(&self, more: &[&str]) -> Process {
        let listener = Process::start(&self.arguments("listen", more));
        let status = listener.stderr.recv_timeout(WAIT).expect("listen says that it is connected");
        assert!(status.starts_with("connected to hub chat as "), "{status}");
        listener
    }

    /// A `send` that must succeed, silently.
    fn send(&self, more: &[&str]) {
        let sent = hubwire(&self.arguments("send", more));
        assert_eq!((sent.code, sent.stdout.len(), sent.stderr.as_str()), (Some(0), 0, ""), "{sent:?}");
    }
}

/// A connection string for a service that nobody needs to run.
fn connection_string(endpoint: &str, key: &str) -> String {
    format!("Endpoint={endpoint};AccessKey={key};Version=1.0;")
}

/// The claims of a client URL.
fn claims(url: &str) -> Value {
    let (_, token) = url.split_once("?access_token=").expect("the URL has a token");
    let payload = token.split('.').nth(1).expect("the token has a payload");
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("the payload is base64url");
    serde_json::from_slice(&payload).expect("the payload is JSON")
}

/// Writes a settings file that no other test writes.
fn settings_file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the settings file can be written");
    path
}

#[test]
fn token_prints_only_a_client_url_with_the_claims_that_were_asked_for() {
    let service = connection_string("http://127.0.0.1:8080", FOREIGN_KEY);
    let mut arguments = vec!["token", "--connection-string", &service, "--hub", "chat", "--user", "bob"];
    arguments.extend(["--role", "webpubsub.sendToGroup", "--role", "webpubsub.joinLeaveGroup.room"]);
    arguments.extend(["--group", "room", "--group", "hall", "--minutes", "7"]);
    let ended = hubwire(&arguments);
    assert_eq!((ended.code, ended.stdout.len(), ended.stderr.as_str()), (Some(0), 1, ""), "{ended:?}");
    let url = &ended.stdout[0];
    assert!(url.starts_with("ws://127.0.0.1:8080/client/hubs/chat?access_token="), "{url}");
    let claims = claims(url);
    assert_eq!(claims["aud"], "http://127.0.0.1:8080/client/hubs/chat");
    assert_eq!(claims["sub"], "bob");
    assert_eq!(claims["role"], json!(["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup.room"]));
    assert_eq!(claims["webpubsub.group"], json!(["room", "hall"]));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 7 * 60);
}

#[test]
fn a_token_for_nobody_in_particular_is_good_for_an_hour_and_claims_nothing() {
    let service = connection_string("https://realtime.example.com", FOREIGN_KEY);
    let ended = hubwire(&["token", "--connection-string", &service, "--hub", "chat"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout[0].starts_with("wss://realtime.example.com/client/hubs/chat?"), "{ended:?}");
    let claims = claims(&ended.stdout[0]);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60 * 60);
    for absent in ["sub", "role", "webpubsub.group"] {
        assert!(claims.get(absent).is_none(), "{absent} in {claims}");
    }
}

#[test]
fn a_wrong_setting_is_named_with_its_file_and_line_and_exits_with_2() {
    let cases = [
        ("listen", "\nlisten = \"here\"\n", 2),
        ("endpoint", "listen = \"127.0.0.1:0\"\n\nendpoint = \"ftp://example.com\"\n", 3),
        ("workers", "workers = -1\n", 1),
        ("metrics.listen", "[metrics]\nlisten = \"9090\"\n", 2),
        ("hubs.1chat", "workers = 1\n\n\n[hubs.1chat]\nanonymous = true\n", 4),
        ("lisden", "workers = 1\nlisden = \"127.0.0.1:0\"\n", 2),
    ];
    for (setting, text, line) in cases {
        let path = settings_file(&format!("wrong-{setting}.toml"), text);
        let path = path.to_str().unwrap();
        let ended = hubwire(&["serve", "--config", path]);
        assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{ended:?}");
        assert!(ended.stderr.contains(&format!("{path}:{line}: ")), "{ended:?}");
        assert!(ended.stderr.contains(&format!("`{setting}`")), "{ended:?}");
    }
}

#[test]
fn a_wrong_flag_is_named_and_exits_with_2() {
    let ended = hubwire(&["serve", "--listen", "here"]);
    assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{ended:?}");
    assert!(ended.stderr.contains("--listen or HUBWIRE_LISTEN: setting `listen`: `here`"), "{ended:?}");
}

#[test]
fn the_development_key_is_refused_on_an_address_that_others_can_reach() {
    let ended = hubwire(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{ended:?}");
    for part in ["setting `access_key`", "public development key", "0.0.0.0:0", "HUBWIRE_ACCESS_KEY"] {
        assert!(ended.stderr.contains(part), "{part} in {ended:?}");
    }
}

#[test]
fn what_is_sent_to_a_group_is_printed_with_the_group_and_the_sender() {
    let service = Service::start();
    let bob = service.listen(&["--group", "room", "--user", "bob"]);
    service.send(&["--group", "hall", "--user", "al", "not for the room"]);
    service.send(&["--group", "room", "--user", "al", "hello"]);
    assert_eq!(bob.printed(), "[group room] al: hello");
    service.send(&["--group", "room", "from nobody"]);
    assert_eq!(bob.printed(), "[group room] from nobody");
}

#[test]
fn what_is_sent_to_a_user_arrives_at_that_user_only() {
    let service = Service::start();
    let bob = service.listen(&["--user", "bob"]);
    let eve = service.listen(&["--user", "eve"]);
    service.send(&["--to-user", "bob", "hi"]);
    service.send(&["--all", "bye"]);
    assert_eq!((bob.printed(), bob.printed()), ("[server] hi".to_owned(), "[server] bye".to_owned()));
    assert_eq!(eve.printed(), "[server] bye");
}

#[test]
fn a_json_document_arrives_as_it_was_written() {
    let service = Service::start();
    let raw = Process::start(&service.arguments("listen", &["--group", "room", "--raw"]));
    // A raw listener prints the frame that others report in words; from then on it is known to be there.
    let connected: Value = serde_json::from_str(&raw.printed()).unwrap();
    assert_eq!(connected["event"], "connected");
    let readable = service.listen(&["--group", "room"]);
    let framed = |document: &str| {
        let frame = raw.printed();
        assert!(frame.contains(r#""dataType":"json""#), "{frame}");
        assert!(frame.contains(&format!(r#""data":{document}"#)), "{frame}");
    };
    // Neither the order of members nor the digits of a number are the program's to change.
    for document in [r#"{"b":1,"a":2}"#, r#"[1.0e2,12345678901234567890123]"#] {
        service.send(&["--all", "--json", document]);
        assert_eq!(readable.printed(), format!("[server] {document}"));
        framed(document);
        service.send(&["--group", "room", "--json", document]);
        assert_eq!(readable.printed(), format!("[group room] {document}"));
        framed(document);
    }
}

#[test]
fn what_others_send_cannot_steer_the_terminal_or_forge_a_line() {
    let service = Service::start();
    let listener = service.listen(&["--group", "room"]);
    service.send(&["--group", "room", "--user", "al", "a\u{1b}[2J\n[server] b\tc"]);
    assert_eq!(listener.printed(), "[group room] al: a\\u{1b}[2J\\n[server] b\tc");
}

#[test]
fn what_cannot_be_sent_is_refused_in_words() {
    let service = Service::start();
    let cases: [(&[&str], &str); 5] = [
        (&["--all", "--json", "{oops"], "--json: `{oops` is not JSON"),
        (&["--group", "room", "--json", "{oops"], "--json: `{oops` is not JSON"),
        (&["--all", "--json", "null"], "--json: no client can be shown null"),
        (&["--group", "room", "--json", "null"], "--json: no client can be shown null"),
        (&["--to-user", "a/b", "hi"], "--to-user `a/b`: REST cannot address a user whose id has a slash"),
    ];
    for (arguments, refusal) in cases {
        let ended = hubwire(&service.arguments("send", arguments));
        assert_eq!((ended.code, ended.stdout.len()), (Some(1), 0), "{ended:?}");
        assert!(ended.stderr.contains(refusal), "{ended:?}");
    }
}

#[test]
fn a_wrong_key_is_refused_with_a_hint_at_the_access_key() {
    let service = Service::start();
    let (endpoint, _) = service.connection_string.split_once(";AccessKey=").unwrap();
    let foreign = connection_string(endpoint.strip_prefix("Endpoint=").unwrap(), FOREIGN_KEY);
    // Groups are reached as a client, everyone through REST: both have to say it.
    for to in ["--group=room", "--all"] {
        let ended = hubwire(&["send", "--connection-string", &foreign, "--hub", "chat", to, "hello"]);
        assert_eq!((ended.code, ended.stdout.len()), (Some(1), 0), "{ended:?}");
        assert!(ended.stderr.contains("does the access key (--access-key, HUBWIRE_ACCESS_KEY)"), "{ended:?}");
        assert!(!ended.stderr.contains(FOREIGN_KEY), "{ended:?}");
    }
}

#[test]
fn sending_to_nobody_says_that_it_cannot_connect() {
    // The near end of a connection keeps its port from everyone else, and accepts nobody there.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let held = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let endpoint = format!("http://{}", held.local_addr().unwrap());
    let service = connection_string(&endpoint, FOREIGN_KEY);
    for to in ["--group=room", "--all"] {
        let ended = hubwire(&["send", "--connection-string", &service, "--hub", "chat", to, "hello"]);
        assert_eq!((ended.code, ended.stdout.len()), (Some(1), 0), "{ended:?}");
        assert!(ended.stderr.contains(&format!("cannot connect to {endpoint}")), "{ended:?}");
        assert!(ended.stderr.contains("is `hubwire serve` running?"), "{ended:?}");
    }
}

#[test]
fn a_service_that_is_told_to_stop_ends_well_and_tells_its_clients() {
    let service = Service::start();
    let listener = service.listen(&["--group", "room"]);
    service.process.terminate();
    let listener = listener.end();
    assert_eq!((listener.code, listener.stdout.len()), (Some(1), 0), "{listener:?}");
    assert!(listener.stderr.contains("1001"), "{listener:?}");
    let served = service.process.end();
    assert_eq!(served.code, Some(0), "{served:?}");
    assert!(served.stderr.contains("hubwire: stopping; clients are told to reconnect"), "{served:?}");
}
