use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use hubwire_hub::{Logged, Presence};
use hubwire_protocol::JsonForm;

/// How a node takes part in its cluster.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The NATS servers, as `nats://host:port` or `tls://host:port`; any of them will do.
    pub servers: Vec<String>,
    /// The cluster's name: the beginning of its subjects, so that several clusters share one NATS.
    pub name: String,
    /// What lets the node in.
    pub auth: Auth,
    /// How it knows the servers, and they it.
    pub tls: Tls,
    /// What it does while NATS cannot be reached.
    pub on_loss: OnNatsLoss,
    /// Its bounds.
    pub limits: Limits,
    /// What it is called by people: where its clients connect.
    pub address: String,
    /// The log that hubs with durability `cluster` have; nothing if there are none.
    pub log: Option<Arc<LogSettings>>,
}

/// The log of hubs whose messages are replicated, and the registry of their sessions: two streams of JetStream.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// The hubs that have it.
    pub logged: Arc<Logged>,
    /// For how long entries are kept, in seconds.
    pub age_max_s: u64,
    /// How many bytes of entries are kept.
    pub bytes_max: u64,
    /// How many NATS servers keep each of them.
    pub replicas: usize,
    /// How often a node records what has changed of its sessions, in milliseconds.
    pub checkpoint_interval_ms: u64,
    /// How often a node looks for dead ones that nobody takes the sessions of, in milliseconds.
    pub sweep_interval_ms: u64,
    /// A node that has not written its record for so long, and was not heard of either, is dead, in milliseconds.
    pub stale_ms: u64,
    /// The bounds of sessions.
    pub hub_limits: Arc<hubwire_hub::Limits>,
    /// How protobuf clients see JSON.
    pub json_form: JsonForm,
    /// The group events that somebody wants to be told of.
    pub presence: Option<Arc<Presence>>,
}

/// What lets a node in at a NATS server.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Auth {
    /// Nothing.
    #[default]
    None,
    /// A user and a password.
    Password(String, String),
    /// A token.
    Token(String),
    /// The seed of an NKey.
    Nkey(String),
    /// The text of a credentials file.
    Credentials(String),
}

impl fmt::Debug for Auth {
    /// Secrets stay out of whatever prints this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth(redacted)")
    }
}

/// TLS to the NATS servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The certificates that servers are trusted by, in place of the system's.
    pub ca: Option<PathBuf>,
    /// The node's own certificate and its private key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// What a node does while NATS cannot be reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnNatsLoss {
    /// Publishes and commands of applications are refused with 503, and clients are not read, until NATS is back. Nothing is lost.
    #[default]
    Wait,
    /// Clients of this node go on among themselves. What others should have had is kept within the bounds and lost beyond them.
    Serve,
}

/// The bounds of a node's traffic with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Frames that may be on their way to other nodes, or wait for it. At half of it clients are not read; beyond it applications are refused.
    pub backlog_messages_max: usize,
    /// Their bytes.
    pub backlog_bytes_max: usize,
    /// A node that was not heard of for so long is dead, in milliseconds.
    pub lease_ms: u64,
    /// How long a command waits for the answers of other nodes, in milliseconds.
    pub answer_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            backlog_messages_max: 65_536,
            backlog_bytes_max: 256 << 20,
            lease_ms: 5_000,
            answer_timeout_ms: 5_000,
        }
    }
}
