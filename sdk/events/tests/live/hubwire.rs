use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const PRIMARY: &str = "primary-key-of-this-test-0123456789ABCDEF";
pub(crate) const SECONDARY: &str = "secondary-key-of-this-test-0123456789ABC";

/// A process of the service, which ends with this value.
pub(crate) struct Hubwire {
    /// `http://host:port`
    pub(crate) endpoint: String,
    /// The client URL that it shows, with a token for hub `chat`.
    pub(crate) client_url: String,
    process: Child,
    /// Kept open, since the process writes to it.
    _output: BufReader<ChildStdout>,
}

impl Hubwire {
    /// Starts the service with hub `chat`, whose events go to `url_template`.
    pub(crate) fn start(url_template: &str) -> Self {
        let binary = std::env::var_os("HUBWIRE_BIN").expect("set HUBWIRE_BIN to the hubwire binary");
        let mut process = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(configuration(url_template))
            // Refusals that tests ask for are of no interest.
            .env("HUBWIRE_LOG", "error")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("HUBWIRE_BIN should be the hubwire binary");
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let (mut endpoint, mut client_url) = (None, None);
        while endpoint.is_none() || client_url.is_none() {
            let mut line = String::new();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "hubwire ended before it was ready");
            if let Some((_, string)) = line.split_once("Connection string") {
                let rest = string.trim().trim_start_matches("Endpoint=");
                endpoint = rest.split(';').next().map(str::to_owned);
            }
            if let Some((_, url)) = line.split_once("Client URL") {
                client_url = Some(url.trim().to_owned());
            }
        }
        Self { endpoint: endpoint.unwrap(), client_url: client_url.unwrap(), process, _output: output }
    }
}

impl Drop for Hubwire {
    fn drop(&mut self) {
        // It may have ended by itself; then a test says so.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// Writes a file with the settings.
fn configuration(url_template: &str) -> PathBuf {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let name = format!("hubwire-{}-{}.toml", std::process::id(), FILES.fetch_add(1, Ordering::Relaxed));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let settings = format!(
        r#"
access_key = "{PRIMARY}"
secondary_access_key = "{SECONDARY}"
workers = 1

[hubs.chat]
anonymous = true

[[hubs.chat.event_handlers]]
url_template = "{url_template}"
user_event_pattern = "*"
system_events = ["connect", "connected", "disconnected"]
presence_events = ["joined", "left"]
"#
    );
    std::fs::write(&path, settings).unwrap();
    path
}
