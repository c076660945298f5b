/// Why a token is refused. The text tells its maker what to change, and never repeats the token or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The request carries no token.
    #[error("the request has no bearer token")]
    Missing,
    /// The token is longer than [`TOKEN_BYTES_MAX`](crate::TOKEN_BYTES_MAX); it was not read.
    #[error("the token is longer than {} bytes", crate::TOKEN_BYTES_MAX)]
    TooLarge,
    /// The text is not a signed JSON Web Token, or a claim that the service reads has the wrong type.
    #[error("the token is not a well-formed JSON Web Token")]
    Malformed,
    /// The header names `none`, an asymmetric algorithm, or one that is not known.
    #[error("the token must be signed with HS256, HS384 or HS512")]
    Algorithm,
    /// No valid key makes this signature.
    #[error("the signature of the token does not match any access key of this service")]
    Signature,
    /// No key of the issuer makes this signature.
    #[error("the signature of the token does not match any key of the issuer")]
    IssuerSignature,
    /// There is no `exp`.
    #[error("the token has no expiry (claim exp)")]
    ExpiryMissing,
    /// `exp` has passed, the tolerance for differing clocks included.
    #[error("the token expired at {expires_at_s} (unix seconds), and it is {now_s}")]
    Expired {
        /// The `exp` of the token, in unix seconds.
        expires_at_s: u64,
        /// The time of the check, in unix seconds.
        now_s: u64,
    },
    /// `nbf` is still to come, the tolerance for differing clocks included.
    #[error("the token is valid from {not_before_s} (unix seconds), and it is {now_s}")]
    NotYetValid {
        /// The `nbf` of the token, in unix seconds.
        not_before_s: u64,
        /// The time of the check, in unix seconds.
        now_s: u64,
    },
    /// `nbf` is later than `exp`, so that the token is never valid.
    #[error("the token begins to be valid (claim nbf) after it expires (claim exp)")]
    NeverValid,
    /// The token was made for another address. The wording is the one that the service logs.
    #[error("Failed to validate audience. Expected Audiences: {expected}. Actual Audiences: {actual}")]
    Audience {
        /// What would have been accepted, separated by commas.
        expected: String,
        /// The audiences of the token, separated by commas.
        actual: String,
    },
    /// A reconnection token was not made by this service.
    #[error("the reconnection token has another issuer")]
    Issuer,
    /// A token could not be made.
    #[error("the token could not be signed")]
    Signing,
}

impl TokenError {
    pub(crate) fn audience(expected: &[String], actual: &[String]) -> Self {
        Self::Audience { expected: expected.join(", "), actual: actual.join(", ") }
    }
}
