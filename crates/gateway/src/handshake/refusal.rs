use http::{HeaderValue, Response, StatusCode, header};
use hubwire_auth::TokenError;
use hubwire_hub::{Busy, Strain};
use hubwire_protocol::NameError;

use crate::http::{Body, plain};

/// Why a client does not get its socket. The text is the body of the answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// Status 400.
    #[error("This endpoint expects a WebSocket handshake (RFC 6455).")]
    NotWebSocket,
    /// Status 426.
    #[error("Only WebSocket version 13 is spoken here.")]
    Version,
    /// Status 400.
    #[error("Sec-WebSocket-Key is missing or malformed.")]
    Key,
    /// Status 404.
    #[error("There is no such endpoint; clients connect to /client/hubs/{{hub}}.")]
    UnknownPath,
    /// Status 400.
    #[error(transparent)]
    HubName(#[from] NameError),
    /// Status 401.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Status 400.
    #[error("The token contains an invalid group name.")]
    TokenGroup,
    /// Status 400.
    #[error("Invalid webpubsub_mode. Valid modes are sendToGroup and sendEvent.")]
    Mode,
    /// Status 400.
    #[error("The raw sendToGroup group name is invalid.")]
    SimpleGroup,
    /// Status 400.
    #[error("Invalid noEcho. Valid values are true and false.")]
    NoEcho,
    /// Status 403.
    #[error("Pages of this origin may not connect to this hub (setting allowed_origins).")]
    Origin,
    /// Status 429, by the name of the bound.
    #[error("Connection count reaches limit: {0}.")]
    ConnectionLimit(&'static str),
    /// Status 429.
    #[error("Too many handshakes from one address: limit handshakes_per_address_per_s_max.")]
    Pace,
    /// Status 503.
    #[error("The service turns new clients away, since {strain}.")]
    Strained { strain: Strain, retry_after_s: u8 },
    /// Status 503: no reason for a client to give its session up.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The application's own status.
    #[error("The connect event handler rejected the connection.")]
    Rejected(StatusCode),
    /// Status 500: the application could not be asked, or gave no answer that makes sense. The log says more.
    #[error("Internal server error")]
    Unanswered,
    /// Status 500.
    #[error("Internal server error")]
    Internal,
}

impl Refusal {
    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::ConnectionLimit(_) | Self::Pace => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(_) | Self::Strained { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Rejected(status) => *status,
            Self::Unanswered | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer that says so.
    pub(super) fn response(&self) -> Response<Body> {
        let mut response = plain(self.status(), self.to_string());
        let hint = match self {
            Self::Version => Some((header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))),
            Self::Token(_) => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::ConnectionLimit(_) | Self::Pace | Self::Busy(_) => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Self::Strained { retry_after_s, .. } => {
                Some((header::RETRY_AFTER, HeaderValue::from(u16::from(*retry_after_s))))
            }
            _ => None,
        };
        if let Some((name, value)) = hint {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
