//! The client edge: accepts sockets, upgrades them, reads and writes their frames, and runs one hub shard per worker.
//!
//! Its nouns: a [`Worker`] is one thread's share of everything: a listener, a shard, the sockets of its connections. [`Settings`] may
//! change while it runs. A [`Fallback`] answers every request that is not a client's handshake. A [`Carrier`] takes sockets to sessions that are
//! elsewhere, and the [`Door`] lets such sockets in. [`Addresses`] say who may come in from where. Time and randomness come from the [`Environment`].
//!
//! It must never know about REST, about nodes, or about how envelopes cross to other workers: that is an exchange's concern.

mod arrival;
mod carrier;
mod entrance;
mod environment;
mod error;
mod handshake;
mod host;
mod http;
mod lingering;
mod listener;
mod log;
mod pacing;
mod reading;
mod settings;
mod socket;
mod stream;
mod timers;
mod tls;
mod worker;
mod writing;

pub use carrier::{Carrier, ClientStream, Comeback, Door};
pub use entrance::Addresses;
pub use environment::Environment;
pub use error::Error;
pub use http::{Body, Fallback};
pub use listener::bind;
pub use settings::{HubSettings, Limits, Settings};
pub use worker::{Parts, Shared, Surroundings, Worker};
