use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use hubwire_auth::{Claims, Grade, IssuerKeys, TokenCache, TokenError};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::grade::grade;
use crate::{Error, Settings};

/// A document that is fetched, or why it cannot be had.
pub type Fetched = Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send>>;
/// Fetches the document at a URL, within bounds of time and size of its own.
pub type Fetch = Arc<dyn Fn(&str) -> Fetched + Send + Sync>;

/// How long keys are taken for the newest, in seconds: an issuer that withdraws one is obeyed within this time.
const KEYS_FRESH_S: u64 = 3600;
/// How often the issuer is asked at most, in seconds: tokens with made-up keys must not have it flooded.
const ASKED_EVERY_S: u64 = 30;

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// One issuer, and its keys as far as they are known. They are discovered when the first token comes, and again for a token with an unknown key.
pub struct Issuer {
    settings: Settings,
    fetch: Fetch,
    known: RwLock<Option<Known>>,
    /// When the issuer was asked last; held while it is asked, so that one question serves all who wait for the answer.
    asked: Mutex<Option<u64>>,
    /// Tokens that were good under the keys of now: a signature of RSA costs more than the rest of a call.
    tokens: std::sync::Mutex<TokenCache>,
}

#[derive(Clone)]
struct Known {
    keys: Arc<IssuerKeys>,
    since_s: u64,
}

impl Issuer {
    /// An issuer that has not been asked for anything yet.
    pub fn new(settings: Settings, fetch: Fetch) -> Self {
        Self {
            settings,
            fetch,
            known: RwLock::default(),
            asked: Mutex::default(),
            tokens: std::sync::Mutex::default(),
        }
    }

    /// What the settings say.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What a caller may do who shows a token.
    ///
    /// # Errors
    /// [`Error`] for a token that is not good, and where the issuer's keys cannot be had and none are known.
    pub async fn identify(&self, token: &str, now_s: u64) -> Result<Grade, Error> {
        let known = self.keys(token, now_s).await?;
        let claims = self.verify(&known, token, now_s)?;
        let actual = claims.all.get("iss").and_then(|values| values.first()).cloned().unwrap_or_default();
        if actual.trim_end_matches('/') != self.settings.issuer.trim_end_matches('/') {
            return Err(Error::Issuer { expected: self.settings.issuer.clone(), actual });
        }
        if !claims.audiences.contains(&self.settings.audience) {
            let (expected, actual) = (self.settings.audience.clone(), claims.audiences.join(", "));
            return Err(Error::Audience { expected, actual });
        }
        Ok(grade(&claims, &self.settings))
    }

    fn verify(&self, known: &Known, token: &str, now_s: u64) -> Result<Arc<Claims>, TokenError> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.verify_by(known.since_s, token, now_s, || known.keys.verify(token, now_s))
    }

    /// Keys that can check the token; older ones if the issuer cannot be reached, since a known key does not become wrong by that.
    async fn keys(&self, token: &str, now_s: u64) -> Result<Known, Error> {
        if let Some(known) = self.known().filter(|known| known.serves(token, now_s)) {
            return Ok(known);
        }
        let mut asked = self.asked.lock().await;
        let known = self.known();
        if let Some(known) = known.as_ref().filter(|known| known.serves(token, now_s)) {
            return Ok(known.clone());
        }
        if asked.is_some_and(|asked_s| now_s < asked_s.saturating_add(ASKED_EVERY_S)) {
            let unknown = || match asked.is_some() && known.is_none() {
                true => Error::Unavailable("the issuer did not give them a moment ago".to_owned()),
                false => TokenError::IssuerSignature.into(),
            };
            return known.clone().ok_or_else(unknown);
        }
        *asked = Some(now_s);
        match self.discover().await {
            Ok(keys) => {
                let newest = Known { keys: Arc::new(keys), since_s: now_s };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(newest.clone());
                Ok(newest)
            }
            Err(problem) => {
                metrics::counter!("webpubsub_issuer_failures_total").increment(1);
                tracing::warn!(
                    issuer = self.settings.issuer,
                    problem,
                    "the keys of the issuer cannot be had"
                );
                known.ok_or(Error::Unavailable(problem))
            }
        }
    }

    fn known(&self) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn discover(&self) -> Result<IssuerKeys, String> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let document = (self.fetch)(&format!("{issuer}/.well-known/openid-configuration")).await?;
        let found: Discovery = serde_json::from_slice(&document)
            .map_err(|_| "its discovery document is not what OpenID Connect says it is".to_owned())?;
        // OpenID Connect Discovery §4.3: a document that names another issuer is somebody else's.
        if found.issuer.trim_end_matches('/') != issuer {
            return Err(format!("its discovery document names the issuer `{}`", found.issuer));
        }
        let keys = (self.fetch)(&found.jwks_uri).await?;
        IssuerKeys::parse(&keys).ok_or_else(|| "its keys are not a key set".to_owned())
    }
}

impl Known {
    fn serves(&self, token: &str, now_s: u64) -> bool {
        now_s < self.since_s.saturating_add(KEYS_FRESH_S) && self.keys.knows(token)
    }
}
