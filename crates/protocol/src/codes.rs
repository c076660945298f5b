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
    /// The session's unacknowledged messages reached their limit.
    pub const WINDOW_FULL: Self = Self::new(POLICY, "The reliable message buffer is full.");
}

/// The error of a failed request, as an `ack` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckError {
    /// One of the names that the protocol lists.
    pub name: &'static str,
    /// A sentence for a person.
    pub message: Cow<'static, str>,
}

impl AckError {
    /// The service could not do it: for an event, no handler took it.
    pub const INTERNAL: Self =
        Self { name: "InternalServerError", message: Cow::Borrowed("Internal server error") };

    /// The same ack id has already taken effect on this connection.
    pub fn duplicate(ack_id: u64) -> Self {
        let message = format!("Message with ack-id: {ack_id} has been processed");
        Self { name: "Duplicate", message: message.into() }
    }

    /// The client lacks the permission; `action` is `join`, `leave` or `send to`.
    pub fn forbidden(action: &str, group: &str) -> Self {
        let message = format!("The client does not have permission to {action} group '{group}'.");
        Self { name: "Forbidden", message: message.into() }
    }

    /// A bound of the connection was reached; `message` names it.
    pub fn bad_request(message: &'static str) -> Self {
        Self { name: "BadRequest", message: message.into() }
    }
}
