//! What a user sees of a shard: who gets what, in which order, and what becomes of those who cannot take it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod acknowledgements;
mod bounds;
mod fixture;
mod membership;
mod model;
mod recovery;
mod time_to_live;
