use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use hubwire_gateway::Settings;
use hubwire_outbox::Outbox;
use hubwire_rest::{Identity, Options};

use crate::console_provider::ConsoleProvider;
use crate::cookie_keys::{ConsoleKeys, warn_of_lone_sign_ins};
use crate::identity::Callers;
use crate::{Config, ConfigError, Endpoint, Overrides};

/// What changes while the service runs, and how.
pub(crate) struct Reloadable {
    pub(crate) settings: Arc<ArcSwap<Settings>>,
    pub(crate) options: Arc<ArcSwap<Options>>,
    pub(crate) endpoint: Arc<ArcSwapOption<Endpoint>>,
    pub(crate) upstream: Arc<ArcSwap<hubwire_upstream::Settings>>,
    pub(crate) console: Arc<ArcSwap<hubwire_console::Settings>>,
    pub(crate) outbox: Arc<Outbox>,
    /// Where the service listens.
    address: SocketAddr,
    callers: Option<Arc<Callers>>,
    provider: Option<Arc<ConsoleProvider>>,
    /// What cookies of the console are sealed with that are for this process alone.
    process_key: [u8; 32],
    overrides: Overrides,
    /// What is in force.
    config: Config,
    generation: u64,
}

impl Reloadable {
    pub(crate) fn new(
        overrides: Overrides,
        config: Config,
        address: SocketAddr,
        outbox: Arc<Outbox>,
    ) -> Self {
        let callers = callers(&config, None);
        let process_key = rand::random();
        let (console, provider) = console(&config, address, process_key, None);
        warn_of_lone_sign_ins(&config);
        Self {
            settings: Arc::new(ArcSwap::from_pointee(settings(&config))),
            upstream: Arc::new(ArcSwap::new(config.upstream.clone())),
            options: Arc::new(ArcSwap::from_pointee(options(&config, 0, callers.clone()))),
            endpoint: Arc::new(ArcSwapOption::from_pointee(config.endpoint.clone())),
            console: Arc::new(ArcSwap::from_pointee(console)),
            outbox,
            address,
            callers,
            provider,
            process_key,
            overrides,
            config,
            generation: 0,
        }
    }

    /// Reads everything again and puts it in force, or leaves everything as it was.
    pub(crate) fn reload(&mut self) -> Result<(), ConfigError> {
        let config = Config::load(&self.overrides)?;
        for setting in fixed_changes(&self.config, &config) {
            tracing::warn!(setting, "a changed setting takes effect only after a restart");
        }
        self.generation += 1;
        self.settings.store(Arc::new(settings(&config)));
        self.callers = callers(&config, self.callers.take());
        self.options.store(Arc::new(options(&config, self.generation, self.callers.clone())));
        self.upstream.store(config.upstream.clone());
        let before = self.provider.take();
        let (console, provider) = console(&config, self.address, self.process_key, before);
        warn_of_lone_sign_ins(&config);
        self.provider = provider;
        self.console.store(Arc::new(console));
        self.outbox.set_limits(outbox_limits(&config));
        self.endpoint.store(config.endpoint.clone().map(Arc::new));
        self.config = config;
        Ok(())
    }

    /// How much memory the process may hold, if somebody has said so.
    pub(crate) fn memory_bytes_max(&self) -> Option<u64> {
        bound(self.config.limits.memory_bytes_max)
    }

    /// The files to watch: the configuration, and what it names of TLS and secrets.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let tls = self.config.tls.iter().flat_map(|tls| &tls.files);
        self.overrides.config.iter().chain(tls).chain(&self.config.secret_files).cloned().collect()
    }
}

pub(crate) fn lock(reloadable: &Mutex<Reloadable>) -> MutexGuard<'_, Reloadable> {
    // A reload that panicked has stored either all of its values or none that matter.
    reloadable.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The settings that differ, but cannot change while the service runs.
fn fixed_changes(old: &Config, new: &Config) -> impl Iterator<Item = &'static str> {
    let bounds = |config: &Config| {
        let limits = &config.limits;
        (
            limits.cluster_backlog_messages_max,
            limits.cluster_backlog_bytes_max,
            limits.cluster_lease_ms,
            limits.cluster_answer_timeout_ms,
            limits.cluster_log_age_max_s,
            limits.cluster_log_bytes_max,
            limits.cluster_log_replicas,
        )
    };
    let changes = [
        ("listen", old.listen != new.listen),
        ("tls", old.tls.is_some() != new.tls.is_some()),
        ("workers", old.workers != new.workers),
        ("data_directory", old.data_directory != new.data_directory),
        ("metrics.listen", old.metrics_listen != new.metrics_listen),
        ("cluster", old.cluster.as_ref().map(|it| it.fixed()) != new.cluster.as_ref().map(|it| it.fixed())),
        ("telemetry", old.telemetry != new.telemetry),
        (
            "hubs.….durability",
            old.cluster.as_ref().map(|it| it.logged()) != new.cluster.as_ref().map(|it| it.logged()),
        ),
        ("limits.cluster_…", bounds(old) != bounds(new)),
        ("limits.inbox_messages_max", old.limits.inbox_messages_max != new.limits.inbox_messages_max),
        ("limits.inbox_bytes_max", old.limits.inbox_bytes_max != new.limits.inbox_bytes_max),
    ];
    changes.into_iter().filter(|(_, changed)| *changed).map(|(setting, _)| setting)
}

fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A bound of which 0 means that there is none.
fn bound(value: u64) -> Option<u64> {
    Some(value).filter(|value| *value > 0)
}

fn public_endpoints(config: &Config) -> Vec<String> {
    config.endpoint.iter().map(|endpoint| endpoint.authority().to_owned()).collect()
}

fn settings(config: &Config) -> Settings {
    let limits = &config.limits;
    Settings {
        keys: config.keys.clone(),
        public_endpoints: public_endpoints(config),
        hubs: config.hubs.clone(),
        default_hub: config.default_hub.clone(),
        protobuf_json: config.protobuf_json,
        compression: config.compression,
        tls: config.tls.as_ref().map(|tls| tls.server.clone()),
        addresses: config.addresses.clone(),
        presence: config.presence.clone(),
        limits: hubwire_gateway::Limits {
            message_bytes_max: size(limits.message_bytes_max),
            connections_max: size(limits.connections_max),
            http_connections_max: size(limits.http_connections_max),
            connections_per_hub_max: bound(limits.connections_per_hub_max).map(size),
            connections_per_user_max: bound(limits.connections_per_user_max).map(size),
            connections_per_address_max: bound(limits.connections_per_address_max).map(size),
            http_connections_per_address_max: bound(limits.http_connections_per_address_max).map(size),
            handshakes_per_address_per_s_max: bound(limits.handshakes_per_address_per_s_max),
            frames_per_connection_per_s_max: bound(limits.frames_per_connection_per_s_max),
            bytes_per_connection_per_s_max: bound(limits.bytes_per_connection_per_s_max),
            frames_per_hub_per_s_max: bound(limits.frames_per_hub_per_s_max),
            worker_lag_max_ms: limits.worker_lag_max_ms,
            header_timeout_ms: limits.request_header_timeout_ms,
            header_bytes_max: size(limits.request_header_bytes_max),
            linger_timeout_ms: limits.linger_timeout_ms,
            linger_bytes_max: limits.linger_bytes_max,
            ping_interval_ms: limits.ping_interval_ms,
            drain_timeout_ms: limits.drain_timeout_ms,
        },
        hub_limits: limits.of_hubs(),
    }
}

/// The bounds of what waits for applications.
pub(crate) fn outbox_limits(config: &Config) -> hubwire_outbox::Limits {
    let limits = &config.limits;
    hubwire_outbox::Limits {
        entries_max: size(limits.event_outbox_entries_max),
        bytes_max: size(limits.event_outbox_bytes_max),
        dead_letters_max: size(limits.event_outbox_dead_letters_max),
        retention_ms: limits.event_outbox_retention_ms,
    }
}

type ConsoleParts = (hubwire_console::Settings, Option<Arc<ConsoleProvider>>);

/// What the console goes by, and where people sign in: the same place as before, if nothing has changed there.
fn console(
    config: &Config,
    address: SocketAddr,
    process_key: [u8; 32],
    before: Option<Arc<ConsoleProvider>>,
) -> ConsoleParts {
    let endpoint =
        config.endpoint.clone().unwrap_or_else(|| Endpoint::of_listener(address, config.tls.is_some()));
    let openid = config.console.openid.as_ref();
    let ConsoleKeys { of_tokens, of_people } = ConsoleKeys::new(config, process_key);
    let openid = openid.map(|openid| ConsoleProvider::openid(openid, &endpoint, of_people, before));
    let (openid, provider) = openid.unzip();
    let settings = hubwire_console::Settings {
        enabled: config.console.enabled,
        access: config.console.access.clone(),
        openid,
        payloads: config.console.payloads,
        recording: config.console.recording,
        keys: config.keys.clone(),
        cookie_keys: of_tokens,
        endpoint: endpoint.to_string(),
        development_key: config.is_development(),
    };
    (settings, provider)
}

/// Who tells callers by tokens of an issuer: the same as before, if nothing has changed there.
fn callers(config: &Config, before: Option<Arc<Callers>>) -> Option<Arc<Callers>> {
    let settings = &config.entra.as_ref()?.identity;
    before.filter(|before| before.goes_by(settings)).or_else(|| Some(Callers::new(settings.clone())))
}

fn options(config: &Config, generation: u64, callers: Option<Arc<Callers>>) -> Options {
    Options {
        keys_generation: generation,
        identity: callers.map(|callers| callers as Arc<dyn Identity>),
        access_keys_refused: config.entra.as_ref().is_some_and(|entra| entra.required),
        public_endpoints: public_endpoints(config),
        body_bytes_max: size(config.limits.request_body_bytes_max),
        body_timeout_ms: config.limits.request_body_timeout_ms,
        calls_per_hub_per_s_max: bound(config.limits.rest_calls_per_hub_per_s_max),
        ..Options::new(config.keys.clone())
    }
}
