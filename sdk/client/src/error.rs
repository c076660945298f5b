//! What can go wrong.

use std::sync::Arc;

use crate::event::Closure;

/// An error of another crate, shared because [`Error`] can be cloned.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the service says about a request that it refused, in its own words.
///
/// `name` is for programs (`Forbidden`, `InternalServerError`, `NotFound`, …; more may come), `message` for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct ErrorDetail {
    /// The error's name.
    pub name: String,
    /// The error in a sentence.
    pub message: String,
}

/// Why an operation did not succeed.
///
/// No variant ever holds a token or the query of a URL.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client was never started, or it was stopped, before the operation had its answer. If `ack_id` is there, the request had been
    /// written, so it may have taken effect.
    #[error("the client is stopped")]
    Stopped {
        /// The request's ack id, if it had been written.
        ack_id: Option<u64>,
    },
    /// [`Client::start`](crate::Client::start) was called while the client was not stopped.
    #[error("a client can be started only when it is stopped")]
    AlreadyStarted,
    /// An argument breaks a rule for which the service would close the connection, so nothing was sent.
    #[error("{0}")]
    InvalidArgument(String),
    /// The payload is not JSON text, or JSON of another shape than asked for.
    #[error("the payload is not the JSON that is wanted")]
    Json(#[source] Arc<serde_json::Error>),
    /// The credential's function did not give a client access URL.
    #[error("no client access URL was obtained")]
    Credential(#[source] Source),
    /// The connection could not be opened.
    #[error("the connection could not be opened: {reason}")]
    Connect {
        /// What happened, in words.
        reason: String,
        /// The HTTP status, where the service answered the handshake with one: 401 for a token it does not accept, 400 for a bad hub
        /// name, 429 for too many connections, or what the application's `connect` handler chose.
        status: Option<u16>,
    },
    /// The service refused a request: a negative ack. Names that say that the request itself is wrong (`Forbidden`, `BadRequest`,
    /// `NotFound`) come at once, all others after the retries of the message retry policy.
    #[error("the service refused the request: {error}")]
    Refused {
        /// The request's ack id. The service remembers only ids of requests that succeeded, so the request may be repeated with it.
        ack_id: u64,
        /// The service's own words.
        error: ErrorDetail,
    },
    /// The connection ended before the answer came, and the retries are used up or not wanted. The request may have taken effect.
    #[error("the connection was lost before the request was answered: {closure}")]
    ConnectionLost {
        /// The request's ack id.
        ack_id: Option<u64>,
        /// How the connection ended.
        closure: Closure,
    },
    /// No ack came within the ack time-out, as often as the message retry policy allows. The request may have taken effect.
    #[error("no ack came in time")]
    AckTimeout {
        /// The request's ack id.
        ack_id: u64,
    },
    /// The answer is behind events that the application does not take: the client's event buffer was full for the whole stall
    /// time-out and nobody took an event. The request may have taken effect. See the guarantees in the crate documentation.
    #[error("the answer is behind events that nobody takes")]
    EventsNotTaken {
        /// The request's ack id, for requests with one.
        ack_id: Option<u64>,
    },
    /// A request with this ack id is already waiting for its answer.
    #[error("a request with the ack id {0} is already waiting for its answer")]
    AckIdInUse(u64),
    /// An invocation with this id is already waiting for its answer.
    #[error("an invocation with the id {0:?} is already waiting for its answer")]
    InvocationIdInUse(String),
    /// The service answered an invocation with a failure. Invocations are never retried.
    #[error("the invocation failed: {error}")]
    InvocationFailed {
        /// The invocation's id.
        invocation_id: String,
        /// The service's own words; `NotFound` means that no event handler takes the event.
        error: ErrorDetail,
    },
    /// A group stream is over, and not by a success.
    #[error("the group stream ended: {error}")]
    StreamEnded {
        /// The stream's id.
        stream_id: String,
        /// Why: `IdleTimeout`, `Forbidden`, `BadRequest`, `StreamNotFound`, `InternalServerError` or more from the service;
        /// `ConnectionLost`, `Stopped`, `Completed` or `ProtocolViolation` from this client.
        error: ErrorDetail,
    },
    /// A stream with this id is already open on this client.
    #[error("a stream with the id {0:?} is already open")]
    StreamIdInUse(String),
}

impl Error {
    /// The ack id of the request that failed, to repeat it with: the service carries a request out once for each id and session.
    pub fn ack_id(&self) -> Option<u64> {
        match self {
            Self::Refused { ack_id, .. } | Self::AckTimeout { ack_id } | Self::AckIdInUse(ack_id) => {
                Some(*ack_id)
            }
            Self::Stopped { ack_id }
            | Self::ConnectionLost { ack_id, .. }
            | Self::EventsNotTaken { ack_id } => *ack_id,
            _ => None,
        }
    }

    /// The service's own words, where it said any.
    pub fn detail(&self) -> Option<&ErrorDetail> {
        match self {
            Self::Refused { error, .. }
            | Self::InvocationFailed { error, .. }
            | Self::StreamEnded { error, .. } => Some(error),
            _ => None,
        }
    }

    pub(crate) fn connect(reason: impl Into<String>) -> Self {
        Self::Connect { reason: reason.into(), status: None }
    }
}

impl ErrorDetail {
    pub(crate) fn new(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), message: message.into() }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(Arc::new(error))
    }
}
