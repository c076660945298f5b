use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::limits::LimitsTable;
use super::source::Given;

/// The file as it was read: known settings only, each with its place.
#[derive(Default)]
pub(super) struct File {
    path: PathBuf,
    text: String,
    pub(super) table: Table,
    /// The files that secrets were read from.
    pub(super) secret_files: RefCell<Vec<PathBuf>>,
}

/// All settings that a file can have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Table {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) endpoint: Option<Spanned<String>>,
    pub(super) access_key: Option<Spanned<SecretTable>>,
    pub(super) secondary_access_key: Option<Spanned<SecretTable>>,
    pub(super) workers: Option<Spanned<i64>>,
    pub(super) data_directory: Option<Spanned<PathBuf>>,
    pub(super) protobuf_json: Option<Spanned<String>>,
    pub(super) compression: bool,
    pub(super) tls: TlsTable,
    pub(super) entra: EntraTable,
    pub(super) addresses: AddressesTable,
    pub(super) metrics: MetricsTable,
    pub(super) console: ConsoleTable,
    pub(super) upstream: UpstreamTable,
    pub(super) telemetry: Option<TelemetryTable>,
    pub(super) cluster: Option<Spanned<ClusterTable>>,
    pub(super) limits: LimitsTable,
    pub(super) hubs: BTreeMap<Spanned<String>, HubTable>,
}

/// The table `[addresses]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AddressesTable {
    pub(super) allow: Vec<Spanned<String>>,
    pub(super) deny: Vec<Spanned<String>>,
    pub(super) trusted_proxies: Vec<Spanned<String>>,
    pub(super) proxy_protocol: Option<Spanned<bool>>,
}

/// The table `[entra]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EntraTable {
    pub(super) issuer: Option<Spanned<String>>,
    pub(super) audience: Option<Spanned<String>>,
    pub(super) owners: Vec<Spanned<String>>,
    pub(super) readers: Vec<Spanned<String>>,
    pub(super) required: bool,
}

/// The table `[tls]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsTable {
    pub(super) certificate: Option<Spanned<PathBuf>>,
    pub(super) private_key: Option<Spanned<PathBuf>>,
    pub(super) client_ca: Option<Spanned<PathBuf>>,
    pub(super) require_client_certificate: bool,
}

/// The table `[metrics]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MetricsTable {
    pub(super) listen: Option<Spanned<String>>,
}

/// The table `[console]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConsoleTable {
    pub(super) enabled: Option<bool>,
    pub(super) operator_token: Option<Spanned<SecretTable>>,
    pub(super) viewer_token: Option<Spanned<SecretTable>>,
    pub(super) payloads: Option<Spanned<String>>,
    pub(super) recording: bool,
    pub(super) openid: Option<OpenIdTable>,
}

/// The table `[console.openid]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenIdTable {
    pub(super) issuer: Spanned<String>,
    pub(super) client_id: Spanned<String>,
    #[serde(default)]
    pub(super) client_secret: Option<Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) scopes: Option<Vec<String>>,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) operators: Vec<String>,
    #[serde(default)]
    pub(super) viewers: Vec<String>,
}

/// The table `[upstream]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct UpstreamTable {
    pub(super) origin: Option<Spanned<String>>,
    pub(super) allowed_hosts: Vec<Spanned<String>>,
    pub(super) forbid_private_addresses: bool,
    pub(super) trace_context: bool,
}

/// The table `[telemetry]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TelemetryTable {
    pub(super) endpoint: Spanned<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<Spanned<String>, Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) sampling_ratio: Option<Spanned<f64>>,
    #[serde(default)]
    pub(super) service_name: Option<String>,
}

/// The table `[cluster]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterTable {
    pub(super) nats: Spanned<Vec<String>>,
    #[serde(default)]
    pub(super) name: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) password: Option<Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) token: Option<Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) nkey: Option<Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) credentials: Option<Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) tls_ca: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) tls_certificate: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) tls_private_key: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) on_nats_loss: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) secret: Option<Spanned<SecretTable>>,
}

/// A table `[hubs.NAME]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HubTable {
    pub(super) anonymous: bool,
    pub(super) allowed_origins: Vec<Spanned<String>>,
    pub(super) durability: Option<Spanned<String>>,
    pub(super) event_handlers: Vec<HandlerTable>,
    pub(super) event_listeners: Vec<Spanned<ListenerTable>>,
}

/// A table `[[hubs.NAME.event_handlers]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HandlerTable {
    pub(super) url_template: Spanned<String>,
    #[serde(default)]
    pub(super) user_event_pattern: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) system_events: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) presence_events: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) presence_groups: Vec<Spanned<String>>,
    #[serde(default = "yes")]
    pub(super) validate: bool,
    #[serde(default)]
    pub(super) code: Option<Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) bearer_token: Option<Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) client_credentials: Option<Spanned<CredentialsTable>>,
    #[serde(default)]
    pub(super) headers: BTreeMap<Spanned<String>, Spanned<SecretTable>>,
}

/// A table `[[hubs.NAME.event_listeners]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListenerTable {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) user_event_pattern: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) system_events: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) presence_events: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) presence_groups: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) nats: Option<NatsTable>,
    #[serde(default)]
    pub(super) http: Option<HttpTable>,
    #[serde(default)]
    pub(super) event_hubs: Option<EventHubsTable>,
}

/// A table `nats` of an event listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NatsTable {
    pub(super) servers: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) subject: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) credentials: Option<Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) password: Option<Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) token: Option<Spanned<SecretTable>>,
}

/// A table `http` of an event listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpTable {
    pub(super) url: Spanned<String>,
    #[serde(default)]
    pub(super) bearer_token: Option<Spanned<SecretTable>>,
    #[serde(default)]
    pub(super) headers: BTreeMap<Spanned<String>, Spanned<SecretTable>>,
}

/// A table `event_hubs` of an event listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventHubsTable {
    pub(super) connection_string: Spanned<SecretTable>,
    #[serde(default)]
    pub(super) event_hub: Option<String>,
}

/// A table `client_credentials` of an event handler.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsTable {
    #[serde(default)]
    pub(super) issuer: Option<String>,
    #[serde(default)]
    pub(super) token_url: Option<String>,
    pub(super) client_id: String,
    pub(super) client_secret: Spanned<SecretTable>,
    #[serde(default)]
    pub(super) scope: Option<String>,
    #[serde(default)]
    pub(super) audience: Option<String>,
}

/// A secret: itself, or where it is to be read.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum SecretTable {
    /// The secret stands in the file itself.
    Here(String),
    /// It stands in another place.
    Elsewhere(SecretPlace),
}

/// Where a secret is to be read: exactly one of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretPlace {
    #[serde(default)]
    pub(super) file: Option<PathBuf>,
    #[serde(default)]
    pub(super) env: Option<String>,
}

impl std::fmt::Debug for SecretTable {
    /// Secrets stay out of whatever prints this.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretTable(redacted)")
    }
}

fn yes() -> bool {
    true
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let whole = |problem: String, line| ConfigError {
            source: Source::File(path.to_owned(), line),
            setting: String::new(),
            problem,
        };
        let text =
            std::fs::read_to_string(path).map_err(|error| whole(format!("cannot be read: {error}"), 0))?;
        let table = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(0, |span| line_at(&text, span.start));
            ConfigError { setting: setting_in(&text, line), ..whole(without_value(error.message()), line) }
        })?;
        Ok(Self { path: path.to_owned(), text, table, secret_files: RefCell::default() })
    }

    /// A value of the file, with its place.
    pub(super) fn given<T: Clone>(&self, setting: &str, value: &Spanned<T>) -> Given<T> {
        let source = self.source_at(value.span().start);
        Given { value: value.get_ref().clone(), setting: setting.to_owned(), source }
    }

    /// The line at a place in the text.
    pub(super) fn source_at(&self, offset: usize) -> Source {
        Source::File(self.path.clone(), line_at(&self.text, offset))
    }
}

/// The setting that a line sets, as it is written there; nothing for a line that sets none.
fn setting_in(text: &str, line: usize) -> String {
    let line = line.checked_sub(1).and_then(|index| text.lines().nth(index)).unwrap_or_default();
    line.split_once('=').map(|(setting, _)| setting.trim().to_owned()).unwrap_or_default()
}

/// The parser repeats a value of the wrong type. It could be a key, so only what was expected is passed on.
fn without_value(message: &str) -> String {
    match message.split_once(", expected ") {
        Some((start, expected)) if start.starts_with("invalid ") => {
            format!("wrong type or value, expected {expected}")
        }
        _ => message.to_owned(),
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}
