use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use hubwire_protocol::{ConnectionId, Data, EventName, GroupName, HubName, Metadata, UserId};

use crate::TraceContext;

/// Something that happened to a connection, or that its client raised, as its application is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The connection.
    pub connection: ConnectionId,
    /// Its hub.
    pub hub: HubName,
    /// The event's number among those of its connection: `connect` has 0, whether or not anybody is asked, and the others follow without a
    /// gap, whether or not anybody is told.
    pub id: u64,
    /// The connection's user.
    pub user: Option<UserId>,
    /// Its subprotocol, as its client spelled it.
    pub subprotocol: Option<Arc<str>>,
    /// What the application last gave to be kept with the connection; an empty one was given too.
    pub state: Option<Bytes>,
    /// The host that the client asked for when it connected, in lower case and without a port.
    pub origin: Arc<str>,
    /// When it happened, in milliseconds since 1970.
    pub raised_ms: u64,
    /// The span of what caused it, if that belongs to a distributed trace.
    pub cause: Option<TraceContext>,
    /// What happened.
    pub occurrence: Occurrence,
}

/// What an [`Event`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occurrence {
    /// The connection began.
    Connected,
    /// The connection, and its session, ended for good. The last event of a connection.
    Disconnected {
        /// Why; may be empty.
        reason: Cow<'static, str>,
    },
    /// The connection became a member of a group.
    Joined(GroupName),
    /// The connection is no longer a member of a group.
    Left(GroupName),
    /// The client raised an event of its own.
    User {
        /// Its name.
        name: EventName,
        /// Its payload; an invocation may have none.
        data: Option<Data>,
        /// Names and values that the client attached.
        metadata: Option<Metadata>,
    },
}

/// What a client waits for, so that the answer finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A user event: nothing else of its client is carried out until it is answered.
    Event {
        /// Tells it from others of the same connection.
        serial: u64,
    },
    /// An invocation: its client goes on meanwhile.
    Invocation {
        /// The client's name for it.
        invocation_id: Box<str>,
        /// Tells it from others that have the same name.
        serial: u64,
    },
}

/// What an application answers to a user event or an invocation that it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// What it has to say, if anything.
    pub data: Option<Data>,
    /// Names and values that it attached.
    pub metadata: Option<Metadata>,
    /// What is to be kept with the connection from now on, if that changes.
    pub state: Option<Bytes>,
}

/// Why nobody took a user event or an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// Nobody is configured to be asked.
    Unhandled,
    /// Whoever was asked refused it, could not be reached, or did not answer in time or in form.
    Failed,
}
