//! What nodes send each other, as protobuf messages. Written by hand, so that no build needs a compiler for it.
//!
//! Nodes of two versions run side by side while a cluster is upgraded: a field is never used for something else, unknown fields are passed
//! over, and what only a newer node understands is sent only to nodes whose hello says so.

use bytes::Bytes;
use prost::{Message, Oneof};

pub(crate) use super::letter_schema::{Letter, LetterKind, RequestError, StateItem};
pub(crate) use super::log_schema::Keeper;
pub(crate) use super::session_schema::{
    HeadKind, KeptMessage, Luggage, OpenStream, OwnState, PermissionRule,
};

/// The version of all this. A node speaks with nodes whose version is at least its own [`VERSION_LEAST`], if theirs allows it as well.
pub(crate) const VERSION: u32 = 3;
/// The first version that puts entries of the log together from pieces.
pub(crate) const VERSION_OF_PIECES: u32 = 2;
/// The first version that ends the streams of plain publishers whose node has died.
pub(crate) const VERSION_OF_PUBLISHERS: u32 = 3;
/// The first version that says which nodes it knows of.
pub(crate) const VERSION_OF_VIEWS: u32 = 3;
/// The oldest version that this one understands.
pub(crate) const VERSION_LEAST: u32 = 1;

/// One NATS message.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Datagram {
    /// The node that sends it.
    #[prost(fixed32, tag = "1")]
    pub(crate) from: u32,
    #[prost(oneof = "Body", tags = "2, 3, 4, 5")]
    pub(crate) body: Option<Body>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Body {
    #[prost(message, tag = "2")]
    Hello(Hello),
    #[prost(message, tag = "3")]
    Packet(Packet),
    #[prost(message, tag = "4")]
    Receipt(Receipt),
    #[prost(message, tag = "5")]
    Goodbye(Goodbye),
}

/// A node lives: told to everybody at a fixed pace, and at once to a node that is new.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Hello {
    #[prost(uint32, tag = "1")]
    pub(crate) version: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) version_least: u32,
    /// The worker threads of the node: a group's home is one of them.
    #[prost(uint32, tag = "3")]
    pub(crate) workers: u32,
    /// What is shown to people: see [`super::NodeReport`].
    #[prost(message, optional, tag = "4")]
    pub(crate) report: Option<Report>,
    /// Nodes that have stopped, and whose sessions this one has.
    #[prost(fixed32, repeated, tag = "5")]
    pub(crate) heir_of: Vec<u32>,
    /// Nodes that are dead, and whose sessions of hubs with a log this one has.
    #[prost(fixed32, repeated, tag = "6")]
    pub(crate) keeper_of: Vec<u32>,
    /// The revision of its latest claim of such a node.
    #[prost(uint64, tag = "7")]
    pub(crate) keeper_term: u64,
}

/// How a node is, for people.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Report {
    #[prost(string, tag = "1")]
    pub(crate) software: String,
    #[prost(string, tag = "2")]
    pub(crate) address: String,
    #[prost(uint64, tag = "3")]
    pub(crate) up_ms: u64,
    #[prost(uint32, tag = "4")]
    pub(crate) peers: u32,
    #[prost(uint32, tag = "5")]
    pub(crate) interests: u32,
    #[prost(uint64, tag = "6")]
    pub(crate) backlog_frames: u64,
    #[prost(uint64, tag = "7")]
    pub(crate) backlog_bytes: u64,
}

/// A node stops, and with it all that it owns.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Goodbye {
    /// The nodes that it had lost, and to which it could not say what they may have missed.
    #[prost(fixed32, repeated, tag = "1")]
    pub(crate) lost: Vec<u32>,
    /// The node that has the sender's sessions; 0 if none has. Its own word may come later.
    #[prost(fixed32, tag = "2")]
    pub(crate) heir: u32,
}

/// Frames of one node for another, numbered within their link.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Packet {
    /// Tells this life of the link from others between the same nodes.
    #[prost(fixed64, tag = "1")]
    pub(crate) link: u64,
    /// From 1, without gaps.
    #[prost(uint64, tag = "2")]
    pub(crate) number: u64,
    /// Whole frames, or one piece of a frame that is too large for one message.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub(crate) frames: Vec<Bytes>,
    /// The frame goes on in the next packet.
    #[prost(bool, tag = "4")]
    pub(crate) more: bool,
    /// The link is not the first one between the two: what was on its way over an earlier one may be lost.
    #[prost(bool, tag = "5")]
    pub(crate) restart: bool,
}

/// What has arrived of a link.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Receipt {
    #[prost(fixed64, tag = "1")]
    pub(crate) link: u64,
    /// The number up to which every packet has arrived.
    #[prost(uint64, tag = "2")]
    pub(crate) number: u64,
    /// What follows was lost: send it again.
    #[prost(bool, tag = "3")]
    pub(crate) again: bool,
}

/// One thing that a node tells another.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Frame {
    #[prost(oneof = "Content", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15")]
    pub(crate) content: Option<Content>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Content {
    #[prost(message, tag = "1")]
    Envelope(Envelope),
    #[prost(message, tag = "2")]
    Letter(Letter),
    #[prost(message, tag = "3")]
    Command(Command),
    #[prost(message, tag = "4")]
    Answer(Answer),
    #[prost(message, tag = "5")]
    Interests(Interests),
    #[prost(message, tag = "6")]
    Interest(Interest),
    #[prost(message, tag = "7")]
    RelayOpen(RelayOpen),
    #[prost(message, tag = "8")]
    RelayData(RelayData),
    #[prost(message, tag = "9")]
    RelayClose(RelayClose),
    #[prost(message, tag = "10")]
    Pause(Pause),
    #[prost(message, tag = "11")]
    Paused(Paused),
    #[prost(message, tag = "12")]
    Luggage(Luggage),
    #[prost(message, tag = "13")]
    Heir(Heir),
    #[prost(message, tag = "14")]
    Keeper(Keeper),
    #[prost(message, tag = "15")]
    View(View),
}

/// The nodes that the sender knows of, itself included: from here on it takes their homes for those of all groups.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct View {
    #[prost(fixed32, repeated, tag = "1")]
    pub(crate) nodes: Vec<u32>,
}

/// All interests of a node: the first frame of a link. One bit for each slot, the lowest bit of a byte first.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Interests {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) slots: Bytes,
}

/// An interest has come or gone.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Interest {
    #[prost(uint32, tag = "1")]
    pub(crate) slot: u32,
    #[prost(bool, tag = "2")]
    pub(crate) interested: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Target {
    #[prost(oneof = "TargetKind", tags = "1, 2, 3, 4")]
    pub(crate) kind: Option<TargetKind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum TargetKind {
    #[prost(bool, tag = "1")]
    Hub(bool),
    #[prost(string, tag = "2")]
    Group(String),
    #[prost(string, tag = "3")]
    User(String),
    #[prost(bytes = "bytes", tag = "4")]
    Connection(Bytes),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Envelope {
    #[prost(string, tag = "1")]
    pub(crate) hub: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) target: Option<Target>,
    /// The group that recipients see as the origin; absent for a message of the application.
    #[prost(string, optional, tag = "3")]
    pub(crate) sender_group: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) sender_user: Option<String>,
    #[prost(enumeration = "DataKind", tag = "5")]
    pub(crate) data_kind: i32,
    #[prost(bytes = "bytes", tag = "6")]
    pub(crate) data: Bytes,
    #[prost(message, optional, tag = "7")]
    pub(crate) metadata: Option<Entries>,
    #[prost(message, optional, tag = "8")]
    pub(crate) stream: Option<StreamPosition>,
    /// Ids of 16 bytes behind one another.
    #[prost(bytes = "bytes", tag = "9")]
    pub(crate) excluded: Bytes,
    #[prost(string, optional, tag = "10")]
    pub(crate) filter: Option<String>,
    #[prost(bytes = "bytes", optional, tag = "11")]
    pub(crate) publisher: Option<Bytes>,
    #[prost(uint32, tag = "12")]
    pub(crate) ttl_s: u32,
    /// The span of the publish, as a `traceparent` header has it.
    #[prost(string, optional, tag = "13")]
    pub(crate) cause: Option<String>,
    /// What the message is known by while somebody watches; 0 while nobody does.
    #[prost(fixed64, tag = "14")]
    pub(crate) message_id: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum DataKind {
    Text = 0,
    Json = 1,
    Binary = 2,
    Protobuf = 3,
}

/// Names and values in their order.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entries {
    #[prost(message, repeated, tag = "1")]
    pub(crate) entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamPosition {
    #[prost(string, tag = "1")]
    pub(crate) stream_id: String,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence_id: u64,
    #[prost(message, optional, tag = "3")]
    pub(crate) end: Option<StreamEnd>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamEnd {
    /// Empty if the publisher has said all.
    #[prost(string, tag = "1")]
    pub(crate) error: String,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(string, optional, tag = "3")]
    pub(crate) user_error_code: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Command {
    /// The asker's number for it, which the answer repeats.
    #[prost(uint64, tag = "1")]
    pub(crate) ticket: u64,
    #[prost(string, tag = "2")]
    pub(crate) hub: String,
    #[prost(enumeration = "CommandKind", tag = "3")]
    pub(crate) kind: i32,
    #[prost(message, optional, tag = "4")]
    pub(crate) target: Option<Target>,
    #[prost(string, repeated, tag = "5")]
    pub(crate) groups: Vec<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) filter: Option<String>,
    #[prost(bytes = "bytes", tag = "7")]
    pub(crate) excluded: Bytes,
    #[prost(string, tag = "8")]
    pub(crate) text: String,
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub(crate) after: Option<Bytes>,
    #[prost(uint64, tag = "10")]
    pub(crate) limit: u64,
    /// The span of what caused it, as a `traceparent` header has it.
    #[prost(string, optional, tag = "11")]
    pub(crate) cause: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum CommandKind {
    Unknown = 0,
    Exists = 1,
    Join = 2,
    Leave = 3,
    LeaveAll = 4,
    JoinMatching = 5,
    LeaveMatching = 6,
    Close = 7,
    Grant = 8,
    Revoke = 9,
    Check = 10,
    List = 11,
    FindSession = 12,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Answer {
    #[prost(uint64, tag = "1")]
    pub(crate) ticket: u64,
    #[prost(enumeration = "AnswerKind", tag = "2")]
    pub(crate) kind: i32,
    #[prost(message, repeated, tag = "3")]
    pub(crate) members: Vec<Member>,
    #[prost(string, tag = "4")]
    pub(crate) subprotocol: String,
    #[prost(string, optional, tag = "5")]
    pub(crate) user: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum AnswerKind {
    Unknown = 0,
    Done = 1,
    Missing = 2,
    LimitReached = 3,
    Members = 4,
    Session = 5,
    Busy = 6,
    /// The command was not understood: it came from a newer node.
    Misunderstood = 7,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Member {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) connection: Bytes,
    #[prost(string, optional, tag = "2")]
    pub(crate) user: Option<String>,
}

/// A client of a session here has come to the node that asks: its socket is carried from there.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RelayOpen {
    /// The asker's number for the socket.
    #[prost(uint64, tag = "1")]
    pub(crate) relay: u64,
    #[prost(string, tag = "2")]
    pub(crate) hub: String,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) connection: Bytes,
    #[prost(string, tag = "4")]
    pub(crate) reconnection_token: String,
}

/// What passes through a carried socket.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RelayData {
    #[prost(uint64, tag = "1")]
    pub(crate) relay: u64,
    /// Whether it goes to the client.
    #[prost(bool, tag = "2")]
    pub(crate) to_client: bool,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) data: Bytes,
    /// Bytes that the other side may send more.
    #[prost(uint32, tag = "4")]
    pub(crate) credit_bytes: u32,
}

/// A carried socket has ended.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct RelayClose {
    #[prost(uint64, tag = "1")]
    pub(crate) relay: u64,
    /// Whether the client's side is to close.
    #[prost(bool, tag = "2")]
    pub(crate) to_client: bool,
}

/// The sender stops: hold back what is published until its sessions have moved.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Pause {
    /// The node that is to have its sessions.
    #[prost(fixed32, tag = "1")]
    pub(crate) heir: u32,
    /// How often the sender has asked before, and then let another node go first.
    #[prost(uint32, tag = "2")]
    pub(crate) attempt: u32,
}

/// Everything that the sender published before it held back stands before this.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Paused {
    /// The node that stops.
    #[prost(fixed32, tag = "1")]
    pub(crate) node: u32,
    /// The attempt of it that this belongs to.
    #[prost(uint32, tag = "2")]
    pub(crate) attempt: u32,
}

/// The sender has the sessions of a node that stops, and everybody whom they are interested in knows of it: go on.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Heir {
    /// The node that stops.
    #[prost(fixed32, tag = "1")]
    pub(crate) node: u32,
    /// The sender has nothing of it: the node gave up, and its sessions end; or it lets another one go first, and asks again.
    #[prost(bool, tag = "2")]
    pub(crate) nothing: bool,
}
