use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use http::Uri;
use hubwire_auth::{AccessKey, AccessKeys, DEVELOPMENT_KEY};
use hubwire_cluster::memory::WORKERS_MAX;
use hubwire_gateway::HubSettings;
use hubwire_protocol::{HubName, JsonForm};
use toml::Spanned;

use super::error::{ConfigError, Source};
use super::file::{File, SecretTable};
use super::secrets::secret;
use super::source::Given;
use super::{Config, Overrides, addresses, cluster, console, durability, entra, telemetry, tls, upstream};
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
    let cluster = cluster::cluster(file, &limits, (listen.value.to_string(), log))?;
    Ok(Config {
        listen: listen.value,
        endpoint,
        workers: workers(overrides, file)?,
        data_directory: data_directory(overrides, file)?,
        metrics_listen: metrics_listen(file)?,
        console: console::config(file, listen.value, &keys)?,
        keys,
        cluster,
        telemetry: telemetry::telemetry(file)?,
        protobuf_json,
        compression: file.table.compression,
        tls: tls::tls(file)?,
        entra: entra::entra(file)?,
        addresses: Arc::new(addresses::addresses(file)?),
        limits,
        hubs,
        default_hub,
        secret_files: file.secret_files.take(),
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
    let primary = access_key(
        ("access_key", "--access-key or HUBWIRE_ACCESS_KEY"),
        overrides.access_key.as_ref(),
        file,
        file.table.access_key.as_ref(),
    )?;
    let primary = primary.unwrap_or_else(|| Given {
        value: DEVELOPMENT_KEY.to_owned(),
        setting: "access_key".to_owned(),
        source: Source::Default,
    });
    let secondary = access_key(
        ("secondary_access_key", "--secondary-access-key or HUBWIRE_SECONDARY_ACCESS_KEY"),
        overrides.secondary_access_key.as_ref(),
        file,
        file.table.secondary_access_key.as_ref(),
    )?;
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

/// A key as it was given: by a flag or its variable, else in the file, which may name another file or a variable.
fn access_key(
    (setting, origin): (&'static str, &'static str),
    overridden: Option<&String>,
    file: &File,
    in_file: Option<&Spanned<SecretTable>>,
) -> Result<Option<Given<String>>, ConfigError> {
    if let Some(given) = text(overridden, origin, file, setting, None) {
        return Ok(Some(given));
    }
    let read = |given: &Spanned<SecretTable>| {
        let value = secret(file, setting, given)?.expose().to_owned();
        Ok(Given { value, setting: setting.to_owned(), source: file.source_at(given.span().start) })
    };
    in_file.map(read).transpose()
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

/// An origin as browsers name it (RFC 6454 §6.2): scheme, host, and a port that is not the scheme's own.
fn origin(file: &File, setting: &str, text: &Spanned<String>) -> Result<String, ConfigError> {
    let read = |text: &String| {
        let uri = text.parse::<Uri>().ok();
        let whole =
            uri.as_ref().and_then(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?)));
        whole.filter(|whole| whole.eq_ignore_ascii_case(text)).ok_or_else(|| {
            format!("`{text}` is not an origin, such as https://app.example.com or http://localhost:3000")
        })
    };
    Ok(file.given(setting, text).try_map(read)?.value)
}

fn hubs(file: &File) -> Result<(HashMap<HubName, HubSettings>, HubSettings), ConfigError> {
    let mut hubs = HashMap::new();
    let mut default_hub = HubSettings::default();
    for (name, table) in &file.table.hubs {
        let setting = format!("hubs.{}.allowed_origins", name.get_ref());
        let allowed_origins = table.allowed_origins.iter().map(|text| origin(file, &setting, text));
        let allowed_origins = allowed_origins.collect::<Result<_, _>>()?;
        let settings = HubSettings { anonymous: table.anonymous, allowed_origins };
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
