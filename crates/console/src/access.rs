use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderName, Method};

use crate::error::Error;
use crate::provider::{OpenId, Person};
use crate::settings::{Access, Clock, ConsoleToken, Settings};

/// The header that every request that changes something carries. A page of another site cannot set it without being asked first.
pub(crate) const HEADER: &str = "X-Hubwire-Console";
/// The cookie of those who have signed in.
const COOKIE_NAME: &str = "hubwire_console";
/// How long a cookie is good for, in seconds.
const SESSION_S: u64 = 12 * 3600;
/// Cookies that are good at a time; for one more the oldest is withdrawn.
const SESSIONS_MAX: usize = 1_024;
/// Wrong tokens that are looked at in a minute.
const ATTEMPTS_MAX: u32 = 10;
const MINUTE_MS: u64 = 60_000;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Viewer,
    Operator,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

/// Who asks, and how that is known: `open`, `token`, `bearer` or `openid`.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) role: Role,
    pub(crate) how: &'static str,
    /// What the caller is called, where that is known.
    pub(crate) name: Option<Arc<str>>,
}

impl Caller {
    fn of(role: Role, how: &'static str) -> Self {
        Self { role, how, name: None }
    }
}

type Fingerprint = [u8; 32];

struct Session {
    holder: Holder,
    until_ms: u64,
}

/// Who has a session.
enum Holder {
    /// Somebody who had a token.
    Token(Fingerprint),
    /// Somebody who signed in elsewhere, with what of the person's roles, groups and ids is listed.
    Person { name: Arc<str>, values: Vec<String> },
}

/// Who has signed in.
#[derive(Default)]
pub(crate) struct Sessions {
    sessions: Mutex<HashMap<u128, Session>>,
    /// When the minute began, and the wrong tokens in it.
    attempts: Mutex<(u64, u32)>,
}

impl Sessions {
    /// Who asks.
    pub(crate) fn caller(
        &self,
        settings: &Settings,
        head: &Parts,
        clock: &dyn Clock,
    ) -> Result<Caller, Error> {
        same_site(head)?;
        match &settings.access {
            Access::Closed => Err(Error::Closed),
            Access::Open if !is_local(head) => Err(Error::WrongHost),
            Access::Open => Ok(Caller::of(Role::Operator, "open")),
            Access::Tokens { .. } => self.signed_in(settings, head, clock),
        }
    }

    fn signed_in(&self, settings: &Settings, head: &Parts, clock: &dyn Clock) -> Result<Caller, Error> {
        if let Some(token) = bearer(head) {
            let role = self.role_of(settings, token, clock.unix_ms())?;
            return Ok(Caller::of(role, "bearer"));
        }
        let id = cookie(head, COOKIE_NAME).ok_or(Error::SignInRequired)?;
        let now_ms = clock.unix_ms();
        let sessions = lock(&self.sessions);
        let session =
            sessions.get(&id).filter(|session| session.until_ms > now_ms).ok_or(Error::SignInRequired)?;
        match &session.holder {
            // A token that was changed takes all that it opened with it.
            Holder::Token(fingerprint) => {
                let role = role(settings, fingerprint).ok_or(Error::SignInRequired)?;
                Ok(Caller::of(role, "token"))
            }
            // Whoever is not listed any more is out.
            Holder::Person { name, values } => {
                let role = settings.openid.as_ref().and_then(|openid| openid.role(values));
                let role = role.ok_or(Error::SignInRequired)?;
                Ok(Caller { name: Some(name.clone()), ..Caller::of(role, "openid") })
            }
        }
    }

    /// Signs in, and answers the value of the header that sets the cookie.
    pub(crate) fn sign_in(
        &self,
        settings: &Settings,
        token: &str,
        secure: bool,
        clock: &dyn Clock,
    ) -> Result<(Caller, String), Error> {
        let now_ms = clock.unix_ms();
        let role = self.role_of(settings, token, now_ms)?;
        let cookie = self.open(Holder::Token(fingerprint(token)), secure, clock);
        Ok((Caller::of(role, "token"), cookie))
    }

    /// Lets somebody in who has signed in elsewhere, and answers the value of the header that sets the cookie.
    pub(crate) fn admit(
        &self,
        openid: &OpenId,
        person: Person,
        secure: bool,
        clock: &dyn Clock,
    ) -> Result<String, Error> {
        let Person { name, values } = person;
        let values = openid.listed(values);
        let role = openid.role(&values).ok_or_else(|| Error::NotListed(name.clone()))?;
        tracing::info!(name, role = role.name(), "somebody has signed in to the console");
        let holder = Holder::Person { name: name.into(), values };
        Ok(self.open(holder, secure, clock))
    }

    /// Opens a session, and answers the value of the header that sets its cookie.
    fn open(&self, holder: Holder, secure: bool, clock: &dyn Clock) -> String {
        let now_ms = clock.unix_ms();
        let (id, until_ms) = (clock.random(), now_ms + SESSION_S * 1000);
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, session| session.until_ms > now_ms);
        if sessions.len() >= SESSIONS_MAX
            && let Some(oldest) =
                sessions.iter().min_by_key(|(_, session)| session.until_ms).map(|(id, _)| *id)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(id, Session { holder, until_ms });
        set_cookie(&format!("{id:032x}"), SESSION_S, secure)
    }

    /// Signs out, and answers the value of the header that takes the cookie away.
    pub(crate) fn sign_out(&self, head: &Parts, secure: bool) -> String {
        if let Some(id) = cookie(head, COOKIE_NAME) {
            lock(&self.sessions).remove(&id);
        }
        set_cookie("", 0, secure)
    }

    fn role_of(&self, settings: &Settings, token: &str, now_ms: u64) -> Result<Role, Error> {
        let mut attempts = lock(&self.attempts);
        if now_ms.saturating_sub(attempts.0) >= MINUTE_MS {
            *attempts = (now_ms, 0);
        }
        if attempts.1 >= ATTEMPTS_MAX {
            return Err(Error::TooManyAttempts);
        }
        let found = role(settings, &fingerprint(token));
        if found.is_none() {
            attempts.1 += 1;
            metrics::counter!("webpubsub_console_refusals_total").increment(1);
            tracing::warn!("somebody tried to enter the console with a wrong token");
        }
        found.ok_or(Error::WrongToken)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fingerprint(token: &str) -> Fingerprint {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    fingerprint
}

/// What a token may do. Takes the same time for every token.
fn role(settings: &Settings, given: &Fingerprint) -> Option<Role> {
    let Access::Tokens { operator, viewer } = &settings.access else {
        return None;
    };
    let is = |token: &Option<ConsoleToken>| {
        token
            .as_ref()
            .is_some_and(|token| verify_slices_are_equal(&fingerprint(token.expose()), given).is_ok())
    };
    match (is(operator), is(viewer)) {
        (true, _) => Some(Role::Operator),
        (false, true) => Some(Role::Viewer),
        (false, false) => None,
    }
}

fn header<'a>(head: &'a Parts, name: &HeaderName) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

fn bearer(head: &Parts) -> Option<&str> {
    let (scheme, token) = header(head, &AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The number in a cookie.
pub(crate) fn cookie(head: &Parts, name: &str) -> Option<u128> {
    let cookies = head.headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).and_then(|(_, id)| u128::from_str_radix(id, 16).ok())
}

fn set_cookie(value: &str, age_s: u64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={value}; Path=/console/; HttpOnly; SameSite=Strict; Max-Age={age_s}{secure}")
}

/// Refuses what a page of another site has a browser send.
pub(crate) fn same_site(head: &Parts) -> Result<(), Error> {
    let elsewhere = header(head, &HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let changes = !matches!(head.method, Method::GET | Method::HEAD);
    let host = header(head, &HOST).or(head.uri.authority().map(|authority| authority.as_str()));
    let foreign =
        header(head, &ORIGIN).is_some_and(|origin| origin.split_once("://").map(|(_, host)| host) != host);
    let marked = head.headers.get("x-hubwire-console").is_some_and(|value| value == "1");
    if elsewhere || foreign || (changes && !marked) { Err(Error::CrossSite) } else { Ok(()) }
}

/// Whether the request was sent to a name of this machine: a name of somebody else's that points here is not one.
fn is_local(head: &Parts) -> bool {
    let host = header(head, &HOST).or(head.uri.authority().map(|authority| authority.as_str()));
    let Some(Ok(authority)) = host.map(str::parse::<http::uri::Authority>) else {
        return false;
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
