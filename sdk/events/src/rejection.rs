use std::borrow::Cow;

use http::StatusCode;

/// The refusal of a client, or of its event, with a status and words. The service answers a refused client's handshake with the status.
///
/// Refusals are errors of handlers, so that `?` refuses:
///
/// ```
/// use webpubsub_events::{ConnectFailure, ConnectRequest, Rejection};
///
/// fn user(request: &ConnectRequest) -> Result<&str, ConnectFailure> {
///     Ok(request.query.get("user").ok_or_else(|| Rejection::unauthorized("who are you?"))?)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    status: StatusCode,
    detail: Option<Cow<'static, str>>,
}

impl Rejection {
    /// A refusal with a status of 400 to 599. Any other would not refuse, so that 500 takes its place.
    pub fn new(status: StatusCode) -> Self {
        let refuses = status.is_client_error() || status.is_server_error();
        Self { status: if refuses { status } else { StatusCode::INTERNAL_SERVER_ERROR }, detail: None }
    }

    /// Says why, to the service, which may show it to the client. An MQTT client gets it as the reason.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Status 400: what the client sent makes no sense.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST).with_detail(detail)
    }

    /// Status 401: the client did not prove who it is, or may not do this.
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED).with_detail(detail)
    }

    /// Status 500: the application cannot tell now. The service may ask again.
    pub fn internal(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR).with_detail(detail)
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Why, in words.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}
