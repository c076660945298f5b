//! What stands in the log and in the registry, as protobuf messages. The rules of [`super::schema`] hold here as well.

use bytes::Bytes;
use prost::Message;

use super::schema::{Command, Entries, Envelope, Luggage, OwnState};

/// One entry of the log: an envelope, a command, the beginning of a stream, something about group states, or none of them.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LogEntry {
    #[prost(string, tag = "1")]
    pub(crate) hub: String,
    /// The connection of the client whose request it is.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub(crate) author: Option<Bytes>,
    #[prost(uint64, optional, tag = "3")]
    pub(crate) ack_id: Option<u64>,
    #[prost(message, optional, tag = "4")]
    pub(crate) envelope: Option<Envelope>,
    #[prost(message, optional, tag = "5")]
    pub(crate) command: Option<Command>,
    /// The node that waits for what comes of the command, by the ticket in it; 0 if none does.
    #[prost(fixed32, tag = "6")]
    pub(crate) asker: u32,
    /// Of a part of a stream: the position that it was opened at; 0 of its beginning.
    #[prost(uint64, optional, tag = "7")]
    pub(crate) stream: Option<u64>,
    #[prost(message, optional, tag = "8")]
    pub(crate) open_stream: Option<StreamStart>,
    /// The author's state in a group.
    #[prost(message, optional, tag = "9")]
    pub(crate) state: Option<OwnState>,
    /// The group whose states the author is told from now on.
    #[prost(string, optional, tag = "10")]
    pub(crate) subscribe_states: Option<String>,
    /// The group whose states it is told no longer.
    #[prost(string, optional, tag = "11")]
    pub(crate) unsubscribe_states: Option<String>,
}

/// The beginning of a stream.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamStart {
    #[prost(string, tag = "1")]
    pub(crate) stream_id: String,
    #[prost(uint32, optional, tag = "2")]
    pub(crate) idle_timeout_ms: Option<u32>,
    #[prost(string, tag = "3")]
    pub(crate) group: String,
    #[prost(message, optional, tag = "4")]
    pub(crate) metadata: Option<Entries>,
    #[prost(bool, tag = "5")]
    pub(crate) no_echo: bool,
    #[prost(uint32, tag = "6")]
    pub(crate) ttl_s: u32,
}

/// What stands in the log of an entry that is too large for one message. Its tags are not those of [`LogEntry`], so that either is known by
/// what is in it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LogPiece {
    /// A piece, which means nothing by itself.
    #[prost(bytes = "bytes", tag = "101")]
    pub(crate) piece: Bytes,
    /// The positions of the pieces that are an entry, one behind the other.
    #[prost(uint64, repeated, tag = "102")]
    pub(crate) pieces: Vec<u64>,
}

/// What the registry keeps of a session, or of a plain publisher of streams: which of them it is its subprotocol says.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionRecord {
    /// The node that has it.
    #[prost(fixed32, tag = "1")]
    pub(crate) owner: u32,
    /// What it is, without what stands in the log.
    #[prost(message, optional, tag = "2")]
    pub(crate) session: Option<Luggage>,
    /// Why it has ended: its application may still have to be told.
    #[prost(string, optional, tag = "3")]
    pub(crate) ended: Option<String>,
    /// What it leaves to be appended: entries of the log.
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub(crate) farewells: Vec<Bytes>,
    /// Its application is told of its end without this: it was a plain publisher.
    #[prost(bool, tag = "5")]
    pub(crate) is_told: bool,
}

/// What the registry keeps of a node. It is written again and again; who has something else there in between has taken the node's sessions.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct NodeRecord {
    /// Whatever sessions of the node have not been recorded behind this position of the log has not changed up to it.
    #[prost(uint64, tag = "1")]
    pub(crate) position: u64,
    /// The node that takes its sessions, since it is dead.
    #[prost(fixed32, optional, tag = "2")]
    pub(crate) heir: Option<u32>,
}

/// The sender has the sessions of hubs with a log whose connections some nodes have begun.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Keeper {
    #[prost(fixed32, repeated, tag = "1")]
    pub(crate) nodes: Vec<u32>,
    /// The revision of its latest claim: greater than that of whoever had them before.
    #[prost(uint64, tag = "2")]
    pub(crate) term: u64,
}
