//! Which hubs outlive the death of a node, and how.

use std::collections::HashMap;
use std::sync::Arc;

use hubwire_cluster::nats::LogSettings;
use hubwire_hub::{Logged, Presence};
use hubwire_protocol::{HubName, JsonForm};

use super::check::DEFAULT_HUB;
use super::error::ConfigError;
use super::file::File;
use super::limits::LimitValues;

/// How often a node records what has changed of its sessions, in milliseconds: so much of the log is read again at most when it dies.
const CHECKPOINT_INTERVAL_MS: u64 = 1_000;

/// The hubs with `durability = "cluster"`. Only nodes of a cluster can have some.
pub(super) fn logged(file: &File) -> Result<Logged, ConfigError> {
    let mut logged = Logged { hubs: HashMap::new(), others: false };
    for (name, table) in &file.table.hubs {
        let cluster = match &table.durability {
            None => false,
            Some(durability) => {
                let setting = format!("hubs.{}.durability", name.get_ref());
                let given = file.given(&setting, durability);
                match &*given.value {
                    "node" => false,
                    "cluster" if file.table.cluster.is_some() => true,
                    "cluster" => {
                        return Err(given.error(
                            "what is to outlive a node needs other nodes: a table [cluster] with `nats`, whose servers have JetStream",
                        ));
                    }
                    other => return Err(given.error(format!("`{other}` is neither node nor cluster"))),
                }
            }
        };
        if name.get_ref() == DEFAULT_HUB {
            logged.others = cluster;
        } else if let Ok(hub) = HubName::parse(name.get_ref()) {
            logged.hubs.insert(hub, cluster);
        }
    }
    Ok(logged)
}

/// The log of such hubs; nothing if there are none.
pub(super) fn log(
    file: &File,
    limits: &LimitValues,
    hub_limits: Arc<hubwire_hub::Limits>,
    json_form: JsonForm,
    presence: Option<Arc<Presence>>,
) -> Result<Option<Arc<LogSettings>>, ConfigError> {
    let logged = logged(file)?;
    if !logged.any() {
        return Ok(None);
    }
    let lease_ms = limits.cluster_lease_ms;
    let needed_ms = limits.recovery_window_ms + 2 * lease_ms;
    if limits.cluster_log_age_max_s * 1000 < needed_ms {
        return Err(ConfigError {
            source: super::error::Source::Default,
            setting: "limits.cluster_log_age_max_s".to_owned(),
            problem: format!(
                "the log has to be kept for longer than sessions may be away and nodes may be silent: at least {} seconds with these limits",
                needed_ms.div_ceil(1000)
            ),
        });
    }
    Ok(Some(Arc::new(LogSettings {
        logged: Arc::new(logged),
        age_max_s: limits.cluster_log_age_max_s,
        bytes_max: limits.cluster_log_bytes_max,
        replicas: usize::try_from(limits.cluster_log_replicas).unwrap_or(1),
        checkpoint_interval_ms: CHECKPOINT_INTERVAL_MS.min(lease_ms / 4),
        sweep_interval_ms: lease_ms,
        stale_ms: lease_ms / 2,
        hub_limits,
        json_form,
        presence,
    })))
}
