//! Settings: read from flags, environment and file, checked, and refused in words that say where the wrong one stands.

mod addresses;
mod check;
mod cluster;
mod console;
mod durability;
mod entra;
mod error;
mod file;
mod handlers;
mod limits;
mod listeners;
mod openid;
mod overrides;
mod secrets;
mod source;
mod telemetry;
mod tls;
mod upstream;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use hubwire_auth::{AccessKeys, DEVELOPMENT_KEY};
use hubwire_gateway::{Addresses, HubSettings};
use hubwire_hub::Presence;
use hubwire_protocol::{HubName, JsonForm};

use crate::Endpoint;

pub use cluster::ClusterConfig;
pub use console::ConsoleConfig;
pub use entra::Entra;
pub use error::ConfigError;
pub use limits::{LIMITS, Limit, LimitValues};
pub use openid::OpenIdConfig;
pub use overrides::Overrides;
pub use telemetry::TelemetryConfig;
pub use tls::Tls;

/// Everything that the service goes by, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients and applications connect. A change needs a restart.
    pub listen: SocketAddr,
    /// The public endpoint behind a proxy, if there is one.
    pub endpoint: Option<Endpoint>,
    /// The keys that tokens are signed with.
    pub keys: AccessKeys,
    /// Worker threads. A change needs a restart.
    pub workers: usize,
    /// Where events are kept that wait for event handlers; in memory, if nowhere. A change needs a restart.
    pub data_directory: Option<PathBuf>,
    /// The files that secrets were read from, whose change is put in force.
    pub secret_files: Vec<PathBuf>,
    /// Where metrics are served, if anywhere. A change needs a restart.
    pub metrics_listen: Option<SocketAddr>,
    /// Who may look and act through the console, and what it shows.
    pub console: ConsoleConfig,
    /// The cluster that it belongs to, if any. A change needs a restart.
    pub cluster: Option<ClusterConfig>,
    /// Where spans of distributed traces go, if anywhere. A change needs a restart.
    pub telemetry: Option<TelemetryConfig>,
    /// How JSON payloads reach protobuf clients.
    pub protobuf_json: JsonForm,
    /// TLS of the listener; plain HTTP without it. A change between the two needs a restart; other certificates and keys do not.
    pub tls: Option<Tls>,
    /// Who may call with tokens of an OpenID Connect issuer.
    pub entra: Option<Entra>,
    /// From where clients and applications may come.
    pub addresses: Arc<Addresses>,
    /// Messages are compressed for clients that ask for it.
    pub compression: bool,
    /// Every bound.
    pub limits: LimitValues,
    /// Settings of single hubs.
    pub hubs: HashMap<HubName, HubSettings>,
    /// Settings of all other hubs.
    pub default_hub: HubSettings,
    /// Whom events go to.
    pub upstream: Arc<hubwire_upstream::Settings>,
    /// The group events that somebody wants to be told of.
    pub presence: Option<Arc<Presence>>,
}

impl Config {
    /// Whether the public development key is in use, so that nothing here is a secret.
    pub fn is_development(&self) -> bool {
        let mut keys = std::iter::once(&self.keys.primary).chain(&self.keys.secondary);
        keys.any(|key| key.expose() == DEVELOPMENT_KEY)
    }

    /// Puts together what flags and environment say, what the file says, and the defaults, in this order.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that is unknown or wrong, or if the file cannot be read.
    pub fn load(overrides: &Overrides) -> Result<Self, ConfigError> {
        let file = match &overrides.config {
            Some(path) => file::File::read(path)?,
            None => file::File::default(),
        };
        check::config(overrides, &file)
    }
}
