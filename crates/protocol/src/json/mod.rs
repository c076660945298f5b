//! `json.webpubsub.azure.v1` and `json.reliable.webpubsub.azure.v1`: one JSON object per WebSocket message.

mod decode;
mod depth;
mod encode;
mod fields;

pub use decode::{DecodeError, decode};
pub use depth::{DATA_DEPTH_MAX, DEPTH_MAX, is_deeper};
pub use encode::{ack, connected, disconnected, message, pong, sequenced_head, sequenced_tail};
