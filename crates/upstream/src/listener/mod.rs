//! Listeners: who is told copies of a hub's events, never answers, and never delays a client.

mod event_hubs;
mod http_batch;
mod nats;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hubwire_hub::{GroupEvents, Membership, Occurrence};
use hubwire_outbox::Failure;

pub use event_hubs::EventHubsTarget;
pub use http_batch::HttpTarget;
pub use nats::{NatsAuth, NatsTarget};

use crate::client::HttpClient;
use crate::dispatch::LISTENER_PREFIX;
use crate::{CloudEvent, EventPattern};

/// Who is told copies of a hub's events.
pub struct Listener {
    /// Its name, for logs.
    pub name: String,
    /// What the outbox calls it: unique among all listeners.
    pub destination: Arc<str>,
    /// The user events that it is told.
    pub user_events: EventPattern,
    /// It is told of new connections.
    pub connected: bool,
    /// It is told of connections that ended.
    pub disconnected: bool,
    /// The group events that it is told.
    pub group_events: GroupEvents,
    /// Where its events go.
    pub target: Box<dyn Target>,
}

/// Why an event did not reach a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// It did not arrive, and may later.
    Failed(Failure),
    /// It will never be taken.
    Refused(String),
}

/// What came of each event, in their order.
pub type Sent<'a> = Pin<Box<dyn Future<Output = Vec<Result<(), SendError>>> + 'a>>;

/// Where the events of a listener go.
///
/// Whoever implements it may connect when first needed, and connects again by itself. An event may be handed in again, with the same
/// connection and number, if it is not known whether it arrived.
pub trait Target: Send + Sync {
    /// Sends events of different connections, and waits until they are kept there.
    fn send<'a>(&'a self, client: &'a HttpClient, events: &'a [CloudEvent]) -> Sent<'a>;
}

impl Listener {
    /// What the outbox calls a listener of a hub's settings.
    pub fn destination(hub: &str, name: &str) -> Arc<str> {
        format!("{LISTENER_PREFIX}{hub} {name}").into()
    }

    /// Whether it is told of something that happened.
    pub fn hears(&self, occurrence: &Occurrence) -> bool {
        match occurrence {
            Occurrence::Connected => self.connected,
            Occurrence::Disconnected { .. } => self.disconnected,
            Occurrence::Joined(group) => self.group_events.wants(Membership::Joined, group),
            Occurrence::Left(group) => self.group_events.wants(Membership::Left, group),
            Occurrence::User { name, .. } => self.user_events.matches(name.as_str()),
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("name", &self.name).finish_non_exhaustive()
    }
}

impl SendError {
    /// The target did not hear of it.
    pub(crate) fn away(reason: impl Into<String>) -> Self {
        Self::Failed(Failure::Away(reason.into()))
    }

    /// The target did not take it, this time.
    pub(crate) fn not_now(reason: impl Into<String>) -> Self {
        Self::Failed(Failure::Refused(reason.into()))
    }
}

/// The same outcome for every event.
pub(crate) fn all(events: &[CloudEvent], outcome: Result<(), SendError>) -> Vec<Result<(), SendError>> {
    vec![outcome; events.len()]
}
