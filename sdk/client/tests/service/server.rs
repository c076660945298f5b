//! A service of the test's own.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use webpubsub_client::{Client, ClientBuilder};

use crate::support::access_url;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef";
const ALL_GROUPS: &[&str] = &[
    "webpubsub.joinLeaveGroup",
    "webpubsub.sendToGroup",
    "webpubsub.setGroupState",
    "webpubsub.getGroupState",
];

pub(crate) struct Server {
    process: Child,
    connection_string: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(0, "")
    }

    /// On a port, or on any with 0; with settings in the form of a configuration file.
    pub(crate) fn start_with(port: u16, settings: &str) -> Self {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let binary = std::env::var("HUBWIRE_BIN").expect("set HUBWIRE_BIN to the hubwire binary");
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let file = format!("{}/client-{}-{number}.toml", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        std::fs::write(&file, settings).expect("the folder for tests can be written");
        let mut process = Command::new(binary)
            .args(["serve", "--access-key", KEY, "--config", &file, "--listen"])
            .arg(format!("127.0.0.1:{port}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("HUBWIRE_BIN can be run");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut lines = output.lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("Endpoint=")).expect("it prints its connection string");
        let connection_string = line.split_whitespace().last().expect("it is not blank").to_owned();
        // It goes on printing, and must not be stopped by a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, connection_string }
    }

    pub(crate) fn address(&self) -> String {
        let endpoint = self.connection_string.split(';').next().expect("it has parts");
        endpoint.trim_start_matches("Endpoint=http://").to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        let address = self.address();
        address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("it has a port")
    }

    pub(crate) fn url(&self, user: &str) -> String {
        self.url_with(user, ALL_GROUPS)
    }

    pub(crate) fn url_with(&self, user: &str, roles: &[&str]) -> String {
        access_url(&self.connection_string, "chat", user, roles)
    }

    /// A URL through a proxy, whose address the service finds in the request, and so has to be in the token.
    pub(crate) fn url_via(&self, user: &str, address: &str) -> String {
        let connection_string = self.connection_string.replace(&self.address(), address);
        access_url(&connection_string, "chat", user, ALL_GROUPS)
    }

    pub(crate) fn client(&self, user: &str) -> Client {
        impatient(Client::builder(self.url(user))).build()
    }

    pub(crate) async fn started(&self, user: &str) -> Client {
        let client = self.client(user);
        client.start().await.expect("the service is there");
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by its test.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// A client that does not wait long before it tries again.
pub(crate) fn impatient(builder: ClientBuilder) -> ClientBuilder {
    let soon = Duration::from_millis(20);
    builder
        .recovery_delay(soon)
        .message_retry(webpubsub_client::RetryPolicy::messages().delay(soon))
        .reconnect_retry(webpubsub_client::RetryPolicy::reconnects().delay(soon))
}
