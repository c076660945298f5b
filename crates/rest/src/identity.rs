use std::fmt;
use std::future::Future;
use std::pin::Pin;

use hubwire_auth::Grade;

/// Why a token of an issuer opens nothing, in words that do not repeat it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityError {
    /// It is not good.
    Refused(String),
    /// Nobody can tell now, since the issuer cannot be asked for its keys.
    Unavailable(String),
}

/// What comes of a question who calls.
pub type Identified<'a> = Pin<Box<dyn Future<Output = Result<Grade, IdentityError>> + Send + 'a>>;

/// Tells callers by the tokens of an OpenID Connect issuer.
pub trait Identity: fmt::Debug + Send + Sync {
    /// What the caller may do who shows this token, at a time in seconds since 1970.
    fn identify<'a>(&'a self, token: &'a str, now_s: u64) -> Identified<'a>;
}
