//! The messages of the published schema, `webpubsub.proto`.
//!
//! Written by hand beside that file, so that building needs no compiler for it. One field has a Rust type that only looks the same on the
//! wire: a native message is the bytes of its `Any`, which keeps them as they came.

use std::collections::BTreeMap;

use bytes::Bytes;

type Entries = BTreeMap<String, String>;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UpstreamMessage {
    #[prost(oneof = "Upstream", tags = "1, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17")]
    pub message: Option<Upstream>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Upstream {
    #[prost(message, tag = "1")]
    SendToGroup(SendToGroup),
    #[prost(message, tag = "5")]
    Event(Event),
    #[prost(message, tag = "6")]
    JoinGroup(GroupRequest),
    #[prost(message, tag = "7")]
    LeaveGroup(GroupRequest),
    #[prost(message, tag = "8")]
    SequenceAck(SequenceAck),
    #[prost(message, tag = "9")]
    Ping(Empty),
    #[prost(message, tag = "10")]
    InvokeEvent(InvokeEvent),
    #[prost(message, tag = "11")]
    CancelInvocation(CancelInvocation),
    #[prost(message, tag = "13")]
    StreamData(StreamData),
    #[prost(message, tag = "14")]
    StreamEnd(StreamEnd),
    #[prost(message, tag = "15")]
    SetGroupState(SetGroupState),
    #[prost(message, tag = "16")]
    SubscribeGroupState(GroupRequest),
    #[prost(message, tag = "17")]
    UnsubscribeGroupState(GroupRequest),
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SendToGroup {
    #[prost(string, tag = "1")]
    pub group: String,
    #[prost(uint64, optional, tag = "2")]
    pub ack_id: Option<u64>,
    #[prost(message, optional, tag = "3")]
    pub data: Option<MessageData>,
    #[prost(bool, optional, tag = "4")]
    pub no_echo: Option<bool>,
    #[prost(uint32, optional, tag = "5")]
    pub ttl_seconds: Option<u32>,
    #[prost(btree_map = "string, string", tag = "6")]
    pub metadata: Entries,
    #[prost(message, optional, tag = "7")]
    pub stream: Option<StreamStartInfo>,
}

/// `ack_id` and `data` stand the other way round than in [`SendToGroup`].
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Event {
    #[prost(string, tag = "1")]
    pub event: String,
    #[prost(message, optional, tag = "2")]
    pub data: Option<MessageData>,
    #[prost(uint64, optional, tag = "3")]
    pub ack_id: Option<u64>,
    #[prost(btree_map = "string, string", tag = "4")]
    pub metadata: Entries,
    #[prost(message, optional, tag = "5")]
    pub stream: Option<StreamStartInfo>,
}

/// The four requests that name a group and nothing else.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GroupRequest {
    #[prost(string, tag = "1")]
    pub group: String,
    #[prost(uint64, optional, tag = "2")]
    pub ack_id: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct SequenceAck {
    #[prost(uint64, tag = "1")]
    pub sequence_id: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InvokeEvent {
    #[prost(string, tag = "1")]
    pub event: String,
    #[prost(string, tag = "2")]
    pub invocation_id: String,
    #[prost(message, optional, tag = "3")]
    pub data: Option<MessageData>,
    #[prost(btree_map = "string, string", tag = "4")]
    pub metadata: Entries,
    #[prost(message, optional, tag = "5")]
    pub stream: Option<StreamStartInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CancelInvocation {
    #[prost(string, tag = "1")]
    pub invocation_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamStartInfo {
    #[prost(string, tag = "1")]
    pub stream_id: String,
    #[prost(uint32, optional, tag = "2")]
    pub idle_timeout_ms: Option<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamData {
    #[prost(string, tag = "1")]
    pub stream_id: String,
    #[prost(uint64, optional, tag = "2")]
    pub stream_sequence_id: Option<u64>,
    #[prost(message, optional, tag = "3")]
    pub data: Option<MessageData>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamEnd {
    #[prost(string, tag = "1")]
    pub stream_id: String,
    #[prost(message, optional, tag = "2")]
    pub error: Option<UserError>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UserError {
    #[prost(string, optional, tag = "1")]
    pub message: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub user_error_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetGroupState {
    #[prost(string, tag = "1")]
    pub group: String,
    #[prost(uint64, optional, tag = "2")]
    pub ack_id: Option<u64>,
    #[prost(message, optional, tag = "3")]
    pub state: Option<GroupState>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GroupState {
    #[prost(btree_map = "string, string", tag = "1")]
    pub entries: Entries,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MessageData {
    #[prost(oneof = "Payload", tags = "1, 2, 3, 4")]
    pub data: Option<Payload>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Payload {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bytes = "bytes", tag = "2")]
    Binary(Bytes),
    #[prost(bytes = "bytes", tag = "3")]
    Protobuf(Bytes),
    #[prost(string, tag = "4")]
    Json(String),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DownstreamMessage {
    #[prost(oneof = "Downstream", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10")]
    pub message: Option<Downstream>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Downstream {
    #[prost(message, tag = "1")]
    Ack(Ack),
    #[prost(message, tag = "2")]
    Data(DataMessage),
    #[prost(message, tag = "3")]
    System(System),
    #[prost(message, tag = "4")]
    Pong(Empty),
    #[prost(message, tag = "5")]
    InvokeResponse(InvokeResponse),
    #[prost(message, tag = "6")]
    StreamAck(StreamAck),
    #[prost(message, tag = "7")]
    StreamNack(StreamNack),
    #[prost(message, tag = "8")]
    StreamClosed(StreamClosed),
    #[prost(message, tag = "9")]
    GroupStateUpdate(GroupStateReport),
    #[prost(message, tag = "10")]
    GroupStateSnapshot(GroupStateReport),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ErrorDetail {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub message: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Ack {
    #[prost(uint64, tag = "1")]
    pub ack_id: u64,
    #[prost(bool, tag = "2")]
    pub success: bool,
    #[prost(message, optional, tag = "3")]
    pub error: Option<ErrorDetail>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DataMessage {
    #[prost(string, tag = "1")]
    pub from: String,
    #[prost(string, optional, tag = "2")]
    pub group: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub data: Option<MessageData>,
    #[prost(uint64, optional, tag = "4")]
    pub sequence_id: Option<u64>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub metadata: Entries,
    #[prost(message, optional, tag = "6")]
    pub stream: Option<StreamInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamInfo {
    #[prost(string, tag = "1")]
    pub stream_id: String,
    #[prost(uint64, tag = "2")]
    pub stream_sequence_id: u64,
    #[prost(bool, optional, tag = "3")]
    pub end_of_stream: Option<bool>,
    #[prost(message, optional, tag = "4")]
    pub error: Option<StreamErrorDetail>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamErrorDetail {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(string, optional, tag = "3")]
    pub user_error_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct System {
    #[prost(oneof = "SystemKind", tags = "1, 2")]
    pub message: Option<SystemKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum SystemKind {
    #[prost(message, tag = "1")]
    Connected(Connected),
    #[prost(message, tag = "2")]
    Disconnected(Disconnected),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Connected {
    #[prost(string, tag = "1")]
    pub connection_id: String,
    #[prost(string, tag = "2")]
    pub user_id: String,
    #[prost(string, optional, tag = "3")]
    pub reconnection_token: Option<String>,
}

/// Its only field really has the number 2.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Disconnected {
    #[prost(string, tag = "2")]
    pub reason: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InvokeResponse {
    #[prost(string, tag = "1")]
    pub invocation_id: String,
    #[prost(bool, tag = "2")]
    pub success: bool,
    #[prost(message, optional, tag = "3")]
    pub data: Option<MessageData>,
    #[prost(message, optional, tag = "4")]
    pub error: Option<ErrorDetail>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub metadata: Entries,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamAck {
    #[prost(string, tag = "1")]
    pub stream_id: String,
    #[prost(uint64, tag = "2")]
    pub expected_sequence_id: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamNack {
    #[prost(string, tag = "1")]
    pub stream_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub message: String,
    #[prost(uint64, tag = "4")]
    pub expected_sequence_id: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StreamClosed {
    #[prost(string, tag = "1")]
    pub stream_id: String,
    #[prost(message, optional, tag = "2")]
    pub error: Option<ErrorDetail>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GroupStateReport {
    #[prost(string, tag = "1")]
    pub group: String,
    #[prost(message, repeated, tag = "2")]
    pub items: Vec<GroupStateItem>,
    #[prost(uint64, optional, tag = "3")]
    pub sequence_id: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GroupStateItem {
    #[prost(string, tag = "1")]
    pub connection_id: String,
    #[prost(string, optional, tag = "2")]
    pub user_id: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub state: Option<GroupState>,
    #[prost(int64, tag = "4")]
    pub updated_at: i64,
}
