use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use hubwire_auth::{AccessKey, AccessKeys, DEVELOPMENT_KEY};
use hubwire_cluster::memory::WORKERS_MAX;
use hubwire_gateway::HubSettings;
use hubwire_protocol::{HubName, JsonForm};
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::file::File;
use super::source::Given;
use super::{Config, Overrides, cluster, console, durability, entra, tls, upstream};
use crate::Endpoint;

/// Where the service listens if nobody says.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// The name, in the file, of the settings of every hub that is not named.
pub(super) const DEFAULT_HUB: &str = "_default";

pub(super) fn config(overrides: &Overrides, file: &File) -> Result<Config, ConfigError> {
    let listen = listen(overrides, file)?;
    let (hubs, default_hub) = hubs(file)?;
    let wrong = |name: &'static str, offset, problem| ConfigError {
        source: file.source_at(offset),
        setting: format!("limits.{name}"),
        problem,
    };
    let (endpoint, keys) = (endpoint(overrides, file)?, keys(overrides, file, &listen)?);
    let limits = file.table.limits.values(wrong)?;
    let upstream = upstream::settings(file, endpoint.as_ref(), &keys, &limits)?;
    let (presence, protobuf_json) = (upstream::presence(&upstream), protobuf_json(file)?);
    let hub_limits = limits.of_hubs();
    let log = durability::log(file, &limits, hub_limits, protobuf_json, presence.clone())?;
    let cluster = cluster::cluster(file, &keys, &limits, (listen.value.to_string(), log))?;
    Ok(Config {
        listen: listen.value,
        endpoint,
        workers: workers(overrides, file)?,
        data_directory: data_directory(overrides, file)?,
        metrics_listen: metrics_listen(file)?,
        console: console::config(file, listen.value, &keys)?,
        keys,
        cluster,
        protobuf_json,
        compression: file.table.compression,
        tls: tls::tls(file)?,
        entra: entra::entra(file)?,
        limits,
        hubs,
        default_hub,
        presence,
        upstream: Arc::new(upstream),
    })
}

/// A text setting: from a flag or its variable, else from the file.
fn text(
    overridden: Option<&String>,
    origin: &'static str,
    file: &File,
    setting: &str,
    in_file: Option<&Spanned<String>>,
) -> Option<Given<String>> {
    let overridden = overridden.map(|value| Given {
        value: value.clone(),
        setting: setting.to_owned(),
        source: Source::Override(origin),
    });
    overridden.or_else(|| in_file.map(|value| file.given(setting, value)))
}

fn address(given: &Given<String>) -> Result<Given<SocketAddr>, ConfigError> {
    given.try_map(|text| {
        text.parse().map_err(|_| {
            format!("`{text}` is not an IP address with a port, such as 127.0.0.1:8080 or [::1]:8080")
        })
    })
}

fn listen(overrides: &Overrides, file: &File) -> Result<Given<SocketAddr>, ConfigError> {
    let origin = "--listen or HUBWIRE_LISTEN";
    match text(overrides.listen.as_ref(), origin, file, "listen", file.table.listen.as_ref()) {
        Some(given) => address(&given),
        None => Ok(Given { value: LISTEN_DEFAULT, setting: "listen".to_owned(), source: Source::Default }),
    }
}

fn metrics_listen(file: &File) -> Result<Option<SocketAddr>, ConfigError> {
    let given = file.table.metrics.listen.as_ref().map(|value| file.given("metrics.listen", value));
    given.map(|given| Ok(address(&given)?.value)).transpose()
}

fn endpoint(overrides: &Overrides, file: &File) -> Result<Option<Endpoint>, ConfigError> {
    let origin = "--endpoint or HUBWIRE_ENDPOINT";
    let given = text(overrides.endpoint.as_ref(), origin, file, "endpoint", file.table.endpoint.as_ref());
    let parse = |text: &String| {
        Endpoint::parse(text)
            .ok_or(format!("`{text}` is not a base URL, such as https://realtime.example.com"))
    };
    given.map(|given| Ok(given.try_map(parse)?.value)).transpose()
}

fn keys(overrides: &Overrides, file: &File, listen: &Given<SocketAddr>) -> Result<AccessKeys, ConfigError> {
    let key = |text: &String| AccessKey::new(text.clone()).map_err(|error| error.to_string());
    let origin = "--access-key or HUBWIRE_ACCESS_KEY";
    let given =
        text(overrides.access_key.as_ref(), origin, file, "access_key", file.table.access_key.as_ref());
    let primary = given.unwrap_or_else(|| Given {
        value: DEVELOPMENT_KEY.to_owned(),
        setting: "access_key".to_owned(),
        source: Source::Default,
    });
    let origin = "--secondary-access-key or HUBWIRE_SECONDARY_ACCESS_KEY";
    let in_file = file.table.secondary_access_key.as_ref();
    let secondary =
        text(overrides.secondary_access_key.as_ref(), origin, file, "secondary_access_key", in_file);
    for given in [Some(&primary), secondary.as_ref()].into_iter().flatten() {
        if given.value == DEVELOPMENT_KEY && !listen.value.ip().is_loopback() {
            return Err(given.error(format!(
                "the public development key would let anyone in, since {} is not a loopback address (setting `listen`): \
                 set an access_key of your own (--access-key, HUBWIRE_ACCESS_KEY, or access_key in the file)",
                listen.value
            )));
        }
    }
    let secondary = secondary.map(|given| Ok(given.try_map(key)?.value)).transpose()?;
    Ok(AccessKeys { primary: primary.try_map(key)?.value, secondary })
}

fn workers(overrides: &Overrides, file: &File) -> Result<usize, ConfigError> {
    let given = overrides.workers.map(|value| Given {
        value: i64::try_from(value).unwrap_or(i64::MAX),
        setting: "workers".to_owned(),
        source: Source::Override("--workers or HUBWIRE_WORKERS"),
    });
    let given = given.or_else(|| file.table.workers.as_ref().map(|value| file.given("workers", value)));
    let read = |value: &i64| {
        let workers = usize::try_from(*value).ok().filter(|workers| *workers <= WORKERS_MAX);
        workers.ok_or(format!("{value} is not between 0 (one per core) and {WORKERS_MAX}"))
    };
    match given.map(|given| given.try_map(read)).transpose()? {
        Some(Given { value, .. }) if value > 0 => Ok(value),
        // The system may not say how many cores there are; one worker always works.
        _ => Ok(available_parallelism().map_or(1, usize::from).min(WORKERS_MAX)),
    }
}

fn data_directory(overrides: &Overrides, file: &File) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(path) = &overrides.data_directory {
        return Ok(Some(path.clone()));
    }
    let given = file.table.data_directory.as_ref().map(|value| file.given("data_directory", value));
    let named = |path: &PathBuf| {
        if path.as_os_str().is_empty() { Err("an empty name is no folder") } else { Ok(path.clone()) }
    };
    given.map(|given| Ok(given.try_map(named)?.value)).transpose()
}

fn protobuf_json(file: &File) -> Result<JsonForm, ConfigError> {
    let given = file.table.protobuf_json.as_ref().map(|value| file.given("protobuf_json", value));
    let read = |text: &String| match text.as_str() {
        "json" => Ok(JsonForm::Json),
        "text" => Ok(JsonForm::Text),
        _ => Err(format!("`{text}` is neither json nor text")),
    };
    given.map_or(Ok(JsonForm::default()), |given| Ok(given.try_map(read)?.value))
}

fn hubs(file: &File) -> Result<(HashMap<HubName, HubSettings>, HubSettings), ConfigError> {
    let mut hubs = HashMap::new();
    let mut default_hub = HubSettings::default();
    for (name, table) in &file.table.hubs {
        let settings = HubSettings { anonymous: table.anonymous };
        if name.get_ref() == DEFAULT_HUB {
            default_hub = settings;
            continue;
        }
        let given = file.given(&format!("hubs.{}", name.get_ref()), name);
        let hub = given.try_map(|name| HubName::parse(name).map_err(|error| error.to_string()))?;
        if hubs.insert(hub.value, settings).is_some() {
            return Err(given.error("the hub stands twice; names that differ only in case are the same hub"));
        }
    }
    Ok((hubs, default_hub))
}
