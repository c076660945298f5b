//! The nodes of a cluster, joined by NATS.
//!
//! Each worker owns an [`Exchange`], which joins it to the others of its process as in [`crate::memory`] and hands what others nodes should have
//! to one [`Service`]. That has a thread of its own, keeps a numbered link with each other node, and learns from all of them what they are
//! interested in. What comes from another node goes to the workers of this process only.

mod arrival;
mod backlog;
mod calls;
mod connection;
mod decode;
mod encode;
mod error;
mod exchange;
mod farewells;
mod handover;
mod homes;
mod inquiries;
mod interests;
mod jetstream;
mod ledger;
mod letter_schema;
mod link;
mod log_entry;
mod log_errands;
mod log_reader;
mod log_schema;
mod log_writer;
mod luggage;
mod membership;
mod mesh;
mod peer;
mod pieces;
mod refusal;
mod registry;
mod relay;
mod replay;
mod router;
mod schema;
mod service;
mod session_schema;
mod settings;
mod streams;
mod survey;
mod sweeping;
mod takeover;
#[cfg(test)]
mod tests;

pub use decode::DecodeError;
pub use error::Error;
pub use exchange::Exchange;
pub use inquiries::{Answered, Answering, Inquiries, Standing};
pub use membership::NODES_MAX;
pub use relay::{Relays, Resume, Resumption};
pub use router::Router;
pub use service::{HandedOver, Service};
pub use settings::{Auth, Limits, LogSettings, OnNatsLoss, Settings, Tls};
pub use survey::{NodeReport, survey};

use std::sync::Arc;

use backlog::Backlog;

use crate::hashing::Hashing;
use crate::memory::{self, InboxLimits, InterestTable};

/// A node that is about to take part in its cluster.
pub struct Node {
    /// An exchange for each worker, in order.
    pub exchanges: Vec<Exchange>,
    /// The way to all workers of all nodes.
    pub router: Arc<Router>,
    /// What has to run for the others to be reached.
    pub service: Service,
    /// The way for sockets to sessions on other nodes.
    pub relays: Arc<Relays>,
    /// The way to what people want to see of other nodes.
    pub inquiries: Arc<Inquiries>,
}

/// Ties so many shards together, and to those of other nodes once the service runs. `node` is a random number that no other process has: it
/// stands in every connection id that the node gives out.
///
/// # Panics
/// As [`memory::connect`].
pub fn connect(workers: usize, inbox_limits: InboxLimits, node: u32, settings: Settings) -> Node {
    let hashing = || Hashing::shared(&settings.name);
    let (exchanges, local) = memory::connect_by(workers, inbox_limits, hashing());
    let table = Arc::new(InterestTable::new(hashing()));
    let logged = settings.log.as_ref().map(|log| log.logged.clone()).unwrap_or_default();
    let (backlog, items) = Backlog::new(node, table, logged, settings.limits, settings.on_loss);
    let backlog = Arc::new(backlog);
    let relays = Arc::new(Relays::new(backlog.clone()));
    Node {
        exchanges: exchanges.into_iter().map(|local| Exchange::new(local, backlog.clone())).collect(),
        router: Arc::new(Router::new(local.clone(), backlog.clone())),
        relays: relays.clone(),
        inquiries: Arc::new(Inquiries::new(backlog.clone(), settings.clone())),
        service: Service { settings, backlog, local, items, relays, workers: workers as u32 },
    }
}
