use serde::Serialize;

use crate::access_key::AccessKey;
use crate::error::TokenError;
use crate::jwt;

/// A token for a client, before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientToken<'a> {
    /// The http or https URL of the client endpoint, without a query: `https://host/client/hubs/{hub}`.
    pub audience: &'a str,
    /// The user id; none and an empty one both make a token without a user.
    pub user_id: Option<&'a str>,
    /// The roles; without any the claim is absent.
    pub roles: &'a [String],
    /// The groups to join when connecting; without any the claim is absent.
    pub groups: &'a [String],
    /// When the token is made, in unix seconds. It is valid from then on.
    pub issued_at_s: u64,
    /// When the token ends, in unix seconds.
    pub expires_at_s: u64,
}

/// The claims of a client token as the service's own `generateToken` and the official clients write them.
#[derive(Serialize)]
struct ClientClaims<'a> {
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    role: &'a [String],
    #[serde(rename = "webpubsub.group", skip_serializing_if = "<[String]>::is_empty")]
    group: &'a [String],
    nbf: u64,
    iat: u64,
    exp: u64,
}

/// The claims that every official client sends with a REST call.
#[derive(Serialize)]
struct RestClaims<'a> {
    aud: &'a str,
    iat: u64,
    exp: u64,
}

/// Makes a client token with the claims that the service's own `generateToken` writes.
///
/// # Errors
/// [`TokenError::Signing`] if the cryptography fails.
pub fn issue_client_token(key: &AccessKey, token: &ClientToken<'_>) -> Result<String, TokenError> {
    let claims = ClientClaims {
        aud: token.audience,
        sub: token.user_id.filter(|user_id| !user_id.is_empty()),
        role: token.roles,
        group: token.groups,
        nbf: token.issued_at_s,
        iat: token.issued_at_s,
        exp: token.expires_at_s,
    };
    jwt::sign(key.expose().as_bytes(), &claims)
}

/// Makes a token for one REST call; `audience` is its URL, and both times are unix seconds.
///
/// # Errors
/// [`TokenError::Signing`] if the cryptography fails.
pub fn issue_rest_token(
    key: &AccessKey,
    audience: &str,
    now_s: u64,
    expires_at_s: u64,
) -> Result<String, TokenError> {
    jwt::sign(key.expose().as_bytes(), &RestClaims { aud: audience, iat: now_s, exp: expires_at_s })
}
