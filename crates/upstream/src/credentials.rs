//! Access tokens from an OpenID Connect issuer, by the grant for programs: what a managed identity is outside of a cloud.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::client::{DOCUMENT_TIMEOUT_MS, HttpClient, document};
use crate::{CallError, Secret};

/// How long before its end a token is replaced, in milliseconds.
const MARGIN_MS: u64 = 60_000;
/// How long a token counts whose issuer does not say, in seconds.
const LIFETIME_DEFAULT_S: u64 = 300;

/// Who asks for tokens, and where. The tokens are kept until shortly before their end.
pub struct ClientCredentials {
    /// The issuer, whose token endpoint is discovered at `/.well-known/openid-configuration`; or the token endpoint itself.
    pub issuer: TokenSource,
    /// Who asks.
    pub client_id: String,
    /// What proves it.
    pub client_secret: Secret,
    /// What the token is to be good for, if the issuer wants to know.
    pub scope: Option<String>,
    /// Whom the token is to be shown to, if the issuer wants to know.
    pub audience: Option<String>,
    token: Mutex<Option<Token>>,
}

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// An issuer that says where.
    Issuer(Uri),
    /// The token endpoint.
    TokenUrl(Uri),
}

struct Token {
    header: HeaderValue,
    good_until_ms: u64,
}

#[derive(Deserialize)]
struct Discovery {
    token_endpoint: String,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl ClientCredentials {
    /// Tokens of nobody's yet.
    pub fn new(
        issuer: TokenSource,
        (client_id, client_secret): (String, Secret),
        scope: Option<String>,
        audience: Option<String>,
    ) -> Self {
        Self { issuer, client_id, client_secret, scope, audience, token: Mutex::new(None) }
    }

    /// An `Authorization` header with a token that is good now. One request to the issuer serves all who wait for it.
    pub(crate) async fn header(&self, client: &HttpClient, now_ms: u64) -> Result<HeaderValue, CallError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.good_until_ms > now_ms) {
            return Ok(token.header.clone());
        }
        let granted = tokio::time::timeout(Duration::from_millis(DOCUMENT_TIMEOUT_MS), self.ask(client));
        let granted = granted.await.map_err(|_| refused("the issuer did not answer in time"))??;
        let mut header = HeaderValue::from_str(&format!("Bearer {}", granted.access_token))
            .map_err(|_| refused("the issuer's token cannot stand in a header"))?;
        header.set_sensitive(true);
        let lifetime_ms = granted.expires_in.unwrap_or(LIFETIME_DEFAULT_S).saturating_mul(1000);
        // A token that lives shorter than the margin still serves for half of its life.
        let good_ms = lifetime_ms.saturating_sub(MARGIN_MS).max(lifetime_ms / 2);
        *kept = Some(Token { header: header.clone(), good_until_ms: now_ms.saturating_add(good_ms) });
        Ok(header)
    }

    /// The next call asks for a new token: a handler did not want this one.
    pub(crate) async fn forget(&self) {
        *self.token.lock().await = None;
    }

    async fn ask(&self, client: &HttpClient) -> Result<Granted, CallError> {
        let endpoint = self.token_endpoint(client).await?;
        let mut form = String::from("grant_type=client_credentials");
        for (name, value) in [("scope", &self.scope), ("audience", &self.audience)] {
            if let Some(value) = value {
                form.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        let mut request = Request::new(Full::from(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint;
        let pair = format!("{}:{}", encoded(&self.client_id), encoded(self.client_secret.expose()));
        let mut basic = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))
            .map_err(|_| refused("the client's id or secret cannot stand in a header"))?;
        basic.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, basic);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, content_type);
        answer(client, request, "the token endpoint").await
    }

    async fn token_endpoint(&self, client: &HttpClient) -> Result<Uri, CallError> {
        let issuer = match &self.issuer {
            TokenSource::TokenUrl(url) => return Ok(url.clone()),
            TokenSource::Issuer(issuer) => issuer.to_string(),
        };
        let discovery = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let uri: Uri = discovery.parse().map_err(|_| refused("the issuer is not a URL"))?;
        let mut request = Request::new(Full::<Bytes>::default());
        *request.uri_mut() = uri;
        let found: Discovery = answer(client, request, "the issuer's discovery document").await?;
        found.token_endpoint.parse().map_err(|_| refused("the issuer's token endpoint is not a URL"))
    }
}

async fn answer<T: for<'de> Deserialize<'de>>(
    client: &HttpClient,
    request: Request<Full<Bytes>>,
    what: &str,
) -> Result<T, CallError> {
    let body = document(client, request, what).await.map_err(|error| refused(&error))?;
    // The error of the parser could repeat what it read, which may be a token.
    serde_json::from_slice(&body)
        .map_err(|_| refused(&format!("{what} is not what OpenID Connect says it is")))
}

fn encoded(text: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

fn refused(why: &str) -> CallError {
    CallError::Token(why.to_owned())
}

impl fmt::Debug for ClientCredentials {
    /// Secrets stay out of whatever prints this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
