//! What the instruction-count benches work on: a shard with members, and the bytes that clients send.
//!
//! Its nouns: a [`Room`] is a shard with one group, whose members take everything that they are given.
//!
//! It must never know about sockets, clocks or wall-clock time: it prepares, and the benches count.

mod frames;
mod limit;
mod room;

pub use frames::{PAYLOAD, message, request, request_frame};
pub use limit::limit;
pub use room::{Room, crowd};
