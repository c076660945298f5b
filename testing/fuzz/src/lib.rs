//! What must hold for any input: each function takes bytes and panics where the code does not keep its promise.
//!
//! Its nouns: the targets [`websocket`], [`json`], [`protobuf`], [`filter`], [`token`], [`shard`] and [`shards`], and [`TARGETS`], all of them by name.
//!
//! It must never know how inputs are found: libFuzzer makes them, or the tests do.

mod delivery;
mod filter;
mod json;
mod lives;
mod protobuf;
mod shard;
mod shards;
mod target;
mod token;
mod websocket;

pub use filter::filter;
pub use json::json;
pub use protobuf::protobuf;
pub use shard::shard;
pub use shards::shards;
pub use target::{TARGETS, Target};
pub use token::token;
pub use websocket::websocket;
