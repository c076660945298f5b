//! The connection to NATS, and the subjects of a cluster.

use std::time::Duration;

use async_nats::{Client, ConnectOptions};

use super::error::Error;
use super::refusal;
use super::settings::{Auth, Settings};

/// How long a server may take to be connected to, in milliseconds.
const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// How often the servers are tried while none can be reached, in milliseconds.
const RECONNECT_PAUSE_MS: u64 = 250;
/// How often a connection is tested while a lease lasts. The client gives one up when the third ping is due and none of the last two was
/// answered, after half of the lease at most: so a node whose network falls silent knows that it is cut off before the others take it for
/// dead, and before it takes them for dead.
const PINGS_PER_LEASE: u64 = 6;

/// Connects, or says why not.
pub(super) async fn connect(settings: &Settings) -> Result<Client, Error> {
    refusal::check_files(&settings.tls)?;
    let options = ConnectOptions::new()
        .name(format!("hubwire {}", settings.address))
        .no_echo()
        .connection_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
        .ping_interval(Duration::from_millis(settings.limits.lease_ms / PINGS_PER_LEASE))
        .reconnect_delay_callback(|_| Duration::from_millis(RECONNECT_PAUSE_MS))
        .event_callback(|event| async move { tracing::info!(%event, "the connection to NATS has changed") });
    let options = match &settings.auth {
        Auth::None => options,
        Auth::Password(user, password) => options.user_and_password(user.clone(), password.clone()),
        Auth::Token(token) => options.token(token.clone()),
        Auth::Nkey(seed) => options.nkey(seed.clone()),
        // The client wants the last line to end, which a secret's does not.
        Auth::Credentials(text) => {
            options.credentials(&format!("{text}\n")).map_err(|_| Error::Credentials)?
        }
    };
    let options = match &settings.tls.ca {
        Some(ca) => options.add_root_certificates(ca.clone()),
        None => options,
    };
    let options = match &settings.tls.client {
        Some((certificate, key)) => options.add_client_certificate(certificate.clone(), key.clone()),
        None => options,
    };
    options.connect(settings.servers.clone()).await.map_err(|error| refusal::explain(settings, &error))
}

/// The subjects of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Subjects {
    name: String,
}

impl Subjects {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// What every node hears.
    pub(super) fn everyone(&self) -> String {
        format!("{}.cluster.all", self.name)
    }

    /// What one node hears: NATS keeps the order of each sender within a subject.
    pub(super) fn node(&self, node: u32) -> String {
        format!("{}.cluster.node.{node:08x}", self.name)
    }

    /// Where one node is asked what people want to see of it.
    pub(super) fn inquiries(&self, node: u32) -> String {
        format!("{}.cluster.console.{node:08x}", self.name)
    }

    /// Where somebody asks which nodes there are.
    pub(super) fn survey(&self) -> String {
        format!("{}.cluster.survey", self.name)
    }
}
