/// How long a stream may be silent unless its publisher asks for something else, in milliseconds.
pub const STREAM_IDLE_TIMEOUT_DEFAULT_MS: u32 = 300_000;

/// Where a message stands in a stream that a client publishes to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPosition {
    /// The stream's id, as its publisher chose it: unique among the publisher's open streams.
    pub stream_id: Box<str>,
    /// The message's number in its stream: 1 is the first; the message that ends a stream has the number that was expected next.
    pub sequence_id: u64,
    /// Only of the message that ends the stream.
    pub end: Option<StreamEnd>,
}

/// How a stream ended, as its subscribers are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// Its publisher has said all.
    Complete,
    /// It broke off.
    Broken(StreamError),
}

/// Why a stream broke off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamError {
    /// One of the names that the protocol lists for subscribers.
    pub name: &'static str,
    /// A sentence for a person; of a publisher's own error, whatever it said.
    pub message: Box<str>,
    /// A publisher's own code for its own error.
    pub user_error_code: Option<Box<str>>,
}

impl StreamError {
    /// The publisher ended the stream with an error of its own.
    pub fn user(message: Option<Box<str>>, user_error_code: Option<Box<str>>) -> Self {
        Self { name: "UserError", message: message.unwrap_or_default(), user_error_code }
    }

    /// The publisher is gone.
    pub fn cancelled() -> Self {
        Self::named("Cancelled", "The publisher of the stream has disconnected.")
    }

    /// The publisher was silent for too long.
    pub fn idle_timeout() -> Self {
        Self::named("IdleTimeout", "The stream was idle for too long.")
    }

    /// The publisher may no longer send to the group.
    pub fn forbidden() -> Self {
        Self::named("Forbidden", "The publisher may no longer send to the group.")
    }

    /// What the publisher had sent could not be delivered.
    pub fn internal() -> Self {
        Self::named("InternalServerError", "A message of the stream could not be stored.")
    }

    fn named(name: &'static str, message: &str) -> Self {
        Self { name, message: message.into(), user_error_code: None }
    }
}
