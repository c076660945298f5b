//! `protobuf.webpubsub.azure.v1` and its reliable variant: one message of the published schema per binary frame.

mod decode;
mod encode;
mod schema;

pub(super) use decode::decode;
pub(super) use encode::encode;
