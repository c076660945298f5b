//! Many shards as one service: how envelopes and commands reach the shards that they concern.
//!
//! Its nouns: [`memory`] joins the workers of one process. Each worker owns an [`memory::Exchange`]; REST and everything else that is
//! not a worker uses the [`memory::Router`].
//!
//! It must never know about sockets of clients, about HTTP, or about what is in an envelope.

pub mod memory;
