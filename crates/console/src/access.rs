use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderName, Method};
use tokio::sync::OnceCell;

use crate::error::Error;
use crate::provider::{OpenId, Person};
use crate::revocations::Revocations;
use crate::session::{self, Holder, SESSION_MS, Session};
use crate::settings::{Access, Clock, ConsoleToken, Settings};

/// The header that every request that changes something carries. A page of another site cannot set it without being asked first.
pub(crate) const HEADER: &str = "X-Hubwire-Console";
/// The cookie of those who have signed in.
const COOKIE_NAME: &str = "hubwire_console";
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

/// Who has signed in, as far as it is not in cookies.
#[derive(Default)]
pub(crate) struct Sessions {
    revocations: Mutex<Revocations>,
    /// Set when this node knows which sessions ended before it began.
    pub(crate) known: OnceCell<()>,
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
            let (role, _) = self.token(settings, token, clock.unix_ms())?;
            return Ok(Caller::of(role, "bearer"));
        }
        let session = self.session(settings, head, clock).ok_or(Error::SignInRequired)?;
        match session.holder {
            Holder::Token(role) => Ok(Caller::of(role, "token")),
            // Whoever is not listed any more is out.
            Holder::Person { name, values } => {
                let role = settings.openid.as_ref().and_then(|openid| openid.role(&values));
                let role = role.ok_or(Error::SignInRequired)?;
                Ok(Caller { name: Some(name), ..Caller::of(role, "openid") })
            }
        }
    }

    /// The session that a request belongs to, unless it has ended.
    pub(crate) fn session(&self, settings: &Settings, head: &Parts, clock: &dyn Clock) -> Option<Session> {
        let session = session::read(settings, cookie(head, COOKIE_NAME)?, clock.unix_ms())?;
        (!self.revocations().covers(session.id, session.began_ms)).then_some(session)
    }

    /// Which sessions have ended before their time.
    pub(crate) fn revocations(&self) -> MutexGuard<'_, Revocations> {
        lock(&self.revocations)
    }

    /// Signs in, and answers the value of the header that sets the cookie.
    pub(crate) fn sign_in(
        &self,
        settings: &Settings,
        token: &str,
        secure: bool,
        clock: &dyn Clock,
    ) -> Result<(Caller, String), Error> {
        let (role, token) = self.token(settings, token, clock.unix_ms())?;
        let cookie = session::of_token(settings, token, clock)?;
        Ok((Caller::of(role, "token"), set_cookie(&cookie, SESSION_MS / 1000, secure)))
    }

    /// The console token that somebody has shown, and what it lets do.
    fn token<'a>(
        &self,
        settings: &'a Settings,
        given: &str,
        now_ms: u64,
    ) -> Result<(Role, &'a ConsoleToken), Error> {
        let mut attempts = lock(&self.attempts);
        if now_ms.saturating_sub(attempts.0) >= MINUTE_MS {
            *attempts = (now_ms, 0);
        }
        if attempts.1 >= ATTEMPTS_MAX {
            return Err(Error::TooManyAttempts);
        }
        let found = find(settings, given);
        if found.is_none() {
            attempts.1 += 1;
            metrics::counter!("webpubsub_console_refusals_total").increment(1);
            tracing::warn!("somebody tried to enter the console with a wrong token");
        }
        found.ok_or(Error::WrongToken)
    }
}

/// Lets somebody in who has signed in elsewhere, and answers the value of the header that sets the cookie.
pub(crate) fn admit(
    openid: &OpenId,
    person: Person,
    secure: bool,
    clock: &dyn Clock,
) -> Result<String, Error> {
    let Person { name, values } = person;
    let values = openid.listed(values);
    let role = openid.role(&values).ok_or_else(|| Error::NotListed(name.clone()))?;
    tracing::info!(name, role = role.name(), "somebody has signed in to the console");
    let cookie = session::of_person(openid, Person { name, values }, clock)?;
    Ok(set_cookie(&cookie, SESSION_MS / 1000, secure))
}

/// The value of the header that takes the cookie of a session away.
pub(crate) fn take_cookie(secure: bool) -> String {
    set_cookie("", 0, secure)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fingerprint(token: &str) -> digest::Digest {
    digest::digest(&digest::SHA256, token.as_bytes())
}

/// The token that was shown, and what it lets do. Takes the same time for every token that is none.
fn find<'a>(settings: &'a Settings, given: &str) -> Option<(Role, &'a ConsoleToken)> {
    let given = fingerprint(given);
    let is = |token: &ConsoleToken| {
        verify_slices_are_equal(fingerprint(token.expose()).as_ref(), given.as_ref()).is_ok()
    };
    session::tokens(settings).find(|(_, token)| is(token))
}

fn header<'a>(head: &'a Parts, name: &HeaderName) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

fn bearer(head: &Parts) -> Option<&str> {
    let (scheme, token) = header(head, &AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    let cookies = head.headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
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
