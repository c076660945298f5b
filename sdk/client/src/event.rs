//! What the application is told.

use std::{collections::BTreeMap, fmt};

use crate::{
    data::{Data, Metadata},
    error::{Error, ErrorDetail},
};

/// Everything that a client tells its application, in the order in which it happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A new session has begun: the first, or another after one that was lost.
    Connected(Connected),
    /// The socket ended, and the client tries to take its session up again. Nothing is lost yet. Reliable protocols only.
    Recovering(Recovering),
    /// The session goes on over a new socket, with nothing lost.
    Recovered(Recovered),
    /// The session is lost. What the service had not delivered is lost with it, and so are groups that the application server had added
    /// the connection to.
    Disconnected(Disconnected),
    /// The client has stopped: after [`Client::stop`](crate::Client::stop), or because it does not reconnect any more.
    Stopped(Stopped),
    /// A message from the application server: to this connection, its user or everyone, or the answer of an event handler.
    ServerMessage(ServerMessage),
    /// A message to a group that the connection is a member of.
    GroupMessage(GroupMessage),
    /// In a new session, something that the client had before could not be restored.
    RejoinGroupFailed(RejoinGroupFailed),
    /// The states in a group, after [`Client::subscribe_group_state`](crate::Client::subscribe_group_state).
    GroupStateSnapshot(GroupStates),
    /// States in a group that have changed.
    GroupStateUpdate(GroupStates),
    /// The service sent a frame that cannot be read. It was passed over.
    InvalidFrame {
        /// What is wrong with it.
        reason: String,
    },
}

/// A new session has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// The session's connection id.
    pub connection_id: String,
    /// The user, unless the client is anonymous.
    pub user_id: Option<String>,
    /// The connection id of the session before, if there was one since the client was started. Messages may have been missed in between.
    pub previous_connection_id: Option<String>,
    /// The groups that were joined anew, in alphabetical order.
    pub rejoined_groups: Vec<String>,
}

/// The socket ended, and the client tries to recover.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovering {
    /// The session's connection id.
    pub connection_id: String,
    /// How the socket ended.
    pub closure: Closure,
}

/// The session goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// The session's connection id.
    pub connection_id: String,
}

/// The session is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnected {
    /// The lost session's connection id.
    pub connection_id: String,
    /// How the last socket ended.
    pub closure: Closure,
    /// What the service said before (`system/disconnected`), for example the reason that the application server gave for closing.
    pub message: Option<String>,
}

/// The client has stopped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stopped {
    /// How the last socket ended, unless the client was stopped by its application.
    pub closure: Option<Closure>,
    /// Why the last attempt to reconnect failed, if the reconnect policy ran out.
    pub error: Option<Error>,
}

/// How a socket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closure {
    /// The code of the service's close frame ([RFC 6455 §7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4)): 1000 the application
    /// server closed the connection, 1001 the service shuts down, 1007 and 1009 it did not accept a message, 1008 the session cannot be
    /// recovered. 1005 stands for a frame without a code. `None` if the socket ended without a close frame.
    pub code: Option<u16>,
    /// The close frame's reason; without a close frame, what happened, in words.
    pub reason: String,
}

impl Closure {
    pub(crate) fn without_frame(reason: impl Into<String>) -> Self {
        Self { code: None, reason: reason.into() }
    }

    /// The service found fault with what this client sent, so sending it again would end the next connection too.
    pub(crate) fn blames_client(&self) -> bool {
        matches!(self.code, Some(1002 | 1003 | 1007 | 1009))
    }
}

impl fmt::Display for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) if self.reason.is_empty() => write!(f, "close code {code}"),
            Some(code) => write!(f, "close code {code}, {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// A message from the application server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMessage {
    /// The payload.
    pub data: Data,
    /// The number of the message in the session. Reliable protocols only.
    pub sequence_id: Option<u64>,
    /// What travels with the message.
    pub metadata: Metadata,
}

/// A message to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMessage {
    /// The group.
    pub group: String,
    /// The user who sent it, if one did and the protocol tells: protobuf does not.
    pub from_user_id: Option<String>,
    /// The payload.
    pub data: Data,
    /// The number of the message in the session. Reliable protocols only.
    pub sequence_id: Option<u64>,
    /// What travels with the message.
    pub metadata: Metadata,
    /// The place of the message in a stream, if it belongs to one. See [`Client::group_streams`](crate::Client::group_streams).
    pub stream: Option<StreamInfo>,
}

/// The place of a message in a group stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// The stream's id, unique among the open streams of its sender.
    pub stream_id: String,
    /// The number of the fragment, from 1.
    pub sequence_id: u64,
    /// Whether it is the stream's last message.
    pub end_of_stream: bool,
    /// Why the stream broke off, on a last message that is not a success.
    pub error: Option<StreamError>,
}

/// Why a stream broke off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct StreamError {
    /// `UserError` for the sender's own [`abort`](crate::GroupStreamWriter::abort); `IdleTimeout`, `Forbidden`, `Cancelled`,
    /// `InternalServerError` or more from the service; `IdleTimeout`, `SessionLost`, `Stopped` from this client.
    pub name: String,
    /// The error in a sentence.
    pub message: String,
    /// The sender's own code.
    pub user_error_code: Option<String>,
}

/// States in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStates {
    /// The group.
    pub group: String,
    /// The states, one for each connection.
    pub items: Vec<GroupStateItem>,
    /// The number of the message in the session. Reliable protocols only.
    pub sequence_id: Option<u64>,
}

/// The state of one connection in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStateItem {
    /// The connection that the state belongs to.
    pub connection_id: String,
    /// Its user, if it has one.
    pub user_id: Option<String>,
    /// The state; `None` if it was cleared, or its connection has left.
    pub state: Option<GroupState>,
    /// When it changed, in milliseconds since 1970 by the service's clock. It never goes backwards for one connection.
    pub updated_at_ms: i64,
}

/// The state that a connection sets in a group.
pub type GroupState = BTreeMap<String, String>;

/// Something could not be restored in a new session. The client tries again in the next one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RejoinGroupFailed {
    /// The group.
    pub group: String,
    /// What could not be done.
    pub step: RejoinStep,
    /// Why.
    pub error: ErrorDetail,
}

/// What a new session restores in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejoinStep {
    /// The membership.
    Join,
    /// This connection's state.
    SetState,
    /// The subscription to the states.
    SubscribeState,
}

impl Event {
    /// Roughly what the event takes in memory, for the bound of the event buffer.
    pub(crate) fn bytes(&self) -> usize {
        const ENVELOPE_BYTES: usize = 256;
        ENVELOPE_BYTES
            + match self {
                Self::ServerMessage(message) => message.data.as_bytes().len(),
                Self::GroupMessage(message) => message.data.as_bytes().len() + message.group.len(),
                Self::GroupStateSnapshot(states) | Self::GroupStateUpdate(states) => states.bytes(),
                _ => 0,
            }
    }
}

impl GroupStates {
    fn bytes(&self) -> usize {
        const ITEM_BYTES: usize = 128;
        let of_item = |item: &GroupStateItem| {
            ITEM_BYTES
                + item.state.iter().flatten().map(|(key, value)| key.len() + value.len()).sum::<usize>()
        };
        self.items.iter().map(of_item).sum()
    }
}
