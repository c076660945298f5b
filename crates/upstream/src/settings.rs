use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use hubwire_auth::AccessKeys;
use hubwire_hub::{GroupEvents, Membership, Occurrence};
use hubwire_protocol::HubName;
use tokio::sync::Semaphore;

use crate::credentials::ClientCredentials;
use crate::egress::Egress;
use crate::hub_calls::HubCalls;
use crate::{EventPattern, Kind, Listener, Secret, UrlTemplate};

/// Whom events go to, and how. A new value takes effect for the next event; one on its way keeps what it began with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The keys that events are signed with.
    pub keys: AccessKeys,
    /// The host that handlers are told, in place of the one that the client asked for.
    pub origin: Option<Arc<str>>,
    /// Whether handlers are told which trace a call belongs to (W3C Trace Context).
    pub trace_context: bool,
    /// Settings of single hubs.
    pub hubs: HashMap<HubName, Arc<HubUpstream>>,
    /// Settings of every hub that is not in `hubs`.
    pub default_hub: Arc<HubUpstream>,
    /// Where calls may go.
    pub egress: Arc<Egress>,
    /// Bounds.
    pub limits: Limits,
}

/// Whom the events of one hub go to.
#[derive(Debug)]
pub struct HubUpstream {
    /// The handlers; the first that takes an event gets it.
    pub handlers: Vec<Arc<Handler>>,
    /// The listeners; each that an event is for is told.
    pub listeners: Vec<Arc<Listener>>,
    /// Calls that each hub has under way at a time; more wait.
    pub calls: HubCalls,
}

/// An application's end of a hub: an HTTP server that is told and asked.
#[derive(Debug)]
pub struct Handler {
    /// Its URL.
    pub template: UrlTemplate,
    /// The user events that it takes.
    pub user_events: EventPattern,
    /// The system events that it takes.
    pub system_events: SystemEvents,
    /// The group events that it takes.
    pub group_events: GroupEvents,
    /// What lets the service in.
    pub auth: HandlerAuth,
    /// Headers that every call carries.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether it must allow the service before it is called.
    pub validate: bool,
    /// What the outbox calls it: its URL, without what may be secret in it.
    pub destination: Arc<str>,
    /// Calls to its host that are under way at a time, whatever the hub; more wait.
    pub host_calls: Arc<Semaphore>,
}

/// System events that a handler takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SystemEvents {
    /// It decides who connects.
    pub connect: bool,
    /// It is told of new connections.
    pub connected: bool,
    /// It is told of connections that ended.
    pub disconnected: bool,
}

/// What lets the service in at a handler.
#[derive(Debug, Clone, Default)]
pub enum HandlerAuth {
    /// Nothing, or a code in the URL.
    #[default]
    None,
    /// A token that never changes.
    Bearer(Secret),
    /// Tokens of an OpenID Connect issuer.
    ClientCredentials(Arc<ClientCredentials>),
}

/// The bounds of calls to handlers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a call may take, all attempts, waits and the reading of the answer included, in milliseconds. Then it has failed.
    pub call_timeout_ms: u64,
    /// How long a connection to a host may take to be made, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long a validation may take, in milliseconds.
    pub validation_timeout_ms: u64,
    /// The largest body of an answer, in bytes. A larger one makes the call fail.
    pub answer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_timeout_ms: 100_000,
            connect_timeout_ms: 10_000,
            validation_timeout_ms: 10_000,
            answer_bytes_max: 16 << 20,
        }
    }
}

impl Settings {
    /// Whether anybody takes events that nobody waits for.
    pub fn tells_anybody(&self) -> bool {
        let tells = |handler: &Arc<Handler>| {
            let (system, group) = (handler.system_events, &handler.group_events);
            system.connected || system.disconnected || group.joined || group.left
        };
        let hears = |hub: &Arc<HubUpstream>| hub.handlers.iter().any(tells) || !hub.listeners.is_empty();
        self.hubs.values().chain([&self.default_hub]).any(hears)
    }

    /// The settings of a hub.
    pub fn hub(&self, name: &HubName) -> &Arc<HubUpstream> {
        self.hubs.get(name).unwrap_or(&self.default_hub)
    }
}

impl Handler {
    /// What it is called in logs: its URL, without what may be secret in it.
    pub fn name(&self) -> &str {
        self.template.shown()
    }

    /// Whether it takes an event of a kind and name, of any group.
    pub(crate) fn takes_event(&self, kind: Kind, name: &str) -> bool {
        match (kind, name) {
            (Kind::System, "connected") => self.system_events.connected,
            (Kind::System, "disconnected") => self.system_events.disconnected,
            (Kind::Group, "joined") => self.group_events.joined,
            (Kind::Group, "left") => self.group_events.left,
            _ => false,
        }
    }

    /// Whether it takes something that happened.
    pub fn takes(&self, occurrence: &Occurrence) -> bool {
        match occurrence {
            Occurrence::Connected => self.system_events.connected,
            Occurrence::Disconnected { .. } => self.system_events.disconnected,
            Occurrence::Joined(group) => self.group_events.wants(Membership::Joined, group),
            Occurrence::Left(group) => self.group_events.wants(Membership::Left, group),
            Occurrence::User { name, .. } => self.user_events.matches(name.as_str()),
        }
    }
}

impl HubUpstream {
    /// Nobody.
    pub fn nobody() -> Self {
        Self { handlers: Vec::new(), listeners: Vec::new(), calls: HubCalls::new(0) }
    }

    /// The first handler that takes something that happened.
    pub fn handler(&self, occurrence: &Occurrence) -> Option<&Arc<Handler>> {
        self.handlers.iter().find(|handler| handler.takes(occurrence))
    }
}
