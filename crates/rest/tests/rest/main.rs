//! What callers of the data plane see, tested against a router that records what reaches it.

#![allow(clippy::unwrap_used, reason = "a test may panic where it finds what it does not expect")]

mod authorization;
mod bodies;
mod bulk;
mod cross_origin;
mod listing;
mod metadata;
mod metrics;
mod observer;
mod operations;
mod order;
mod paths;
mod permissions;
mod properties;
mod responses;
mod router;
mod sends;
mod service;
mod tokens;
mod versions;
mod watching;
