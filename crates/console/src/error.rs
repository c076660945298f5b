use http::StatusCode;
use hubwire_hub::Busy;
use hubwire_protocol::NameError;

/// Why a request of the console is refused. The text is the message that its caller is shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// Something in the request is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A name breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Nobody has signed in.
    #[error("Sign in, or show a console token.")]
    SignInRequired,
    /// The token is none of the console's.
    #[error("This is no console token: settings console.operator_token and console.viewer_token.")]
    WrongToken,
    /// There were too many wrong tokens.
    #[error("Too many wrong tokens; wait a minute.")]
    TooManyAttempts,
    /// Nobody gets in.
    #[error(
        "The console is closed: set console.operator_token, console.viewer_token or console.openid, or run on a loopback address with the development key."
    )]
    Closed,
    /// Somebody has signed in whom the settings do not name.
    #[error(
        "{0} has signed in, but is listed nowhere: settings console.openid.operators and console.openid.viewers."
    )]
    NotListed(String),
    /// Somebody comes back from an issuer whom nobody sent there, or too late.
    #[error("This sign-in was not begun here, or is over; begin again.")]
    NoSignIn,
    /// The way back would lead to another host.
    #[error("People sign in at {0} only, where the issuer sends them back to (setting endpoint).")]
    WrongPlace(String),
    /// The issuer cannot be asked, or lets nobody in.
    #[error("Signing in failed: {0}.")]
    Provider(String),
    /// A viewer wants to act.
    #[error("Viewers may look, not act.")]
    ViewerOnly,
    /// The request comes from a page of somebody else.
    #[error("The request comes from another site, or lacks the header X-Hubwire-Console: 1.")]
    CrossSite,
    /// The request was sent to a name that is none of this machine's.
    #[error("Without a console token the console answers only to localhost, 127.0.0.1 and [::1].")]
    WrongHost,
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The path exists, but not for this method.
    #[error("This method is not supported here.")]
    MethodNotAllowed,
    /// The body is too large.
    #[error("A body has at most 1 MiB.")]
    TooLarge,
    /// There are as many viewers as there may be.
    #[error("There are already {0} viewers.")]
    TooManyViewers(usize),
    /// Nodes that may know do not answer.
    #[error("Nothing here; but a node of the cluster did not answer: {0}.")]
    Silent(String),
    /// Another node asks too early.
    #[error("This node has not asked the others yet which sessions have ended.")]
    NotKnown,
    /// A worker has too much waiting.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The service itself failed.
    #[error("The service failed: {0}.")]
    Internal(&'static str),
}

impl Error {
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(text.into())
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::Name(_) => StatusCode::BAD_REQUEST,
            Self::SignInRequired | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::Closed
            | Self::NotListed(_)
            | Self::ViewerOnly
            | Self::CrossSite
            | Self::WrongHost
            | Self::WrongPlace(_) => StatusCode::FORBIDDEN,
            Self::NoSignIn => StatusCode::BAD_REQUEST,
            Self::Provider(_) => StatusCode::BAD_GATEWAY,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyAttempts | Self::TooManyViewers(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(_) | Self::Silent(_) | Self::NotKnown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::Name(_) => "invalid",
            Self::SignInRequired => "signInRequired",
            Self::WrongToken => "wrongToken",
            Self::TooManyAttempts => "tooManyAttempts",
            Self::Closed => "closed",
            Self::NotListed(_) => "notListed",
            Self::NoSignIn => "noSignIn",
            Self::WrongPlace(_) => "wrongPlace",
            Self::Provider(_) => "provider",
            Self::ViewerOnly => "viewerOnly",
            Self::CrossSite => "crossSite",
            Self::WrongHost => "wrongHost",
            Self::NotFound(_) => "notFound",
            Self::MethodNotAllowed => "methodNotAllowed",
            Self::TooLarge => "tooLarge",
            Self::TooManyViewers(_) => "tooManyViewers",
            Self::Busy(_) => "busy",
            Self::Silent(_) | Self::NotKnown => "silent",
            Self::Internal(_) => "internal",
        }
    }
}
