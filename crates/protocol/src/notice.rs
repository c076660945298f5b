use crate::codes::RequestError;
use crate::{ConnectionId, Data, Metadata, UserId};

/// What the service tells one client about its own connection and requests.
///
/// A notice is never numbered: one that is lost with its socket is not sent again after a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice<'a> {
    /// The greeting.
    Connected {
        /// The connection's id.
        connection: ConnectionId,
        /// Its user.
        user: Option<&'a UserId>,
        /// What a reliable client recovers its session with; no other client has one.
        reconnection_token: Option<&'a str>,
    },
    /// The connection is about to be closed, for this reason.
    Disconnected(&'a str),
    /// The answer to a ping.
    Pong,
    /// The acknowledgement of a request that asked for one.
    Ack {
        /// The request's id.
        ack_id: u64,
        /// Why it failed; `None` if it took effect.
        error: Option<&'a RequestError>,
    },
    /// What came of an invocation.
    InvokeResponse {
        /// The invocation's id.
        invocation_id: &'a str,
        /// What the application answered, if it said anything, or why it did not.
        outcome: Result<Option<&'a Data>, &'a RequestError>,
        /// Names and values that the application attached.
        metadata: Option<&'a Metadata>,
    },
    /// Everything of a stream before this number has been accepted.
    StreamAck {
        /// The stream's id.
        stream_id: &'a str,
        /// The number that is expected next.
        expected_sequence_id: u64,
    },
    /// A message of a stream was not accepted; the stream is still open.
    StreamNack {
        /// The stream's id.
        stream_id: &'a str,
        /// The number that is expected next.
        expected_sequence_id: u64,
        /// Why.
        error: &'a RequestError,
    },
    /// A stream is closed, or was never open.
    StreamClosed {
        /// The stream's id.
        stream_id: &'a str,
        /// Why; `None` if its publisher ended it.
        error: Option<&'a RequestError>,
    },
}
