//! Many shards as one service: how envelopes and commands reach the shards that they concern.
//!
//! Its nouns: [`memory`] joins the workers of one process. Each worker owns an [`memory::Exchange`]; REST and everything else that is
//! not a worker uses the [`memory::Router`]. [`nats`] joins the nodes of a cluster in the same two forms, on top of that.
//!
//! It must never know about HTTP, about what clients say, or about what is in a payload.

mod hashing;
pub mod memory;
pub mod nats;
