use http::StatusCode;

use crate::egress::EgressError;

/// Why a handler could not be called, or why its answer does not count. The text is for logs: it names the cause and, where there is one,
/// the setting, and no secret.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Calls may not go there.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The host cannot be reached, or broke off.
    #[error("{0}")]
    Transport(String),
    /// There was no whole answer in time.
    #[error("no answer within {0} ms: limit upstream_call_timeout_ms")]
    Timeout(u64),
    /// The time was over while the call waited to be repeated.
    #[error("{1}; repeated within {0} ms without success: limit upstream_call_timeout_ms")]
    Repeated(u64, Box<CallError>),
    /// The answer's status says no.
    #[error("the handler answered with status {0}")]
    Status(StatusCode),
    /// The answer is too large.
    #[error("the answer exceeds {0} bytes: limit upstream_answer_bytes_max")]
    TooLarge(usize),
    /// The answer is not what its kind of event is answered with.
    #[error("the answer cannot be understood: {0}")]
    Malformed(String),
    /// The handler's own validation did not allow this service.
    #[error(
        "AbuseProtectionResponseMissingAllowedOrigin: Abuse protection for '{url}' missing allowed origins: {allowed}; the answer to OPTIONS must have a header WebHook-Allowed-Origin with `*` or `{origin}`"
    )]
    OriginNotAllowed {
        /// The URL, without its query.
        url: String,
        /// The origins that it allows.
        allowed: String,
        /// The origin that was asked for.
        origin: String,
    },
    /// The handler's own validation failed.
    #[error("AbuseProtectionResponseInvalidStatusCode: Abuse protection for '{url}' failed: {status}.")]
    ValidationStatus {
        /// The URL, without its query.
        url: String,
        /// The status of the answer to OPTIONS, or to GET.
        status: StatusCode,
    },
    /// The handler could not be asked for its validation.
    #[error("the handler could not be validated: {0}")]
    Validation(Box<CallError>),
    /// There is no token to show to the handler.
    #[error("no access token for the handler: {0}")]
    Token(String),
    /// The event cannot be written as a request.
    #[error("the event cannot be sent: {0}")]
    Request(String),
}

impl CallError {
    /// The status that the handler last answered with; 0 if it did not answer.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Status(status) | Self::ValidationStatus { status, .. } => status.as_u16(),
            Self::Repeated(_, error) | Self::Validation(error) => error.status(),
            _ => 0,
        }
    }
}

impl CallError {
    /// Whether the same call might succeed a moment later: the host was away or out of order, and did not say no.
    pub fn is_worth_repeating(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Status(status) => *status == StatusCode::REQUEST_TIMEOUT || status.is_server_error(),
            _ => false,
        }
    }

    /// Whether nobody at the host has seen the call: whatever goes there next will fare no better.
    ///
    /// A validation that the host itself refused says nothing of other events: one URL template makes a URL for each hub, and the host may want
    /// the events of one and not of another.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Egress(_) | Self::Transport(_) | Self::Token(_) => true,
            Self::Validation(error) | Self::Repeated(_, error) => error.is_away(),
            Self::Timeout(_)
            | Self::Status(_)
            | Self::TooLarge(_)
            | Self::Malformed(_)
            | Self::OriginNotAllowed { .. }
            | Self::ValidationStatus { .. }
            | Self::Request(_) => false,
        }
    }
}
