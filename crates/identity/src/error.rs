use hubwire_auth::TokenError;

/// Why a token of an issuer opens nothing. No text repeats the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The token breaks a rule of every token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Another issuer has signed it.
    #[error(
        "the token is of the issuer `{actual}`, and only `{expected}` is trusted (setting {table}.issuer)"
    )]
    Issuer {
        /// The table of the settings that say so.
        table: &'static str,
        /// The issuer that is trusted.
        expected: String,
        /// That of the token.
        actual: String,
    },
    /// It was made for somebody else.
    #[error("the token is for {actual}, and not for `{expected}` (setting {table}.{setting})")]
    Audience {
        /// The table of the settings that say so.
        table: &'static str,
        /// The setting in it.
        setting: &'static str,
        /// The audience that is expected.
        expected: String,
        /// Those of the token.
        actual: String,
    },
    /// The issuer's keys cannot be had, and none are known from before.
    #[error("the keys of the issuer cannot be had: {0}")]
    Unavailable(String),
    /// The issuer has no sign-in for people, or does not say where.
    #[error("the issuer's discovery document names no `{0}`")]
    NoEndpoint(&'static str),
    /// The issuer gives no token for a code, or none that is one.
    #[error("the issuer gives no token: {0}")]
    Code(String),
    /// The token answers another sign-in than the one that asked for it.
    #[error("the token is not for this sign-in (its nonce is another one)")]
    Nonce,
}
