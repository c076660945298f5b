use std::borrow::Cow;
use std::sync::Arc;

use hubwire_auth::Permission;
use hubwire_filter::Filter;
use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{ConnectionId, Data, GroupName, HubName, UserId};

use crate::{Envelope, Target, TraceId};

/// Something that happened, as whoever watches is told of it. A value: nothing is done because of it, and without a watcher none is made.
#[derive(Debug, Clone)]
pub struct Fact {
    /// When, in milliseconds since 1970; 0 where the observer is to take the time at which it learns of it.
    pub time_ms: u64,
    /// The hub that it is about.
    pub hub: Option<HubName>,
    /// The group that it is about.
    pub group: Option<GroupName>,
    /// The user that it is about.
    pub user: Option<UserId>,
    /// The connection that it is about.
    pub connection: Option<ConnectionId>,
    /// What happened.
    pub happening: Happening,
}

impl Fact {
    /// A fact about a hub, or about none.
    pub fn of_hub(hub: Option<HubName>, happening: Happening) -> Self {
        Self { time_ms: 0, hub, group: None, user: None, connection: None, happening }
    }
}

/// Who brought something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// The client of the connection.
    Client,
    /// The application, or an operator in its place.
    Application,
    /// The service, by one of its rules.
    Service,
    /// The token that the client connected with, or its connect handler.
    Token,
    /// The end of the connection.
    End,
}

/// What a [`Fact`] tells.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A client is connected.
    Opened {
        /// The subprotocol as its client spelled it; `None` for a simple client.
        protocol: Option<Arc<str>>,
        /// The first of the groups that it is in from the start.
        groups: Vec<GroupName>,
        /// The first of its permissions.
        permissions: Vec<String>,
    },
    /// A handshake was refused.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why, in words.
        reason: String,
        /// The path that was asked for, without its query.
        path: String,
    },
    /// A socket ended without goodbye, and its session may be recovered.
    Lost {
        /// For so long, in milliseconds.
        recoverable_for_ms: u64,
        /// Nothing was heard of the client, and so its socket was closed.
        silent: bool,
    },
    /// A client has come back to its session.
    Recovered {
        /// Messages that are sent again.
        replayed: usize,
    },
    /// A client wanted a session back that is not there.
    RecoveryRefused,
    /// A connection has ended for good.
    Closed {
        /// The close code, if a close frame was sent or received.
        code: Option<u16>,
        /// Why; may be empty.
        reason: Cow<'static, str>,
        /// Who ended it.
        by: Party,
        /// How old it became, in milliseconds.
        age_ms: u64,
    },
    /// A connection ends, since its client does not take what waits for it.
    SlowConsumer {
        /// Whether the window is full, and not the outbox.
        window: bool,
        /// Messages that waited.
        waiting_messages: usize,
        /// Bytes that waited.
        waiting_bytes: usize,
        /// The bound in messages.
        limit_messages: usize,
        /// The bound in bytes.
        limit_bytes: usize,
    },
    /// A client's request was refused.
    RequestRefused {
        /// What it asked, by the protocol's name.
        request: &'static str,
        /// Why.
        error: RequestError,
        /// The id of its acknowledgement, if it wanted one.
        ack_id: Option<u64>,
    },
    /// A client broke its protocol, and is closed.
    InvalidMessage {
        /// The close code.
        code: u16,
        /// Why.
        reason: Cow<'static, str>,
    },
    /// A connection became a member of a group.
    Joined(Party),
    /// A connection is no longer a member of a group.
    Left(Party),
    /// What a connection may do with a group was changed.
    Permitted {
        /// What.
        permission: Permission,
        /// Whether it may from now on.
        allowed: bool,
    },
    /// A message was accepted.
    Published(Box<Published>),
    /// A shard has delivered a message to the recipients that it owns.
    Delivered(Delivered),
    /// Messages were dropped, since their time to live had passed.
    Dropped {
        /// So many.
        messages: usize,
    },
    /// A call of the data plane was answered.
    RestCall(Box<RestCall>),
    /// An event handler was called.
    UpstreamCall(Box<UpstreamCall>),
}

/// Tells a message from all others, while recording is on; 0 is a message that nobody records.
///
/// Unique within the process: the low byte names who gave the number out, a worker or (255) everybody else. In a cluster each begins at a number of
/// [`MessageId::RANDOM_BITS`] random bits, so that two messages of different nodes have the same id once in thousands of millions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub u64);

impl MessageId {
    /// Who gives out numbers beside the workers.
    pub const ELSEWHERE: u8 = 255;
    /// As many as leave room to count up from there for ever.
    pub const RANDOM_BITS: u32 = 55;

    /// The number before the first one of a giver, by random bits.
    pub fn first_serial(random: u128) -> u64 {
        random as u64 >> (u64::BITS - Self::RANDOM_BITS)
    }

    /// The number `serial` of a giver.
    pub fn new(serial: u64, giver: u8) -> Self {
        Self(serial << 8 | u64::from(giver))
    }

    /// Whether anybody records the message.
    pub fn is_recorded(self) -> bool {
        self.0 != 0
    }
}

/// Where a message comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// An application, through REST.
    #[default]
    Application,
    /// An operator, through the console.
    Operator,
    /// A client.
    Client(ConnectionId),
    /// The answer of an event handler.
    Handler,
}

/// A message that was accepted.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its id.
    pub message: MessageId,
    /// Who is meant.
    pub target: Target,
    /// Where it comes from.
    pub source: Source,
    /// Its payload.
    pub data: Data,
    /// Whether it belongs to a stream.
    pub stream: bool,
    /// The expression that a connection must satisfy.
    pub filter: Option<Arc<Filter>>,
    /// How many connections are left out by id.
    pub excluded: usize,
    /// Whether the publisher is left out.
    pub no_echo: bool,
    /// How long a copy may wait, in seconds; 0 means for ever.
    pub ttl_s: u16,
    /// The trace that its publisher is in.
    pub trace_id: Option<TraceId>,
}

impl Published {
    /// What an envelope has to tell.
    pub fn of(envelope: &Envelope) -> Self {
        let no_echo =
            matches!(envelope.source, Source::Client(publisher) if envelope.excluded.contains(&publisher));
        Self {
            message: envelope.message_id,
            target: envelope.target.clone(),
            source: envelope.source,
            data: envelope.message.data.clone(),
            stream: envelope.message.stream.is_some(),
            filter: envelope.filter.clone(),
            excluded: envelope.excluded.len(),
            no_echo,
            ttl_s: envelope.ttl_s,
            trace_id: envelope.cause.map(|cause| cause.trace_id),
        }
    }
}

/// What became of a message in one shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    /// The message.
    pub message: MessageId,
    /// Connections that were meant.
    pub recipients: usize,
    /// Those that got it, or have it kept.
    pub delivered: usize,
    /// Those that were left out by id.
    pub excluded: usize,
    /// Those that the filter left out.
    pub filtered: usize,
    /// Those whose protocol cannot show it.
    pub skipped: usize,
    /// Those that could not take it, and ended.
    pub overflowed: usize,
}

/// A call of the data plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestCall {
    /// The operation, as metrics name it.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The HTTP status.
    pub status: u16,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// The trace that the caller is in.
    pub trace_id: Option<TraceId>,
    /// The error's code and text, if it was refused.
    pub error: Option<(&'static str, String)>,
}

/// A call of an event handler, with all its attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamCall {
    /// The event's name.
    pub event: String,
    /// The id that the handler is told in `x-ms-client-request-id`.
    pub request_id: String,
    /// The handler's URL, without its query.
    pub url: String,
    /// The HTTP status of the last attempt; 0 if there was no answer.
    pub status: u16,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Why it failed.
    pub failure: Option<String>,
}
