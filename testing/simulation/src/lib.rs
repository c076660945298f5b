//! A whole node in one deterministic process: shards, the links between them, sockets and clients, all driven by one seed.
//!
//! Its nouns: a `World` holds everything; a `Worker` is a shard with its sockets, as the gateway runs it; the `Router` carries envelopes
//! and commands with random delays; a `Wire` is a socket that can be cut at any byte; a `Client` behaves like an official one; the
//! `Application` publishes and manages, and its `Handler` answers user events; the `Model` says what must come of it all, and a
//! [`Violation`] is where that did not happen.
//!
//! It must never know about real sockets, real time or threads: the same seed always takes the same course.

mod application;
mod around;
mod client;
mod conduct;
mod counts;
mod dialect;
mod frame;
mod handler;
mod judge;
mod mirror;
mod model;
mod payload;
mod pipe;
mod plan;
mod router;
mod server_socket;
mod session;
mod violation;
mod wire;
mod worker;
mod world;

pub use violation::Violation;
pub use world::{Report, run};
