use http::StatusCode;
use hubwire_auth::TokenError;
use hubwire_hub::Busy;
use hubwire_protocol::{MetadataError, NameError};

/// Why a request is refused. The text is the `message` that callers are shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// No operation has this path.
    #[error("There is no resource at this path.")]
    UnknownPath,
    /// The path exists, but not for this method.
    #[error("This method is not supported here. Supported: {allow}.")]
    MethodNotAllowed { allow: &'static str },
    /// The path decodes to something that is not UTF-8.
    #[error("The request path is not valid UTF-8.")]
    PathEncoding,
    /// The query decodes to something that is not UTF-8.
    #[error("The query is not valid UTF-8.")]
    QueryEncoding,
    /// `api-version` is unknown or stands twice.
    #[error("The specified API version is not supported.")]
    ApiVersion,
    /// The bearer token is missing or not good enough.
    #[error("The request is not authorized: {0}.")]
    Token(#[from] TokenError),
    /// The token is one of Microsoft Entra ID.
    #[error(
        "Microsoft Entra ID tokens are not accepted, because no issuer is configured. Sign with an access key."
    )]
    EntraNotConfigured,
    /// A token of an issuer is not good.
    #[error("{0}")]
    Identity(String),
    /// Nobody can tell whether a token of an issuer is good.
    #[error("{0}")]
    IdentityUnavailable(String),
    /// The caller is known, and has no role that lets it make this call.
    #[error(
        "The caller's token is good, but it has no role for this call: settings entra.owners and entra.readers."
    )]
    Role,
    /// The call is signed with an access key, which the settings refuse.
    #[error("Calls that are signed with an access key are refused: setting entra.required.")]
    AccessKeysRefused,
    /// A hub, group or user in the path, or the group in `targetName`, breaks the rule of its kind.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The connection in the path is blank.
    #[error("Invalid connection ID.")]
    ConnectionId,
    /// The permission in the path is none of the known ones.
    #[error("Invalid permission: expected sendToGroup or joinLeaveGroup.")]
    Permission,
    /// `messageTtlSeconds` is not a number from 0 to 300.
    #[error("Invalid messageTtlSeconds.")]
    MessageTtl,
    /// A parameter that is named as the error's target breaks its rule.
    #[error("Invalid {0}.")]
    Parameter(&'static str),
    /// A `group` of a client token breaks the rule of group names.
    #[error("Invalid group name.")]
    TokenGroup,
    /// A client token would be larger than the service accepts later.
    #[error("The token would have {bytes} bytes, more than the {bytes_max} that are accepted from a client.")]
    TokenTooLarge { bytes: usize, bytes_max: usize },
    /// An answer must contain the service's address, but the request does not say which one the caller used.
    #[error("The request has no Host header.")]
    Host,
    /// The filter does not parse or does not type-check.
    #[error(transparent)]
    Filter(#[from] hubwire_filter::Error),
    /// The body is longer than the limit, or its announced length is no number.
    #[error("Invalid Content-Length header.")]
    ContentLength,
    /// The body did not arrive in time.
    #[error("The request body did not arrive within {timeout_ms} ms.")]
    BodyTimeout { timeout_ms: u64 },
    /// The connection failed while the body arrived.
    #[error("The request body could not be read.")]
    BodyBroken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The content type is none that the operation takes, or its charset is unknown.
    #[error("The content type is not supported. Supported: {supported}.")]
    MediaType { supported: &'static str },
    /// The body is not one JSON document, or is null, or nests deeper than 63 levels: no client could be shown it.
    #[error("The request body is not a valid JSON.")]
    Json,
    /// The body is not text in its charset.
    #[error("The request body is not valid {charset} text.")]
    Text { charset: &'static str },
    /// The body is JSON, but not the one of a bulk change of groups.
    #[error("The request body is not a valid groups request.")]
    GroupsRequest,
    /// The groups of a bulk change are missing, none, or one of them breaks the rule of group names.
    #[error("A nonempty list of valid group names is required.")]
    GroupNames,
    /// A metadata header breaks a rule.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The connection in question is not there.
    #[error("Connection `{0}` is not found.")]
    NoSuchConnection(String),
    /// The group in question has no member.
    #[error("Group `{0}` has no connection.")]
    NoSuchGroup(String),
    /// The user in question has no connection.
    #[error("User `{0}` has no connection.")]
    NoSuchUser(String),
    /// A connection that should join a group is not there.
    #[error("Connection `{0}` is not found.")]
    JoinConnection(String),
    /// A user that should join a group has no connection.
    #[error("User `{0}` is not found.")]
    JoinUser(String),
    /// A connection that should be granted a permission is not there.
    #[error("Connection `{0}` is not found.")]
    GrantConnection(String),
    /// The connection lacks the permission in question, or is not there.
    #[error("Connection `{connection}` doesn't have the permission `{permission}`.")]
    PermissionMissing { connection: String, permission: &'static str },
    /// The connection has as many permissions for single groups as it may.
    #[error(
        "Connection `{connection}` has reached the limit of 1000 literal permissions for `{permission}`."
    )]
    PermissionLimit { connection: String, permission: &'static str },
    /// A connection that should join a group is in as many as it may be.
    #[error(
        "A connection has reached the limit of the groups it may be in. Memberships below the limit were made."
    )]
    GroupLimit,
    /// The hub is called faster than it may be.
    #[error("The hub is called too fast: limit rest_calls_per_hub_per_s_max.")]
    Pace,
    /// A worker has too much waiting.
    #[error("The service is busy. {0}")]
    Busy(#[from] Busy),
    /// Something of the service itself failed.
    #[error("The service failed: {0}.")]
    Internal(&'static str),
}

/// What callers are shown besides the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) status: StatusCode,
    /// The `code` of the body and of the header `x-ms-error-code`.
    pub(crate) code: &'static str,
    /// The part of the request, or the kind of thing, that the error is about.
    pub(crate) target: &'static str,
}

const REQUEST: &str = "Request";
const CONNECTION: &str = "Connection";

impl Error {
    /// Status, code and target. Codes and targets are the ones that the service is known to use, where it is known.
    pub(crate) fn outline(&self) -> Outline {
        match self {
            Self::UnknownPath => outline(StatusCode::NOT_FOUND, "Error.NotFound", REQUEST),
            Self::MethodNotAllowed { .. } => {
                outline(StatusCode::METHOD_NOT_ALLOWED, "Error.MethodNotAllowed", REQUEST)
            }
            Self::Token(_) | Self::EntraNotConfigured | Self::Identity(_) | Self::AccessKeysRefused => {
                outline(StatusCode::UNAUTHORIZED, "Error.Unauthorized", REQUEST)
            }
            Self::Role => outline(StatusCode::FORBIDDEN, "Error.Forbidden", REQUEST),
            Self::IdentityUnavailable(_) => outline(StatusCode::SERVICE_UNAVAILABLE, "Error.Busy", "Service"),
            Self::MediaType { .. } => {
                outline(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Error.UnsupportedMediaType", REQUEST)
            }
            Self::BodyTimeout { .. } => outline(StatusCode::REQUEST_TIMEOUT, "Error.RequestTimeout", REQUEST),
            Self::Pace => outline(StatusCode::TOO_MANY_REQUESTS, "Error.TooManyRequests", REQUEST),
            Self::Busy(Busy::TooLarge) => {
                outline(StatusCode::PAYLOAD_TOO_LARGE, "Error.RequestBodyTooLarge", REQUEST)
            }
            Self::Busy(_) => outline(StatusCode::SERVICE_UNAVAILABLE, "Error.Busy", "Service"),
            Self::Internal(_) => {
                outline(StatusCode::INTERNAL_SERVER_ERROR, "Error.InternalServerError", "Service")
            }
            Self::ApiVersion => bad_request("api-version"),
            Self::Parameter(name) => bad_request(name),
            Self::TokenGroup => bad_request("group"),
            other => other.missing().unwrap_or(bad_request(REQUEST)),
        }
    }

    /// The outline of an error about a connection, group or user that is not there or can take no more.
    fn missing(&self) -> Option<Outline> {
        let not_found = |code, target| Some(outline(StatusCode::NOT_FOUND, code, target));
        match self {
            Self::NoSuchConnection(_) => not_found("Warning.Connection.NotExisted", CONNECTION),
            Self::NoSuchGroup(_) => not_found("Warning.Group.NotExisted", "Group"),
            Self::NoSuchUser(_) => not_found("Warning.User.NotExisted", "User"),
            Self::JoinConnection(_) => not_found("Error.Connection.NotExisted", CONNECTION),
            Self::JoinUser(_) => not_found("Error.User.NotExisted", "User"),
            Self::GrantConnection(_) | Self::PermissionMissing { .. } => {
                not_found("Info.Connection.NotExisted", CONNECTION)
            }
            Self::PermissionLimit { .. } | Self::GroupLimit => {
                Some(outline(StatusCode::CONFLICT, "Error.Connection.Conflict", CONNECTION))
            }
            _ => None,
        }
    }
}

const fn outline(status: StatusCode, code: &'static str, target: &'static str) -> Outline {
    Outline { status, code, target }
}

const fn bad_request(target: &'static str) -> Outline {
    outline(StatusCode::BAD_REQUEST, "Error.BadRequest", target)
}
