//! From messages to frames and back.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use super::{ClientMessage, ServiceMessage, json, protobuf};

/// One WebSocket message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message. The bytes are UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
}

impl Frame {
    /// The message's bytes.
    pub fn as_bytes(&self) -> &Bytes {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes,
        }
    }
}

/// A frame of the service that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub String);

/// How a subprotocol writes and reads messages.
pub trait Codec: fmt::Debug + Send + Sync {
    /// The subprotocol's name, which is offered in the handshake.
    fn name(&self) -> &str;

    /// Whether messages are numbered, so that a session can be recovered.
    fn is_reliable(&self) -> bool;

    /// Writes a message.
    fn encode(&self, message: &ClientMessage) -> Frame;

    /// Reads a frame. What is well formed but not known is [`ServiceMessage::Unrecognized`], not an error.
    ///
    /// # Errors
    /// The frame breaks the protocol.
    fn decode(&self, frame: &Frame) -> Result<ServiceMessage, DecodeError>;
}

/// The four subprotocols of the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `json.webpubsub.azure.v1`: JSON, at most once.
    Json,
    /// `json.reliable.webpubsub.azure.v1`: JSON, with recovery. The default.
    #[default]
    JsonReliable,
    /// `protobuf.webpubsub.azure.v1`: Protocol Buffers, at most once. Does not tell who sent a group message.
    Protobuf,
    /// `protobuf.reliable.webpubsub.azure.v1`: Protocol Buffers, with recovery. Does not tell who sent a group message.
    ProtobufReliable,
}

impl Protocol {
    /// As a codec, to encode and decode without a client.
    pub fn codec(self) -> Arc<dyn Codec> {
        Arc::new(self)
    }
}

impl Codec for Protocol {
    fn name(&self) -> &str {
        match self {
            Self::Json => "json.webpubsub.azure.v1",
            Self::JsonReliable => "json.reliable.webpubsub.azure.v1",
            Self::Protobuf => "protobuf.webpubsub.azure.v1",
            Self::ProtobufReliable => "protobuf.reliable.webpubsub.azure.v1",
        }
    }

    fn is_reliable(&self) -> bool {
        matches!(self, Self::JsonReliable | Self::ProtobufReliable)
    }

    fn encode(&self, message: &ClientMessage) -> Frame {
        match self {
            Self::Json | Self::JsonReliable => Frame::Text(json::encode(message)),
            Self::Protobuf | Self::ProtobufReliable => Frame::Binary(protobuf::encode(message)),
        }
    }

    fn decode(&self, frame: &Frame) -> Result<ServiceMessage, DecodeError> {
        match (self, frame) {
            (Self::Json | Self::JsonReliable, Frame::Text(text)) => json::decode(text),
            (Self::Protobuf | Self::ProtobufReliable, Frame::Binary(bytes)) => {
                protobuf::decode(bytes.clone())
            }
            (_, Frame::Text(_)) => Err(DecodeError("the protobuf protocols have no text frames".to_owned())),
            (_, Frame::Binary(_)) => Err(DecodeError("the JSON protocols have no binary frames".to_owned())),
        }
    }
}
