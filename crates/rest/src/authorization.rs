use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::header::AUTHORIZATION;
use http::request::Parts;
use hubwire_auth::{
    Claims, Grade, TOKEN_BYTES_MAX, TokenCache, TokenError, bearer_token, is_of_issuer, rest_audience_allows,
};
use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;
use crate::identity::{Identity, IdentityError};
use crate::options::Options;

/// The audience of Microsoft Entra ID tokens for this kind of service.
const ENTRA_AUDIENCE: &str = "https://webpubsub.azure.com";

/// Decides who may call, and remembers tokens that were good.
///
/// The cache belongs to one worker and only its thread uses it, so the lock is never contended; it is there because a request may be
/// handled by a future that could move between threads.
#[derive(Default)]
pub(crate) struct Authorizer {
    tokens: Mutex<TokenCache>,
}

impl Authorizer {
    /// Checks the bearer token of a request: signed with a key, in time, and meant for this path.
    ///
    /// # Errors
    /// [`Error::Token`] if it is not; [`Error::EntraNotConfigured`] for a token of Microsoft Entra ID.
    pub(crate) async fn authorize(
        &self,
        options: &Options,
        head: &Parts,
        authority: Option<&str>,
        path: &str,
        now_s: u64,
    ) -> Result<(), Error> {
        let header = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = bearer_token(header)?;
        if let Some(identity) = options.identity.as_ref().filter(|_| is_of_issuer(token)) {
            return identify(&**identity, token, &head.method, now_s).await;
        }
        if options.access_keys_refused {
            return Err(Error::AccessKeysRefused);
        }
        self.check(options, token, authority, path, now_s)
    }

    /// Checks a token that an access key signed.
    fn check(
        &self,
        options: &Options,
        token: &str,
        authority: Option<&str>,
        path: &str,
        now_s: u64,
    ) -> Result<(), Error> {
        let verified = {
            let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.verify(&options.keys, options.keys_generation, token, now_s)
        };
        let claims = verified.map_err(|error| refusal(token, error))?;
        if claims.audiences.iter().any(|audience| audience == ENTRA_AUDIENCE) {
            return Err(Error::EntraNotConfigured);
        }
        let public = options.public_endpoints.iter().map(String::as_str);
        let authorities: Vec<&str> = authority.into_iter().chain(public).collect();
        rest_audience_allows(&claims, &authorities, path).map_err(|error| without_queries(error, &claims))?;
        Ok(())
    }
}

/// Asks what the caller may do whose token an issuer has signed.
async fn identify(identity: &dyn Identity, token: &str, method: &Method, now_s: u64) -> Result<(), Error> {
    let looks = matches!(*method, Method::GET | Method::HEAD);
    match identity.identify(token, now_s).await {
        Ok(Grade::Owner) => Ok(()),
        Ok(Grade::Reader) if looks => Ok(()),
        Ok(Grade::Reader | Grade::Nobody) => Err(Error::Role),
        Err(IdentityError::Refused(why)) => Err(Error::Identity(why)),
        Err(IdentityError::Unavailable(why)) => Err(Error::IdentityUnavailable(why)),
    }
}

/// Leaves the queries out of the audiences that a caller is shown, because a query can carry what is not for logs.
fn without_queries(error: TokenError, claims: &Claims) -> TokenError {
    let TokenError::Audience { expected, .. } = error else {
        return error;
    };
    let paths = claims.audiences.iter().map(|audience| audience.split('?').next().unwrap_or_default());
    TokenError::Audience { expected, actual: paths.collect::<Vec<_>>().join(", ") }
}

/// A token of Microsoft Entra ID fails as one with an unknown key; its owner is better told that such tokens are not accepted at all.
fn refusal(token: &str, error: TokenError) -> Error {
    if is_entra(token) { Error::EntraNotConfigured } else { Error::Token(error) }
}

/// Whether a token says that it is one of Microsoft Entra ID. Nothing is granted on this, so no signature is needed.
fn is_entra(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Audience {
        aud: Value,
    }
    let payload = token.split('.').nth(1).filter(|_| token.len() <= TOKEN_BYTES_MAX);
    let decoded = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    let audience = decoded.and_then(|json| serde_json::from_slice::<Audience>(&json).ok());
    match audience.map(|audience| audience.aud) {
        Some(Value::String(audience)) => audience == ENTRA_AUDIENCE,
        Some(Value::Array(audiences)) => audiences.iter().any(|audience| audience == ENTRA_AUDIENCE),
        _ => false,
    }
}
