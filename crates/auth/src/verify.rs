use crate::access_key::{AccessKey, AccessKeys};
use crate::claims::Claims;
use crate::error::TokenError;
use crate::jwt;
use crate::lifetime::CLOCK_SKEW_S;

/// The longest token that is read, in bytes. It travels in a request line or header, of which servers commonly take 8 to
/// 32 KiB; a hundred roles of a hundred characters take 14 KiB.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Checks a token that an access key signed: the signature (HS256, HS384 or HS512, the primary key and then the secondary),
/// that it expires, and that now lies within its lifetime give or take [`CLOCK_SKEW_S`].
///
/// The issuer does not matter. The audience is **not** checked: follow with
/// [`rest_audience_allows`](crate::rest_audience_allows) or [`client_audience_allows`](crate::client_audience_allows).
///
/// # Errors
/// [`TokenError`] with the first rule that the token breaks; the caller answers 401.
pub fn verify(keys: &AccessKeys, token: &str, now_s: u64) -> Result<Claims, TokenError> {
    let keys = keys.iter().map(AccessKey::expose).map(str::as_bytes);
    let claims = Claims::from_json(jwt::open(token, keys)?)?;
    claims.lifetime().check(now_s, CLOCK_SKEW_S)?;
    Ok(claims)
}
