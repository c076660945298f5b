use std::collections::HashMap;
use std::sync::Arc;

use http::Uri;
use hubwire_auth::AccessKeys;
use hubwire_hub::{GroupEvents, Presence};
use hubwire_protocol::HubName;
use hubwire_upstream::{Egress, HubCalls, HubUpstream, Limits, Settings};

use super::check::DEFAULT_HUB;
use super::error::ConfigError;
use super::file::{File, HubTable};
use super::handlers::{Hosts, handler};
use super::limits::LimitValues;
use super::listeners::listeners;
use crate::Endpoint;

/// Whom events go to, as the file has it. The names of the hubs have been checked.
pub(super) fn settings(
    file: &File,
    endpoint: Option<&Endpoint>,
    keys: &AccessKeys,
    limits: &LimitValues,
) -> Result<Settings, ConfigError> {
    let mut hosts = Hosts::new(limits);
    let mut hubs = HashMap::new();
    let mut default_hub = Arc::new(HubUpstream::nobody());
    for (name, table) in &file.table.hubs {
        let upstream = Arc::new(hub(file, name.get_ref(), table, limits, &mut hosts)?);
        match HubName::parse(name.get_ref()) {
            Ok(hub) => {
                hubs.insert(hub, upstream);
            }
            Err(_) if name.get_ref() == DEFAULT_HUB => default_hub = upstream,
            Err(error) => return Err(file.given("hubs", name).error(error.to_string())),
        }
    }
    Ok(Settings {
        keys: keys.clone(),
        origin: origin(file, endpoint)?,
        trace_context: file.table.upstream.trace_context,
        hubs,
        default_hub,
        egress: Arc::new(egress(file)?),
        limits: Limits {
            call_timeout_ms: limits.upstream_call_timeout_ms,
            connect_timeout_ms: limits.upstream_connect_timeout_ms,
            validation_timeout_ms: limits.upstream_validation_timeout_ms,
            answer_bytes_max: usize::try_from(limits.upstream_answer_bytes_max).unwrap_or(usize::MAX),
        },
    })
}

/// The group events that some handler of some hub takes.
pub(super) fn presence(settings: &Settings) -> Option<Arc<Presence>> {
    let wanted = |hub: &HubUpstream| {
        let handlers = hub.handlers.iter().map(|handler| &handler.group_events);
        let events = handlers.chain(hub.listeners.iter().map(|listener| &listener.group_events)).cloned();
        events.filter(|events| events.joined || events.left).collect::<Vec<GroupEvents>>()
    };
    let hubs: HashMap<_, _> = settings.hubs.iter().map(|(name, hub)| (name.clone(), wanted(hub))).collect();
    let other_hubs = wanted(&settings.default_hub);
    let anybody = !other_hubs.is_empty() || hubs.values().any(|wanted| !wanted.is_empty());
    anybody.then(|| Arc::new(Presence { hubs, other_hubs }))
}

fn hub(
    file: &File,
    name: &str,
    table: &HubTable,
    limits: &LimitValues,
    hosts: &mut Hosts,
) -> Result<HubUpstream, ConfigError> {
    let handlers = table.event_handlers.iter().map(|table| Ok(Arc::new(handler(file, name, table, hosts)?)));
    let calls_max = usize::try_from(limits.upstream_calls_per_hub_max).unwrap_or(usize::MAX);
    Ok(HubUpstream {
        listeners: listeners(file, name, &table.event_listeners)?,
        handlers: handlers.collect::<Result<_, _>>()?,
        calls: HubCalls::new(calls_max),
    })
}

/// The host that handlers are told: as set, else the public endpoint's, else the one that each client asked for.
fn origin(file: &File, endpoint: Option<&Endpoint>) -> Result<Option<Arc<str>>, ConfigError> {
    if let Some(origin) = &file.table.upstream.origin {
        let given = file.given("upstream.origin", origin);
        let host = |text: &String| {
            let bare = !text.is_empty() && !text.contains(['/', ':', '@', '?', ' ']);
            bare.then(|| Arc::from(text.to_ascii_lowercase())).ok_or_else(|| {
                format!("`{text}` is not a host without scheme and port, such as realtime.example.com")
            })
        };
        return Ok(Some(given.try_map(host)?.value));
    }
    let host = endpoint.and_then(|endpoint| {
        let uri: Uri = endpoint.to_string().parse().ok()?;
        uri.host().map(str::to_owned)
    });
    Ok(host.map(Arc::from))
}

fn egress(file: &File) -> Result<Egress, ConfigError> {
    let table = &file.table.upstream;
    let mut allowed_hosts = Vec::with_capacity(table.allowed_hosts.len());
    for host in &table.allowed_hosts {
        let given = file.given("upstream.allowed_hosts", host);
        let lowered = host.get_ref().to_ascii_lowercase();
        if lowered.is_empty() || lowered.contains(['/', '@', '*', ' ']) {
            return Err(given.error(format!(
                "`{}` is not a host, such as app.example.com, or .example.com for all below it",
                given.value
            )));
        }
        allowed_hosts.push(lowered);
    }
    Ok(Egress { allowed_hosts, forbid_private: table.forbid_private_addresses })
}
