//! The vocabulary that all protocols share.

use crate::{
    data::{Data, Metadata},
    error::ErrorDetail,
    event::{GroupMessage, GroupState, GroupStates, ServerMessage},
};

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// Become a member of a group.
    JoinGroup {
        /// The group.
        group: String,
        /// Asks for an ack.
        ack_id: Option<u64>,
    },
    /// Be a member no longer.
    LeaveGroup {
        /// The group.
        group: String,
        /// Asks for an ack.
        ack_id: Option<u64>,
    },
    /// Publish to a group.
    SendToGroup {
        /// The group.
        group: String,
        /// Asks for an ack.
        ack_id: Option<u64>,
        /// The payload.
        data: Data,
        /// Spares the sending connection its own copy.
        no_echo: bool,
        /// How long the message may wait for a recipient, in seconds, at most 300.
        ttl_seconds: Option<u32>,
        /// What travels with it.
        metadata: Metadata,
    },
    /// Tell the application server something.
    Event {
        /// The event's name.
        event: String,
        /// Asks for an ack.
        ack_id: Option<u64>,
        /// The payload.
        data: Data,
        /// What travels with it.
        metadata: Metadata,
    },
    /// Release every message up to this number.
    SequenceAck {
        /// The largest number that has arrived.
        sequence_id: u64,
    },
    /// Ask for a `pong`.
    Ping,
    /// Ask the application server something.
    Invoke {
        /// Pairs the answer with the question.
        invocation_id: String,
        /// The event's name.
        event: String,
        /// The payload, if any.
        data: Option<Data>,
        /// What travels with it.
        metadata: Metadata,
    },
    /// Give up on an answer.
    CancelInvocation {
        /// The invocation.
        invocation_id: String,
    },
    /// Open a stream to a group.
    StreamStart {
        /// The group.
        group: String,
        /// The stream's id, chosen by its sender.
        stream_id: String,
        /// Spares the sending connection its own copies.
        no_echo: bool,
        /// After how long without a fragment or a sign of life the service ends the stream.
        idle_timeout_ms: Option<u32>,
    },
    /// One fragment of a stream.
    StreamData {
        /// The stream.
        stream_id: String,
        /// Its number, from 1.
        sequence_id: u64,
        /// The payload.
        data: Data,
    },
    /// A sign of life of a stream that has nothing to say.
    StreamKeepAlive {
        /// The stream.
        stream_id: String,
    },
    /// The end of a stream.
    StreamEnd {
        /// The stream.
        stream_id: String,
        /// Present if it is not a success.
        error: Option<StreamEndError>,
    },
    /// Set, or without a state clear, this connection's state in a group.
    SetGroupState {
        /// The group.
        group: String,
        /// Asks for an ack.
        ack_id: Option<u64>,
        /// The state.
        state: Option<GroupState>,
    },
    /// Be told the states in a group.
    SubscribeGroupState {
        /// The group.
        group: String,
        /// Asks for an ack.
        ack_id: Option<u64>,
    },
    /// Be told them no longer.
    UnsubscribeGroupState {
        /// The group.
        group: String,
        /// Asks for an ack.
        ack_id: Option<u64>,
    },
}

/// Why a sender breaks off its stream, for those who receive it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamEndError {
    /// In a sentence.
    pub message: Option<String>,
    /// The application's own code.
    pub user_error_code: Option<String>,
}

/// What the service sends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceMessage {
    /// The first message of a session.
    Connected {
        /// The session's connection id.
        connection_id: String,
        /// The user, unless anonymous.
        user_id: Option<String>,
        /// What a recovery shows. Reliable protocols only.
        reconnection_token: Option<String>,
    },
    /// The last message before the service closes the connection.
    Disconnected {
        /// Why.
        message: String,
    },
    /// The answer to a request with an ack id.
    Ack {
        /// The request's ack id.
        ack_id: u64,
        /// Whether it took effect.
        success: bool,
        /// Why it did not.
        error: Option<ErrorDetail>,
    },
    /// A message to a group.
    Group(GroupMessage),
    /// A message of the application server.
    Server(ServerMessage),
    /// The answer to a ping.
    Pong,
    /// The answer to an invocation.
    InvokeResponse {
        /// The invocation.
        invocation_id: String,
        /// Whether it succeeded. `None` if the frame does not say, which no version of the protocol that is known here does.
        success: Option<bool>,
        /// The answer.
        data: Option<Data>,
        /// Why there is none.
        error: Option<ErrorDetail>,
        /// What travels with it.
        metadata: Metadata,
    },
    /// All fragments below a number are accepted.
    StreamAck {
        /// The stream.
        stream_id: String,
        /// The number that is expected next.
        expected_sequence_id: u64,
    },
    /// A fragment was not accepted; the stream goes on.
    StreamNack {
        /// The stream.
        stream_id: String,
        /// The number that is expected next.
        expected_sequence_id: u64,
        /// Why.
        error: ErrorDetail,
    },
    /// A stream is over.
    StreamClosed {
        /// The stream.
        stream_id: String,
        /// Present if it is not a success.
        error: Option<ErrorDetail>,
    },
    /// All states in a group.
    GroupStateSnapshot(GroupStates),
    /// States that have changed.
    GroupStateUpdate(GroupStates),
    /// A message of a kind that is not known here. It is passed over, so that services can grow.
    Unrecognized {
        /// Its number in the session, which is acknowledged all the same.
        sequence_id: Option<u64>,
    },
}

impl ServiceMessage {
    /// The message's number in the session, if it has one.
    pub fn sequence_id(&self) -> Option<u64> {
        match self {
            Self::Group(message) => message.sequence_id,
            Self::Server(message) => message.sequence_id,
            Self::GroupStateSnapshot(states) | Self::GroupStateUpdate(states) => states.sequence_id,
            Self::Unrecognized { sequence_id } => *sequence_id,
            _ => None,
        }
    }
}
