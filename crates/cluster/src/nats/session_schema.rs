//! What a session is on its way between nodes, as protobuf messages. The rules of [`super::schema`] hold here as well.

use bytes::Bytes;
use prost::Message;

use super::schema::{Entries, StateItem};

/// One session of a node that stops, for its heir.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Luggage {
    /// No session any more: these were all.
    #[prost(bool, tag = "1")]
    pub(crate) last: bool,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) connection: Bytes,
    #[prost(string, tag = "3")]
    pub(crate) hub: String,
    #[prost(string, optional, tag = "4")]
    pub(crate) user: Option<String>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) permissions: Vec<PermissionRule>,
    #[prost(string, tag = "6")]
    pub(crate) subprotocol: String,
    #[prost(string, optional, tag = "7")]
    pub(crate) spelling: Option<String>,
    #[prost(string, tag = "8")]
    pub(crate) origin: String,
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub(crate) state: Option<Bytes>,
    #[prost(uint64, tag = "10")]
    pub(crate) events: u64,
    #[prost(string, repeated, tag = "11")]
    pub(crate) groups: Vec<String>,
    /// First and last id of each run behind one another.
    #[prost(uint64, repeated, tag = "12")]
    pub(crate) ack_ids: Vec<u64>,
    #[prost(uint64, tag = "13")]
    pub(crate) last_sequence_id: u64,
    #[prost(message, repeated, tag = "14")]
    pub(crate) unacknowledged: Vec<KeptMessage>,
    #[prost(message, repeated, tag = "15")]
    pub(crate) streams: Vec<OpenStream>,
    #[prost(message, repeated, tag = "16")]
    pub(crate) states: Vec<OwnState>,
    #[prost(string, repeated, tag = "17")]
    pub(crate) subscriptions: Vec<String>,
    #[prost(int64, tag = "18")]
    pub(crate) state_changed_ms: i64,
    /// With the last: the nodes whose publishes are all in the sessions.
    #[prost(fixed32, repeated, tag = "19")]
    pub(crate) complete: Vec<u32>,
    /// The position in the log that all this is valid at.
    #[prost(uint64, tag = "20")]
    pub(crate) position: u64,
    /// Sequence id and position of each message that is not acknowledged, behind one another.
    #[prost(uint64, repeated, tag = "21")]
    pub(crate) positions: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PermissionRule {
    #[prost(string, tag = "1")]
    pub(crate) permission: String,
    /// Neither a name nor a pattern: all groups.
    #[prost(string, optional, tag = "2")]
    pub(crate) group: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) pattern: Option<String>,
    #[prost(bool, tag = "4")]
    pub(crate) allowed: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeptMessage {
    #[prost(uint64, tag = "1")]
    pub(crate) sequence_id: u64,
    #[prost(enumeration = "HeadKind", tag = "2")]
    pub(crate) head: i32,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) data: Bytes,
    #[prost(uint64, optional, tag = "4")]
    pub(crate) left_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum HeadKind {
    None = 0,
    Json = 1,
    ProtobufData = 2,
    ProtobufUpdate = 3,
    ProtobufSnapshot = 4,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OpenStream {
    #[prost(string, tag = "1")]
    pub(crate) stream_id: String,
    #[prost(string, tag = "2")]
    pub(crate) group: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) metadata: Option<Entries>,
    #[prost(bool, tag = "4")]
    pub(crate) no_echo: bool,
    #[prost(uint32, tag = "5")]
    pub(crate) ttl_s: u32,
    #[prost(uint32, tag = "6")]
    pub(crate) idle_timeout_ms: u32,
    #[prost(uint64, tag = "7")]
    pub(crate) expected: u64,
    /// The position in the log that it was opened at.
    #[prost(uint64, tag = "8")]
    pub(crate) opened: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OwnState {
    #[prost(string, tag = "1")]
    pub(crate) group: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) item: Option<StateItem>,
}
