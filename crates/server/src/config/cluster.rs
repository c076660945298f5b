use std::path::PathBuf;
use std::sync::Arc;

use hubwire_auth::AccessKeys;
use hubwire_cluster::nats::{Auth, Limits, LogSettings, OnNatsLoss, Settings, Tls};
use hubwire_hub::Logged;
use hubwire_upstream::Secret;
use toml::Spanned;

use super::error::ConfigError;
use super::file::{ClusterTable, File, SecretTable};
use super::limits::LimitValues;
use super::secrets::secret;

/// The cluster's name if nobody gives it one.
const NAME_DEFAULT: &str = "hubwire";
/// The longest name: it stands in front of every subject.
const NAME_LENGTH_MAX: usize = 64;

/// How the node takes part in a cluster.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// The way to the other nodes.
    pub settings: Settings,
    /// What all nodes have, and nobody else, if it is not an access key.
    pub secret: Option<Secret>,
}

impl ClusterConfig {
    /// What the tokens are signed with that clients recover their sessions with: all nodes have the same.
    pub(crate) fn reconnection_secret<'a>(&'a self, keys: &'a AccessKeys) -> &'a str {
        self.secret.as_ref().map_or_else(|| keys.primary.expose(), Secret::expose)
    }

    /// What a running node does not change, but for its secrets and bounds.
    pub(crate) fn fixed(&self) -> (&[String], &str, &Auth, &Tls, OnNatsLoss) {
        let settings = &self.settings;
        (&settings.servers, &settings.name, &settings.auth, &settings.tls, settings.on_loss)
    }

    /// The hubs that outlive a node.
    pub(crate) fn logged(&self) -> Option<&Logged> {
        self.settings.log.as_ref().map(|log| &*log.logged)
    }
}

/// The table `[cluster]`, checked. Without servers the node is alone.
pub(super) fn cluster(
    file: &File,
    limits: &LimitValues,
    (address, log): (String, Option<Arc<LogSettings>>),
) -> Result<Option<ClusterConfig>, ConfigError> {
    let Some(table) = file.table.cluster.as_ref().map(Spanned::get_ref) else {
        return Ok(None);
    };
    let settings = Settings {
        servers: servers(file, table)?,
        name: name(file, table)?,
        auth: auth(file, table)?,
        tls: tls(file, table)?,
        on_loss: on_loss(file, table)?,
        limits: bounds(limits),
        address,
        log,
    };
    let secret = table.secret.as_ref().map(|given| secret(file, "cluster.secret", given)).transpose()?;
    Ok(Some(ClusterConfig { settings, secret }))
}

fn bounds(limits: &LimitValues) -> Limits {
    let size = |value| usize::try_from(value).unwrap_or(usize::MAX);
    Limits {
        backlog_messages_max: size(limits.cluster_backlog_messages_max),
        backlog_bytes_max: size(limits.cluster_backlog_bytes_max),
        lease_ms: limits.cluster_lease_ms,
        answer_timeout_ms: limits.cluster_answer_timeout_ms,
    }
}

fn servers(file: &File, table: &ClusterTable) -> Result<Vec<String>, ConfigError> {
    let given = file.given("cluster.nats", &table.nats);
    if given.value.is_empty() {
        return Err(given.error("a cluster needs at least one NATS server, such as nats://127.0.0.1:4222"));
    }
    let known = |server: &&String| {
        !server.contains('@') && ["nats://", "tls://"].iter().any(|scheme| server.starts_with(scheme))
    };
    if !given.value.iter().all(|server| known(&server)) {
        // The server is not repeated, since a password may stand in it.
        return Err(given.error(
            "a server is nats://host:port or tls://host:port; what lets the node in stands in `user` and `password`, `token`, `nkey` or `credentials`",
        ));
    }
    Ok(given.value)
}

fn name(file: &File, table: &ClusterTable) -> Result<String, ConfigError> {
    let Some(name) = &table.name else {
        return Ok(NAME_DEFAULT.to_owned());
    };
    let given = file.given("cluster.name", name);
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let length = given.value.len();
    if length == 0 || length > NAME_LENGTH_MAX || !given.value.bytes().all(valid) {
        return Err(given.error(format!(
            "a name has 1 to {NAME_LENGTH_MAX} letters, digits, `-` and `_`, since it is a part of NATS subjects"
        )));
    }
    Ok(given.value)
}

fn auth(file: &File, table: &ClusterTable) -> Result<Auth, ConfigError> {
    let read = |name: &str, given: &Spanned<SecretTable>| {
        secret(file, &format!("cluster.{name}"), given).map(|secret| secret.expose().to_owned())
    };
    match (&table.user, &table.password, &table.token, &table.nkey, &table.credentials) {
        (None, None, None, None, None) => Ok(Auth::None),
        (Some(user), Some(password), None, None, None) => {
            Ok(Auth::Password(user.clone(), read("password", password)?))
        }
        (None, None, Some(token), None, None) => Ok(Auth::Token(read("token", token)?)),
        (None, None, None, Some(nkey), None) => Ok(Auth::Nkey(read("nkey", nkey)?)),
        (None, None, None, None, Some(text)) => Ok(Auth::Credentials(read("credentials", text)?)),
        _ => Err(file
            .given("cluster.nats", &table.nats)
            .error("one of `user` with `password`, `token`, `nkey` and `credentials` lets the node in")),
    }
}

fn tls(file: &File, table: &ClusterTable) -> Result<Tls, ConfigError> {
    let path = |name: &str, given: &Option<Spanned<PathBuf>>| {
        let given = given.as_ref().map(|path| file.given(&format!("cluster.{name}"), path));
        let readable = |path: &PathBuf| {
            std::fs::metadata(path)
                .map(|_| path.clone())
                .map_err(|error| format!("{}: {error}", path.display()))
        };
        given.map(|given| Ok(given.try_map(readable)?.value)).transpose()
    };
    let ca = path("tls_ca", &table.tls_ca)?;
    let certificate = path("tls_certificate", &table.tls_certificate)?;
    let client = match (certificate, path("tls_private_key", &table.tls_private_key)?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            return Err(file
                .given("cluster.nats", &table.nats)
                .error("`tls_certificate` and `tls_private_key` belong together"));
        }
    };
    Ok(Tls { ca, client })
}

fn on_loss(file: &File, table: &ClusterTable) -> Result<OnNatsLoss, ConfigError> {
    let Some(text) = &table.on_nats_loss else {
        return Ok(OnNatsLoss::default());
    };
    let given = file.given("cluster.on_nats_loss", text);
    match &*given.value {
        "wait" => Ok(OnNatsLoss::Wait),
        "serve" => Ok(OnNatsLoss::Serve),
        _ => Err(given.error(format!("`{}` is neither wait nor serve", given.value))),
    }
}
