//! What a user sees of a shard: who gets what, in which order, and what becomes of those who cannot take it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod acknowledgements;
mod backpressure;
mod bounds;
mod causes;
mod compression;
mod events;
mod explanations;
mod fixture;
mod invocations;
mod log;
mod logged_states;
mod logged_streams;
mod membership;
mod model;
mod nodes;
mod recovery;
mod states;
mod streams;
mod time_to_live;
mod views;
