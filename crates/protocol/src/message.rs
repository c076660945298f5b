use bytes::Bytes;

use crate::{GroupName, Metadata, StreamPosition, UserId};

/// The payload of a message, in the kind in which it entered the service.
///
/// Each kind of client sees it in its own way: see the conversion table of the subprotocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// UTF-8 text.
    Text(Bytes),
    /// One JSON document, byte for byte as its sender wrote it.
    Json(Bytes),
    /// Opaque bytes.
    Binary(Bytes),
    /// A serialised `google.protobuf.Any`.
    Protobuf(Bytes),
}

impl Data {
    /// The payload's bytes, without its kind.
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Text(bytes) | Self::Json(bytes) | Self::Binary(bytes) | Self::Protobuf(bytes) => bytes,
        }
    }
}

/// Whom a recipient sees as the origin of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// Published to a group, by a client or through REST (then without a user).
    Group {
        /// The group that was published to.
        group: GroupName,
        /// The publishing client's user.
        user: Option<UserId>,
    },
    /// Sent by the application to a hub, a user or a connection.
    Server,
}

/// A message as recipients of any protocol can be shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its origin.
    pub sender: Sender,
    /// Its payload.
    pub data: Data,
    /// Names and values that its sender attached; `None` differs from an empty map on the wire.
    pub metadata: Option<Metadata>,
    /// Where it stands in a stream, if it belongs to one.
    pub stream: Option<Box<StreamPosition>>,
}

impl Message {
    /// A message that belongs to no stream.
    pub fn new(sender: Sender, data: Data, metadata: Option<Metadata>) -> Self {
        Self { sender, data, metadata, stream: None }
    }
}
