//! Events to applications: CloudEvents over HTTP to the handlers of a hub, and copies of them to its listeners.
//!
//! Its nouns: a [`Handler`] is told and asked; a [`CloudEvent`] is one event, complete and on its own; a call takes it to a handler, after the
//! handler's *validation*; what nobody waits for goes through the *outbox*. [`Upstream`] joins them, and [`WorkerApplication`] is what a worker's
//! shard sees of it.
//!
//! It must never know about sockets of clients, REST, or the state of hubs: it is handed events, and hands back answers.

mod answer;
mod application;
mod attempts;
mod call;
mod client;
mod cloud_event;
mod connect;
mod cookies;
mod credentials;
mod dispatch;
mod doctor;
mod egress;
mod environment;
mod error;
mod event_pattern;
mod fair;
mod hub_calls;
mod listener;
mod secret;
mod settings;
mod signature;
mod template;
mod timestamp;
mod upstream;
mod validation;

pub use application::WorkerApplication;
pub use client::{HttpClient, OperatorClient, fetch};
pub use cloud_event::{CloudEvent, Content, Kind, MetadataEntry};
pub use credentials::{ClientCredentials, TokenSource};
pub use doctor::{Doctor, Step};
pub use egress::{Egress, EgressError};
pub use environment::Environment;
pub use error::CallError;
pub use event_pattern::EventPattern;
pub use hub_calls::HubCalls;
pub use listener::{EventHubsTarget, HttpTarget, Listener, NatsAuth, NatsTarget, SendError, Sent, Target};
pub use secret::Secret;
pub use settings::{Handler, HandlerAuth, HubUpstream, Limits, Settings, SystemEvents};
pub use template::{UrlTemplate, UrlTemplateError};
pub use upstream::Upstream;
