use http::StatusCode;

/// What can go wrong, in three families: settings ([`Builder`](crate::Builder)), requests ([`EventReader::read`](crate::EventReader::read)),
/// and values that an answer cannot carry.
///
/// The texts name what is wrong and never repeat what was sent, so that they can be logged and answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The hub's name is empty or has a character that no header can carry.
    #[error("the name of the hub is empty or not plain ASCII")]
    InvalidHub,
    /// A connection string without endpoint or without access key.
    #[error("the connection string has no valid {0}")]
    InvalidConnectionString(&'static str),
    /// An endpoint that is not `http://host[:port]` or `https://host[:port]`.
    #[error("an endpoint is not an absolute http or https URL")]
    InvalidEndpoint,
    /// An access key that is empty: anybody could sign with it.
    #[error("an access key is empty")]
    InvalidAccessKey,
    /// Neither a key to verify signatures with was given, nor the word that none is wanted.
    #[error(
        "no access key to verify signatures with: give a connection string or a key, or call accept_unsigned"
    )]
    NoAccessKey,

    /// The request is not for this hub's webhook: another path, method, hub or type of event. Status 404.
    #[error("the request is not an event of this hub")]
    NotReceived,
    /// A header that every event has is missing. Status 400.
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    /// A header that is not UTF-8, or empty where it must not be. Status 400.
    #[error("the header {0} is malformed")]
    MalformedHeader(&'static str),
    /// The request has no signature by a key that is known for its origin. Status 401.
    #[error("the event is not signed with a known access key")]
    Signature,
    /// The request's origin is not among the allowed endpoints. Status 403.
    #[error("the origin is not allowed")]
    OriginNotAllowed,
    /// The body is longer than the setting allows, in bytes. Status 413.
    #[error("the body is longer than {0} bytes")]
    BodyTooLarge(usize),
    /// The body broke off. Status 400.
    #[error("the body could not be read")]
    BodyUnreadable,
    /// The body is not what an event of this type has. Status 400.
    #[error("the body is not {0}")]
    MalformedBody(&'static str),
    /// A user event whose content type is none of text, JSON, binary and protobuf. Status 415.
    #[error(
        "the content type is none of text/plain, application/json, application/octet-stream and application/x-protobuf"
    )]
    UnsupportedContentType,

    /// Metadata that headers cannot carry: see [`Metadata`](crate::Metadata) for its bounds.
    #[error("the metadata's {0}")]
    InvalidMetadata(&'static str),
    /// An MQTT user property that headers cannot carry.
    #[error("the MQTT user property's {0} cannot stand in a header")]
    InvalidUserProperty(&'static str),
    /// More MQTT user properties than an answer may have.
    #[error("an answer has at most {0} MQTT user properties")]
    TooManyUserProperties(usize),
}

impl Error {
    /// The status that a request with this error is answered with. 500 for errors that are not about requests.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotReceived => StatusCode::NOT_FOUND,
            Self::MissingHeader(_)
            | Self::MalformedHeader(_)
            | Self::BodyUnreadable
            | Self::MalformedBody(_) => StatusCode::BAD_REQUEST,
            Self::Signature => StatusCode::UNAUTHORIZED,
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error of whatever type: what handlers may fail with, and what bodies may.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
