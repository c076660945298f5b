//! Letters between shards of different nodes, as protobuf messages. The rules of [`super::schema`] hold here as well.

use bytes::Bytes;
use prost::Message;

use super::schema::Entries;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StateItem {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) connection: Bytes,
    #[prost(string, optional, tag = "2")]
    pub(crate) user: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub(crate) state: Option<Entries>,
    #[prost(int64, tag = "4")]
    pub(crate) updated_at_ms: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestError {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

/// A letter; its kind tells its recipient.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Letter {
    #[prost(string, tag = "1")]
    pub(crate) hub: String,
    #[prost(string, tag = "2")]
    pub(crate) group: String,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) connection: Bytes,
    #[prost(message, repeated, tag = "4")]
    pub(crate) items: Vec<StateItem>,
    #[prost(bool, tag = "5")]
    pub(crate) answer: bool,
    #[prost(message, optional, tag = "6")]
    pub(crate) refused: Option<RequestError>,
    #[prost(enumeration = "LetterKind", tag = "7")]
    pub(crate) kind: i32,
    /// Which request for a snapshot it is, or answers; 0 from nodes that did not say so.
    #[prost(uint64, tag = "8")]
    pub(crate) round: u64,
    /// Since when the sender has the session whose state it tells, where it was another node's before.
    #[prost(uint64, tag = "9")]
    pub(crate) term: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum LetterKind {
    Unknown = 0,
    SetState = 1,
    ListStates = 2,
    StateSet = 3,
    States = 4,
    StateChanged = 5,
    Hold = 6,
    Release = 7,
}
