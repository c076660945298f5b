//! `protobuf.webpubsub.azure.v1` and `protobuf.reliable.webpubsub.azure.v1`: one message of `proto/webpubsub.proto` per binary
//! WebSocket message.

mod decode;
mod encode;
mod schema;

pub use decode::{DecodeError, decode, is_any};
pub use encode::SequencedMember;
pub(crate) use encode::{message, message_tail, notice, report, report_tail, write_head};
