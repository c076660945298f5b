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
    #[serde(flatten)]
    endpoints: Endpoints,
}

/// What an issuer's discovery document says for those who have people sign in.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Endpoints {
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
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
    endpoints: Arc<Endpoints>,
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
        Ok(grade(&*self.claims(token, now_s).await?, &self.settings))
    }

    /// What a token says that is good.
    pub(crate) async fn claims(&self, token: &str, now_s: u64) -> Result<Arc<Claims>, Error> {
        let serves = |known: &Known| known.serves(token, now_s);
        let unknown = || TokenError::IssuerSignature.into();
        let known = self.asked(serves, unknown, now_s).await?;
        let claims = self.verify(&known, token, now_s)?;
        let table = self.settings.table;
        let actual = claims.all.get("iss").and_then(|values| values.first()).cloned().unwrap_or_default();
        if actual.trim_end_matches('/') != self.settings.issuer.trim_end_matches('/') {
            return Err(Error::Issuer { table, expected: self.settings.issuer.clone(), actual });
        }
        if !claims.audiences.contains(&self.settings.audience) {
            let (expected, actual) = (self.settings.audience.clone(), claims.audiences.join(", "));
            let setting = self.settings.audience_setting;
            return Err(Error::Audience { table, setting, expected, actual });
        }
        Ok(claims)
    }

    fn verify(&self, known: &Known, token: &str, now_s: u64) -> Result<Arc<Claims>, TokenError> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.verify_by(known.since_s, token, now_s, || known.keys.verify(token, now_s))
    }

    /// Where people sign in.
    pub(crate) async fn endpoints(&self, now_s: u64) -> Result<Arc<Endpoints>, Error> {
        let silent = || Error::Unavailable("the issuer was asked a moment ago".to_owned());
        Ok(self.asked(|known| known.is_fresh(now_s), silent, now_s).await?.endpoints)
    }

    /// What is known of the issuer and serves; older knowledge if it cannot be reached, since a known key does not become wrong by that. `unserved`
    /// says why what is known does not serve, if the issuer was asked a moment ago.
    async fn asked(
        &self,
        serves: impl Fn(&Known) -> bool,
        unserved: impl Fn() -> Error,
        now_s: u64,
    ) -> Result<Known, Error> {
        if let Some(known) = self.known().filter(|known| serves(known)) {
            return Ok(known);
        }
        let mut asked = self.asked.lock().await;
        let known = self.known();
        if let Some(known) = known.clone().filter(|known| serves(known)) {
            return Ok(known);
        }
        if asked.is_some_and(|asked_s| now_s < asked_s.saturating_add(ASKED_EVERY_S)) {
            let unknown = || match known.is_none() {
                true => Error::Unavailable("the issuer did not give them a moment ago".to_owned()),
                false => unserved(),
            };
            return known.clone().ok_or_else(unknown);
        }
        *asked = Some(now_s);
        match self.discover().await {
            Ok((keys, endpoints)) => {
                let (keys, endpoints) = (Arc::new(keys), Arc::new(endpoints));
                let newest = Known { keys, endpoints, since_s: now_s };
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

    async fn discover(&self) -> Result<(IssuerKeys, Endpoints), String> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let document = (self.fetch)(&format!("{issuer}/.well-known/openid-configuration")).await?;
        let found: Discovery = serde_json::from_slice(&document)
            .map_err(|_| "its discovery document is not what OpenID Connect says it is".to_owned())?;
        // OpenID Connect Discovery §4.3: a document that names another issuer is somebody else's.
        if found.issuer.trim_end_matches('/') != issuer {
            return Err(format!("its discovery document names the issuer `{}`", found.issuer));
        }
        let keys = (self.fetch)(&found.jwks_uri).await?;
        let keys = IssuerKeys::parse(&keys).ok_or_else(|| "its keys are not a key set".to_owned())?;
        Ok((keys, found.endpoints))
    }
}

impl Known {
    fn serves(&self, token: &str, now_s: u64) -> bool {
        self.is_fresh(now_s) && self.keys.knows(token)
    }

    fn is_fresh(&self, now_s: u64) -> bool {
        now_s < self.since_s.saturating_add(KEYS_FRESH_S)
    }
}
