use bytes::Bytes;

use crate::websocket::compress_head;
use crate::{GroupStateReport, Message, Notice, json, protobuf};

/// A subprotocol that the service itself speaks; a client without one of these is a simple client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subprotocol {
    /// `json.webpubsub.azure.v1`: delivered at most once.
    Json,
    /// `json.reliable.webpubsub.azure.v1`: numbered, acknowledged and recoverable.
    JsonReliable,
    /// `protobuf.webpubsub.azure.v1`: delivered at most once.
    Protobuf,
    /// `protobuf.reliable.webpubsub.azure.v1`: numbered, acknowledged and recoverable.
    ProtobufReliable,
}

/// How a JSON payload reaches a protobuf client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum JsonForm {
    /// As `json_data`, the member that the newest published schema has for it.
    #[default]
    Json,
    /// As `text_data`, for clients made from an older schema: they would see an empty payload in place of the other.
    Text,
}

/// What stands in front of the shared part of a numbered frame. Its bytes are the recipient's own, since they hold the sequence id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Head {
    /// Nothing: the frame is whole, and has no number.
    None,
    /// The opening of a JSON object.
    Json,
    /// The opening of a protobuf message: its number among the members of `DownstreamMessage`, and that of its sequence id.
    Protobuf(protobuf::SequencedMember),
}

impl Subprotocol {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Json, Self::JsonReliable, Self::Protobuf, Self::ProtobufReliable];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json.webpubsub.azure.v1",
            Self::JsonReliable => "json.reliable.webpubsub.azure.v1",
            Self::Protobuf => "protobuf.webpubsub.azure.v1",
            Self::ProtobufReliable => "protobuf.reliable.webpubsub.azure.v1",
        }
    }

    /// Finds the subprotocol that a client offered; spelling may differ in case.
    pub fn from_offer(offer: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(offer))
    }

    /// Whether a session of this subprotocol outlives its socket.
    pub fn is_reliable(self) -> bool {
        matches!(self, Self::JsonReliable | Self::ProtobufReliable)
    }

    /// The same without sequence ids.
    pub fn unnumbered(self) -> Self {
        match self {
            Self::Json | Self::JsonReliable => Self::Json,
            Self::Protobuf | Self::ProtobufReliable => Self::Protobuf,
        }
    }

    /// Whether its messages are protobuf in binary frames; JSON in text frames otherwise.
    pub fn is_protobuf(self) -> bool {
        matches!(self, Self::Protobuf | Self::ProtobufReliable)
    }

    /// A notice as a frame.
    pub fn notice(self, notice: &Notice<'_>) -> Bytes {
        if self.is_protobuf() { protobuf::notice(notice) } else { json::notice(notice) }
    }

    /// What stands in front of the shared part of a numbered message.
    pub fn message_head(self) -> Head {
        if self.is_protobuf() { Head::Protobuf(protobuf::SequencedMember::Data) } else { Head::Json }
    }

    /// What stands in front of the shared part of a numbered report on group states.
    pub fn report_head(self, report: &GroupStateReport) -> Head {
        if self.is_protobuf() {
            Head::Protobuf(protobuf::SequencedMember::of(report.scope))
        } else {
            Head::Json
        }
    }

    /// A message: as a whole frame where the subprotocol is not reliable, as the shared part behind a [`Head`] where it is.
    pub fn message(self, message: &Message, json_form: JsonForm) -> Bytes {
        match self {
            Self::Json => json::message(message),
            Self::JsonReliable => json::message_tail(message),
            Self::Protobuf => protobuf::message(message, json_form),
            Self::ProtobufReliable => protobuf::message_tail(message, json_form),
        }
    }

    /// A report on group states, in the same two forms.
    pub fn report(self, report: &GroupStateReport) -> Bytes {
        match self {
            Self::Json => json::report(report),
            Self::JsonReliable => json::report_tail(report),
            Self::Protobuf => protobuf::report(report),
            Self::ProtobufReliable => protobuf::report_tail(report),
        }
    }
}

impl Head {
    /// Appends one recipient's head of a frame whose shared part has `tail_bytes` bytes.
    pub fn write(self, out: &mut Vec<u8>, sequence_id: u64, tail_bytes: usize) {
        match self {
            Self::None => {}
            Self::Json => json::write_head(out, sequence_id, tail_bytes),
            Self::Protobuf(member) => protobuf::write_head(out, member, sequence_id, tail_bytes),
        }
    }

    /// Appends one recipient's head of a frame whose shared part is compressed: it had `plain_bytes` bytes, and has `tail_bytes` now.
    pub fn write_compressed(
        self,
        out: &mut Vec<u8>,
        sequence_id: u64,
        plain_bytes: usize,
        tail_bytes: usize,
    ) {
        let start = out.len();
        self.write(out, sequence_id, plain_bytes);
        compress_head(out, start, tail_bytes);
    }
}
