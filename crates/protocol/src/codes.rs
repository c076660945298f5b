//! Every close code, reason and error name that a client can be shown, in one place.

use std::borrow::Cow;

/// Why a connection ends, as its close frame and its `disconnected` message say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The WebSocket close code (RFC 6455 §7.4).
    pub code: u16,
    /// The close frame's reason: at most 123 bytes of UTF-8 reach the wire.
    pub reason: Cow<'static, str>,
}

/// A normal end: the client asked for it, or the application did.
pub const NORMAL: u16 = 1000;
/// The service is going away.
pub const GOING_AWAY: u16 = 1001;
/// A frame breaks the WebSocket protocol.
pub const PROTOCOL_ERROR: u16 = 1002;
/// A frame of a type that the subprotocol does not use.
pub const UNSUPPORTED: u16 = 1003;
/// A message that is not valid in its protocol.
pub const INVALID_DATA: u16 = 1007;
/// Not allowed, too slow, or not recoverable. Official clients never try to recover after it.
pub const POLICY: u16 = 1008;
/// A message over the size limit.
pub const TOO_LARGE: u16 = 1009;
/// An event of a simple client failed.
pub const INTERNAL_ERROR: u16 = 1011;

impl Close {
    /// A close with a fixed reason.
    pub const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// The application or the client ended the connection: no reason in the frame.
    pub const NORMAL: Self = Self::new(NORMAL, "");
    /// The service drains before it stops.
    pub const GOING_AWAY: Self = Self::new(GOING_AWAY, "Service reloading, reconnect");
    /// A message that is not valid `json.webpubsub.azure.v1`.
    pub const INVALID_JSON: Self =
        Self::new(INVALID_DATA, "The client message is not a valid JSON protocol message.");
    /// A text frame that is not UTF-8.
    pub const INVALID_UTF8: Self = Self::new(INVALID_DATA, "The client message is not valid UTF-8.");
    /// A binary frame where the subprotocol wants text. JSON in UTF-8 passes; anything else gets this.
    pub const TEXT_REQUIRED: Self = Self::new(UNSUPPORTED, "The JSON subprotocol requires text messages.");
    /// A message that is not valid protobuf of the service's schema; the text names the plain subprotocol for both.
    pub const INVALID_PROTOBUF: Self = Self::new(
        INVALID_DATA,
        "The client message is not a valid protobuf.webpubsub.azure.v1 protocol message.",
    );
    /// A text frame where the subprotocol wants binary.
    pub const BINARY_REQUIRED: Self =
        Self::new(UNSUPPORTED, "The protobuf.webpubsub.azure.v1 subprotocol requires binary messages.");
    /// A message over the size limit.
    pub const MESSAGE_TOO_LARGE: Self = Self::new(TOO_LARGE, "The client message is too large.");
    /// A frame that breaks RFC 6455.
    pub const INVALID_FRAME: Self = Self::new(PROTOCOL_ERROR, "The client frame is invalid.");
    /// A simple client's event had no handler, or the handler failed.
    pub const EVENT_FAILED: Self = Self::new(INTERNAL_ERROR, "Internal server error");
    /// A simple client may not send to its group.
    pub const SEND_NOT_AUTHORIZED: Self =
        Self::new(POLICY, "The connection is not authorized for raw sendToGroup mode.");
    /// A recovery that cannot be served.
    pub const NOT_RECOVERABLE: Self = Self::new(POLICY, "The connection could not be recovered.");
    /// The connection's outbound queue reached its limit.
    pub const QUEUE_FULL: Self = Self::new(POLICY, "The outbound message queue is full.");
    /// Messages for the session may have been lost between two nodes of the service.
    pub const MESSAGES_MISSED: Self = Self::new(POLICY, "Messages may have been missed.");
    /// The session's unacknowledged messages reached their limit.
    pub const WINDOW_FULL: Self = Self::new(POLICY, "The reliable message buffer is full.");
}

/// Why a request failed, as acknowledgements, answers to invocations and closed streams show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestError {
    /// One of the names that the protocol lists.
    pub name: Cow<'static, str>,
    /// A sentence for a person.
    pub message: Cow<'static, str>,
}

impl RequestError {
    /// The service could not do it: for an event, no handler took it.
    pub const INTERNAL: Self = Self::new("InternalServerError", "Internal server error");
    /// The request could not be stored, or nobody said so in time: it may be repeated under its id.
    pub const NOT_STORED: Self = Self::new("InternalServerError", "The request could not be stored.");
    /// There is no open stream with that id on the connection.
    pub const STREAM_NOT_FOUND: Self = Self::new("StreamNotFound", "There is no open stream with this id.");
    /// A stream was silent for longer than its idle time-out.
    pub const STREAM_IDLE: Self = Self::new("IdleTimeout", "The stream was idle for too long.");
    /// No handler is configured that would answer an invocation of this event.
    pub const NO_HANDLER: Self = Self::new("NotFound", "No event handler is registered for the event.");
    /// The application did not answer an invocation in time.
    pub const INVOCATION_TIMEOUT: Self =
        Self::new("Timeout", "The event handler did not answer in time: limit invocation_timeout_ms.");
    /// The client cancelled its invocation.
    pub const INVOCATION_CANCELLED: Self = Self::new("Cancelled", "The invocation was cancelled.");
    /// The connection lacks the permission to set its state in a group.
    pub const STATE_FORBIDDEN: Self = Self::new("Forbidden", "Permission denied.");
    /// Only a member of a group has a state in it.
    pub const NOT_A_MEMBER: Self = Self::new("Forbidden", "Not a member of group.");

    const fn new(name: &'static str, message: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), message: Cow::Borrowed(message) }
    }

    /// The same ack id has already taken effect on this connection.
    pub fn duplicate(ack_id: u64) -> Self {
        Self {
            name: "Duplicate".into(),
            message: format!("Message with ack-id: {ack_id} has been processed").into(),
        }
    }

    /// An invocation with the same id waits for its answer.
    pub fn duplicate_invocation(invocation_id: &str) -> Self {
        Self {
            name: "Duplicate".into(),
            message: format!("Invocation '{invocation_id}' is still pending.").into(),
        }
    }

    /// The client lacks the permission; `action` is `join`, `leave` or `send to`.
    pub fn forbidden(action: &str, group: &str) -> Self {
        let message = format!("The client does not have permission to {action} group '{group}'.");
        Self { name: "Forbidden".into(), message: message.into() }
    }

    /// The client lacks the permission to read the states of a group.
    pub fn states_forbidden(group: &str) -> Self {
        Self {
            name: "Forbidden".into(),
            message: format!("No permission to get states of group {group}.").into(),
        }
    }

    /// The client is not a member of the group whose states it asks for.
    pub fn not_a_member(group: &str) -> Self {
        Self { name: "Forbidden".into(), message: format!("Not a member of group {group}.").into() }
    }

    /// A message of a stream came ahead of the one that is expected.
    pub fn sequence_gap(expected_sequence_id: u64) -> Self {
        let message = format!("The next message of the stream has the sequence id {expected_sequence_id}.");
        Self { name: "InvalidSequenceId".into(), message: message.into() }
    }

    /// Something about the request is wrong, or a bound was reached; `message` says what, and names the bound.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self { name: "BadRequest".into(), message: message.into() }
    }
}
