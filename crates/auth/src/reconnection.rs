use std::fmt;

use serde::Serialize;

use crate::claims::take;
use crate::error::TokenError;
use crate::jwt;
use crate::lifetime::Lifetime;

/// How long a reconnection token is valid, in seconds: seven days, as the protocol documentation says.
pub const RECONNECTION_LIFETIME_S: u64 = 7 * 24 * 60 * 60;

/// Reconnection tokens come from one service and go back to it, so their clock needs no tolerance.
const SKEW_S: u64 = 0;

/// The issuer that the service writes into its reconnection tokens.
const ISSUER: &str = "https://webpubsub.azure.com";

/// `nbf` is left out: it would only refuse a client that comes back just after the server's clock was set back.
#[derive(Serialize)]
struct ReconnectionToken<'a> {
    iss: &'a str,
    aud: &'a str,
    jti: &'a str,
    exp: u64,
}

/// The secret behind the tokens with which a reliable client claims its connection again.
///
/// It is the service's own and not an access key, so that replacing an access key breaks no recovery.
#[derive(Clone)]
pub struct ReconnectionKey([u8; 32]);

impl ReconnectionKey {
    /// Takes 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Makes a token for one connection, valid for [`RECONNECTION_LIFETIME_S`]. `token_id` is a random text (`jti`) that
    /// tells two tokens of the same second apart.
    ///
    /// # Errors
    /// [`TokenError::Signing`] if the cryptography fails.
    pub fn issue(&self, connection_id: &str, token_id: &str, now_s: u64) -> Result<String, TokenError> {
        let exp = now_s.saturating_add(RECONNECTION_LIFETIME_S);
        jwt::sign(&self.0, &ReconnectionToken { iss: ISSUER, aud: connection_id, jti: token_id, exp })
    }

    /// Checks that a token was made with this key for this connection and has not expired. A token may be used again.
    ///
    /// # Errors
    /// [`TokenError`] with the first rule that the token breaks; the caller closes with 1008.
    pub fn verify(&self, token: &str, connection_id: &str, now_s: u64) -> Result<(), TokenError> {
        let mut claims = jwt::open(token, std::iter::once(self.0.as_slice()))?;
        Lifetime::take(&mut claims)?.check(now_s, SKEW_S)?;
        if take(&mut claims, "iss") != [ISSUER] {
            return Err(TokenError::Issuer);
        }
        let audiences = take(&mut claims, "aud");
        if audiences != [connection_id] {
            return Err(TokenError::audience(&[connection_id.to_owned()], &audiences));
        }
        Ok(())
    }
}

impl fmt::Debug for ReconnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReconnectionKey(redacted)")
    }
}
