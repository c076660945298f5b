use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use hubwire_auth::Claims;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::grade::NAMES;
use crate::issuer::Endpoints;
use crate::{ClientSettings, Error, Fetch, Issuer, Settings};

/// An answer to a request, of any status, or a sentence that says why there is none.
pub type Posted = Pin<Box<dyn Future<Output = Result<Response<Bytes>, String>> + Send>>;
/// Sends a request, within bounds of time and size of its own.
pub type Post = Arc<dyn Fn(Request<Bytes>) -> Posted + Send + Sync>;

/// The claims that a person is called by, the best first.
const CALLED_BY: [&str; 4] = ["preferred_username", "email", "name", "sub"];
/// The longest such name, in characters.
const CALLED_CHARACTERS_MAX: usize = 100;

/// What ties the parts of one sign-in together (OpenID Connect Core §3.1.2.1, RFC 7636).
#[derive(Debug, Clone, Copy)]
pub struct Ties<'a> {
    /// Comes back with the code.
    pub state: &'a str,
    /// Stands in the token.
    pub nonce: &'a str,
    /// The SHA-256 digest of a secret that is shown with the code.
    pub challenge: &'a str,
}

/// Somebody who has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What the person is called.
    pub name: String,
    /// Roles, groups and ids of the person, of which the settings list some.
    pub values: Vec<String>,
}

/// Has people sign in at an issuer, by the authorization code flow with PKCE.
pub struct SignIn {
    client: ClientSettings,
    issuer: Issuer,
    post: Post,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

impl SignIn {
    /// A sign-in at an issuer that has not been asked for anything yet.
    pub fn new(client: ClientSettings, fetch: Fetch, post: Post) -> Self {
        let settings = Settings {
            table: ClientSettings::TABLE,
            audience_setting: "client_id",
            issuer: client.issuer.clone(),
            audience: client.client_id.clone(),
            owners: Vec::new(),
            readers: Vec::new(),
        };
        Self { client, issuer: Issuer::new(settings, fetch), post }
    }

    /// What the settings say.
    pub fn settings(&self) -> &ClientSettings {
        &self.client
    }

    /// The URL that a person is sent to.
    ///
    /// # Errors
    /// [`Error`] if the issuer cannot be asked, or does not say where people sign in.
    pub async fn place(&self, ties: Ties<'_>, now_s: u64) -> Result<String, Error> {
        let endpoints = self.issuer.endpoints(now_s).await?;
        let place = endpoints.authorization_endpoint.as_deref();
        let place = place.ok_or(Error::NoEndpoint("authorization_endpoint"))?;
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &self.client.client_id),
            ("redirect_uri", &self.client.redirect_uri),
            ("scope", &self.client.scopes.join(" ")),
            ("state", ties.state),
            ("nonce", ties.nonce),
            ("code_challenge", ties.challenge),
            ("code_challenge_method", "S256"),
        ]);
        let separator = if place.contains('?') { '&' } else { '?' };
        Ok(format!("{place}{separator}{query}"))
    }

    /// Who has come back with a code. `verifier` is the secret whose digest was the challenge.
    ///
    /// # Errors
    /// [`Error`] if the issuer gives no token for the code, or one that is not good, or not for this sign-in.
    pub async fn redeem(&self, code: &str, nonce: &str, verifier: &str, now_s: u64) -> Result<Person, Error> {
        let endpoints = self.issuer.endpoints(now_s).await?;
        let request = self.token_request(&endpoints, code, verifier)?;
        let answer = (self.post)(request).await.map_err(Error::Code)?;
        if !answer.status().is_success() {
            return Err(Error::Code(refusal(&answer)));
        }
        let tokens: Option<Tokens> = serde_json::from_slice(answer.body()).ok();
        let token = tokens.and_then(|tokens| tokens.id_token);
        let token = token.ok_or_else(|| Error::Code("its answer has no id_token".to_owned()))?;
        let claims = self.issuer.claims(&token, now_s).await?;
        let nonces = claims.all.get("nonce").map(Vec::as_slice).unwrap_or_default();
        if nonces != [nonce] {
            return Err(Error::Nonce);
        }
        Ok(person(&claims))
    }

    fn token_request(
        &self,
        endpoints: &Endpoints,
        code: &str,
        verifier: &str,
    ) -> Result<Request<Bytes>, Error> {
        let place = endpoints.token_endpoint.as_deref().ok_or(Error::NoEndpoint("token_endpoint"))?;
        let id = self.client.client_id.as_str();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.client.redirect_uri),
            ("code_verifier", verifier),
        ];
        let methods = endpoints.token_endpoint_auth_methods_supported.as_deref();
        // Without a list it is basic authentication (OpenID Connect Discovery §3).
        let basic = methods.is_none_or(|methods| methods.iter().any(|it| it == "client_secret_basic"));
        let secret = self.client.client_secret.as_deref();
        match secret {
            Some(_) if basic => {}
            Some(secret) => fields.extend([("client_id", id), ("client_secret", secret)]),
            None => fields.push(("client_id", id)),
        }
        let mut request = Request::post(place).body(Bytes::from(form(&fields)));
        if let (Ok(request), Some(secret)) = (&mut request, secret.filter(|_| basic)) {
            let pair = format!("{}:{}", escaped(id), escaped(secret));
            let value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)));
            let mut value = value.map_err(|error| Error::Code(error.to_string()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let mut request = request.map_err(|_| Error::NoEndpoint("token_endpoint"))?;
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(request)
    }
}

/// What a token says of a person.
fn person(claims: &Claims) -> Person {
    let first = |name: &&str| claims.all.get(*name).and_then(|values| values.first()).cloned();
    let name = CALLED_BY.iter().find_map(first).unwrap_or_default();
    let values = NAMES.iter().chain(["email"].iter()).filter_map(|name| claims.all.get(*name));
    Person {
        name: name.chars().filter(|character| !character.is_control()).take(CALLED_CHARACTERS_MAX).collect(),
        values: values.flatten().cloned().collect(),
    }
}

/// Why a code was refused, as the issuer says it (RFC 6749 §5.2).
fn refusal(answer: &Response<Bytes>) -> String {
    match serde_json::from_slice::<Refusal>(answer.body()) {
        Ok(Refusal { error, error_description: Some(description) }) => format!("{error}: {description}"),
        Ok(Refusal { error, .. }) => error,
        Err(_) => format!("it answered with status {}", answer.status()),
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| format!("{name}={}", escaped(value));
    fields.iter().map(field).collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
