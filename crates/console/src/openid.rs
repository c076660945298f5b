//! Signing in at an OpenID Connect issuer: away to it, and back with a code.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Either;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::{self, cookie, same_site};
use crate::answer::{self, Body, uncached};
use crate::api::Call;
use crate::error::Error;
use crate::provider::{OpenId, ProviderError};
use crate::seal::{Purpose, Seal};
use crate::settings::{Access, Clock, Settings};

/// The cookie of those who are on their way. Lax, since they come back from another site.
const COOKIE_NAME: &str = "hubwire_console_sign_in";
/// How long somebody may take to sign in, in seconds.
const SIGN_IN_S: u64 = 600;
/// People who come back in a minute, by everybody together.
const RETURNS_MAX: u32 = 60;
/// Sign-ins that are remembered to have come back. As many as can within the time that one may take, so that none is forgotten too early.
const SPENT_MAX: usize = RETURNS_MAX as usize * (SIGN_IN_S as usize / 60 + 2);
const MINUTE_MS: u64 = 60_000;
/// Characters of an issuer's own words that are shown.
const WORDS_MAX: usize = 300;
/// Where people come back to, below the endpoint.
pub const CALLBACK_PATH: &str = "/console/api/openid/callback";

/// What ties a sign-in to the browser that began: it is in that browser's cookie, so that it may come back to any node.
#[derive(Serialize, Deserialize)]
struct Departure {
    state: String,
    nonce: String,
    verifier: String,
}

/// The sign-ins that have come back to this node: none comes back twice. To another node it may, with a code that the issuer takes once.
#[derive(Default)]
pub(crate) struct SignIns {
    /// Their states, and until when their cookies are good.
    spent: Mutex<HashMap<String, u64>>,
    /// When the minute began, and those that came back in it.
    returns: Mutex<(u64, u32)>,
}

impl SignIns {
    /// Takes in a sign-in that has come back, once.
    fn spend(&self, state: &str, until_ms: u64, now_ms: u64) -> Result<(), Error> {
        let mut spent = lock(&self.spent);
        if spent.contains_key(state) {
            return Err(Error::NoSignIn);
        }
        let mut returns = lock(&self.returns);
        if now_ms.saturating_sub(returns.0) >= MINUTE_MS {
            *returns = (now_ms, 0);
        }
        returns.1 = returns.1.saturating_add(1);
        spent.retain(|_, until_ms| *until_ms > now_ms);
        if returns.1 > RETURNS_MAX || spent.len() >= SPENT_MAX {
            return Err(Error::TooManyAttempts);
        }
        spent.insert(state.to_owned(), until_ms);
        Ok(())
    }
}

fn seal_of_departure(openid: &OpenId) -> Seal<'_> {
    Seal { keys: &openid.cookie_keys, purpose: Purpose::SignIn, bound_to: &openid.issuer }
}

/// Why a sign-in came to nothing is sealed as well, so that the page shows nobody else's words.
fn seal_of_refusal(settings: &Settings) -> Seal<'_> {
    Seal { keys: &settings.cookie_keys, purpose: Purpose::Refusal, bound_to: "" }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How people can get in, and why this browser's last try failed.
pub(crate) fn ways(call: &Call<'_>) -> Result<Response<Body>, Error> {
    same_site(call.head)?;
    let tokens = match &call.settings.access {
        Access::Tokens { operator, viewer } => operator.is_some() || viewer.is_some(),
        Access::Open | Access::Closed => false,
    };
    let mut shown = json!({"token": tokens});
    if let Some(openid) = &call.settings.openid {
        shown["openid"] = json!({"name": openid.name, "start": "api/openid/start"});
        let endpoint = call.settings.endpoint.as_str();
        if call.authority().is_none_or(|host| !is_of(endpoint, host)) {
            shown["openid"]["place"] = format!("{endpoint}/console/").into();
        }
    }
    let now_ms = call.shared.desk.clock.unix_ms();
    let cookie = cookie(call.head, COOKIE_NAME);
    let refusal = cookie.and_then(|text| seal_of_refusal(call.settings).open::<String>(text, now_ms));
    if let Some((words, _)) = refusal {
        shown["refusal"] = words.into();
    }
    Ok(answer::json(&shown))
}

/// Sends somebody to the issuer, or back to the page with words why not.
pub(crate) async fn start(call: &Call<'_>) -> Result<Response<Body>, Error> {
    same_site(call.head)?;
    match depart(call).await {
        Err(error) => refuse(call, &error),
        departed => departed,
    }
}

async fn depart(call: &Call<'_>) -> Result<Response<Body>, Error> {
    let openid = openid(call)?;
    let endpoint = call.settings.endpoint.as_str();
    // The cookie and the way back must be of one host.
    if call.authority().is_none_or(|host| !is_of(endpoint, host)) {
        return Err(Error::WrongPlace(format!("{endpoint}/console/")));
    }
    let clock = &*call.shared.desk.clock;
    let (state, nonce, verifier) = (secret(clock), secret(clock), secret(clock));
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    let place = openid.provider.place(&state, &nonce, &challenge, clock.unix_ms() / 1000).await;
    let place = place.map_err(|ProviderError(words)| Error::Provider(shown(&words)))?;
    let departure = Departure { state, nonce, verifier };
    let cookie = seal_of_departure(openid).close(&departure, until_ms(clock), clock)?;
    redirect(&place, &[set_cookie(&cookie, SIGN_IN_S, endpoint)])
}

/// Takes in somebody who comes back: with a session, or with words why not, which the page shows.
pub(crate) async fn finish(call: &Call<'_>) -> Result<Response<Body>, Error> {
    match admit(call).await {
        Ok(session) => redirect("/console/", &[session, set_cookie("", 0, &call.settings.endpoint)]),
        Err(error) => refuse(call, &error),
    }
}

/// Sends somebody to the page, which is told why nobody signed in.
fn refuse(call: &Call<'_>, error: &Error) -> Result<Response<Body>, Error> {
    metrics::counter!("webpubsub_console_refusals_total").increment(1);
    tracing::warn!(%error, "somebody could not sign in to the console");
    let clock = &*call.shared.desk.clock;
    let cookie = seal_of_refusal(call.settings).close(&error.to_string(), until_ms(clock), clock)?;
    redirect("/console/", &[set_cookie(&cookie, SIGN_IN_S, &call.settings.endpoint)])
}

/// When a cookie that is made now is over.
fn until_ms(clock: &dyn Clock) -> u64 {
    clock.unix_ms() + SIGN_IN_S * 1000
}

async fn admit(call: &Call<'_>) -> Result<String, Error> {
    let (clock, parameters) = (&*call.shared.desk.clock, call.parameters());
    let openid = openid(call)?;
    let departure = cookie(call.head, COOKIE_NAME)
        .and_then(|text| seal_of_departure(openid).open::<Departure>(text, clock.unix_ms()));
    let (Departure { state, nonce, verifier }, until_ms) = departure.ok_or(Error::NoSignIn)?;
    let given = |name| parameters.get(name).unwrap_or_default();
    if verify_slices_are_equal(given("state").as_bytes(), state.as_bytes()).is_err() {
        return Err(Error::NoSignIn);
    }
    call.shared.sign_ins.spend(&state, until_ms, clock.unix_ms())?;
    // An answer of another issuer must not be taken for one of this (RFC 9207).
    let issuer = parameters.get("iss").unwrap_or(&openid.issuer);
    if issuer.trim_end_matches('/') != openid.issuer.trim_end_matches('/') {
        return Err(Error::Provider("the answer is of another issuer".to_owned()));
    }
    if let Some(error) = parameters.get("error") {
        let description = given("error_description");
        let words = if description.is_empty() { error.to_owned() } else { format!("{error}: {description}") };
        return Err(Error::Provider(shown(&words)));
    }
    let now_s = clock.unix_ms() / 1000;
    let person = openid.provider.redeem(given("code"), &nonce, &verifier, now_s).await;
    let person = person.map_err(|ProviderError(words)| Error::Provider(shown(&words)))?;
    let secure = call.settings.endpoint.starts_with("https:");
    access::admit(openid, person, secure, clock)
}

/// An issuer's own words, as far as they are shown; the sentence that they stand in has an end of its own.
fn shown(words: &str) -> String {
    let words = words.trim_end_matches(['.', ' ']);
    words.chars().filter(|it| !it.is_control()).take(WORDS_MAX).collect()
}

fn openid<'a>(call: &Call<'a>) -> Result<&'a OpenId, Error> {
    let missing = || Error::NotFound("Nobody signs in elsewhere: setting console.openid.".to_owned());
    call.settings.openid.as_ref().ok_or_else(missing)
}

fn is_of(endpoint: &str, host: &str) -> bool {
    endpoint.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

/// 256 bits that nobody can guess, in 43 characters: as many as a verifier has at least (RFC 7636 §4.1).
fn secret(clock: &dyn Clock) -> String {
    let (first, second) = (clock.random().to_be_bytes(), clock.random().to_be_bytes());
    URL_SAFE_NO_PAD.encode([first, second].concat())
}

fn set_cookie(value: &str, age_s: u64, endpoint: &str) -> String {
    let secure = if endpoint.starts_with("https:") { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={value}; Path=/console/; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}")
}

fn redirect(place: &str, cookies: &[String]) -> Result<Response<Body>, Error> {
    let header = |text: &str| HeaderValue::from_str(text).map_err(|_| Error::Internal("a URL has no header"));
    let mut response = uncached(Response::new(Either::Left(Bytes::new().into())));
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, header(place)?);
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, header(cookie)?);
    }
    Ok(response)
}
