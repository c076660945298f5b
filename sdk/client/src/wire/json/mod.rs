//! `json.webpubsub.azure.v1` and its reliable variant: one JSON object per text frame.

mod decode;
mod encode;

pub(super) use decode::decode;
pub(super) use encode::encode;
