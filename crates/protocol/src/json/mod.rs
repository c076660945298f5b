//! `json.webpubsub.azure.v1` and `json.reliable.webpubsub.azure.v1`: one JSON object per WebSocket message.

mod decode;
mod depth;
mod encode;
mod fields;

pub use decode::{DecodeError, decode};
pub use depth::{DATA_DEPTH_MAX, DEPTH_MAX, is_deeper};
pub(crate) use encode::{message, message_tail, notice, report, report_tail, write_head};
