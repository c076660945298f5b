use hubwire_auth::TokenError;

/// Why a token of an issuer opens nothing. No text repeats the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The token breaks a rule of every token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Another issuer has signed it.
    #[error("the token is of the issuer `{actual}`, and only `{expected}` is trusted (setting entra.issuer)")]
    Issuer {
        /// The issuer that is trusted.
        expected: String,
        /// That of the token.
        actual: String,
    },
    /// It was made for somebody else.
    #[error("the token is for {actual}, and not for `{expected}` (setting entra.audience)")]
    Audience {
        /// The audience that is expected.
        expected: String,
        /// Those of the token.
        actual: String,
    },
    /// The issuer's keys cannot be had, and none are known from before.
    #[error("the keys of the issuer cannot be had: {0}")]
    Unavailable(String),
}
