//! A session of somebody who has signed in: all of it is in its cookie, so every node that has the keys knows it, also after a restart.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::error::Error;
use crate::provider::{OpenId, Person};
use crate::seal::{Purpose, Seal};
use crate::settings::{Access, Clock, ConsoleToken, Settings};

/// How long a session is good for, in milliseconds.
pub(crate) const SESSION_MS: u64 = 12 * 3_600_000;
/// What is kept of a person's roles, groups and ids, in bytes of JSON, so that a cookie is not longer than browsers take. Of more the rest is left out,
/// those of viewers before those of operators.
const VALUES_BYTES_MAX: usize = 2_000;

/// Somebody who has signed in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: u128,
    pub(crate) began_ms: u64,
    pub(crate) holder: Holder,
}

/// Who has a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Somebody who had the token of a role.
    Token(Role),
    /// Somebody who signed in elsewhere, with what of the person's roles, groups and ids is listed.
    Person { name: Arc<str>, values: Vec<String> },
}

#[derive(Serialize, Deserialize)]
struct OfToken {
    id: String,
}

#[derive(Serialize, Deserialize)]
struct OfPerson {
    id: String,
    name: String,
    values: Vec<String>,
}

/// A session that a token has opened opens with that token only: who changes the token ends it, and an access key alone makes none.
fn seal_of_token<'a>(settings: &'a Settings, token: &'a ConsoleToken) -> Seal<'a> {
    Seal { keys: &settings.cookie_keys, purpose: Purpose::TokenSession, bound_to: token.expose() }
}

/// What one issuer says of people says nothing where another one is trusted.
fn seal_of_person(openid: &OpenId) -> Seal<'_> {
    Seal { keys: &openid.cookie_keys, purpose: Purpose::PersonSession, bound_to: &openid.issuer }
}

/// The tokens that there are, the mightier first.
pub(crate) fn tokens(settings: &Settings) -> impl Iterator<Item = (Role, &ConsoleToken)> {
    let (operator, viewer) = match &settings.access {
        Access::Tokens { operator, viewer } => (operator.as_ref(), viewer.as_ref()),
        Access::Open | Access::Closed => (None, None),
    };
    let operator = operator.map(|token| (Role::Operator, token));
    operator.into_iter().chain(viewer.map(|token| (Role::Viewer, token)))
}

/// The session in a cookie, if it is one, by these settings.
pub(crate) fn read(settings: &Settings, text: &str, now_ms: u64) -> Option<Session> {
    let session = |id: &str, until_ms: u64, holder| {
        let id = u128::from_str_radix(id, 16).ok()?;
        Some(Session { id, began_ms: until_ms.checked_sub(SESSION_MS)?, holder })
    };
    for (role, token) in tokens(settings) {
        if let Some((OfToken { id }, until_ms)) = seal_of_token(settings, token).open(text, now_ms) {
            return session(&id, until_ms, Holder::Token(role));
        }
    }
    let (OfPerson { id, name, values }, until_ms) =
        seal_of_person(settings.openid.as_ref()?).open(text, now_ms)?;
    session(&id, until_ms, Holder::Person { name: name.into(), values })
}

/// The cookie of a session that a token opens.
pub(crate) fn of_token(
    settings: &Settings,
    token: &ConsoleToken,
    clock: &dyn Clock,
) -> Result<String, Error> {
    let contents = OfToken { id: id(clock) };
    seal_of_token(settings, token).close(&contents, clock.unix_ms() + SESSION_MS, clock)
}

/// The cookie of a session of somebody who has signed in elsewhere, and who is listed.
pub(crate) fn of_person(openid: &OpenId, person: Person, clock: &dyn Clock) -> Result<String, Error> {
    let Person { name, values } = person;
    let contents = OfPerson { id: id(clock), name, values: bounded(openid, values) };
    seal_of_person(openid).close(&contents, clock.unix_ms() + SESSION_MS, clock)
}

fn id(clock: &dyn Clock) -> String {
    format!("{:032x}", clock.random())
}

/// As many values as there is room for, those of operators first.
fn bounded(openid: &OpenId, mut values: Vec<String>) -> Vec<String> {
    values.sort_by_key(|value| !openid.operators.contains(value));
    let (mut bytes, all) = (0, values.len());
    values.retain(|value| {
        let own = serde_json::to_string(value).map_or(usize::MAX, |text| text.len() + 1);
        let fits = own <= VALUES_BYTES_MAX - bytes;
        bytes += if fits { own } else { 0 };
        fits
    });
    if values.len() < all {
        metrics::counter!("webpubsub_console_claims_left_out_total").increment((all - values.len()) as u64);
        tracing::warn!(
            all,
            kept = values.len(),
            "somebody has more roles and groups than a cookie has room for"
        );
    }
    values
}

#[cfg(test)]
mod tests {
    use hubwire_auth::{AccessKey, AccessKeys};

    use super::*;
    use crate::provider::{Provider, Told};
    use crate::seal::CookieKeys;
    use crate::seal::tests::{NOW_MS, StandingClock};
    use crate::settings::Payloads;

    #[derive(Debug)]
    struct Nobody;

    impl Provider for Nobody {
        fn place<'a>(&'a self, _: &'a str, _: &'a str, _: &'a str, _: u64) -> Told<'a, String> {
            Box::pin(async { Ok(String::new()) })
        }

        fn redeem<'a>(&'a self, _: &'a str, _: &'a str, _: &'a str, _: u64) -> Told<'a, Person> {
            Box::pin(async { Ok(ada(&[])) })
        }
    }

    fn ada(values: &[&str]) -> Person {
        Person { name: "ada".to_owned(), values: values.iter().map(|&value| value.to_owned()).collect() }
    }

    fn openid() -> OpenId {
        OpenId {
            name: "Example".to_owned(),
            issuer: "https://login.example.com".to_owned(),
            provider: Arc::new(Nobody),
            operators: vec!["ops".to_owned(), "more-ops".to_owned()],
            viewers: Vec::new(),
            cookie_keys: CookieKeys::new([2; 32], None),
        }
    }

    fn settings(operator: &str, viewer: &str) -> Settings {
        let key = AccessKey::new("x".repeat(32)).unwrap();
        let token = |text: &str| Some(ConsoleToken::new(text.to_owned()));
        Settings {
            enabled: true,
            access: Access::Tokens { operator: token(operator), viewer: token(viewer) },
            openid: Some(openid()),
            payloads: Payloads::Hidden,
            recording: false,
            keys: AccessKeys { primary: key, secondary: None },
            endpoint: "http://127.0.0.1:1".to_owned(),
            development_key: false,
            cookie_keys: CookieKeys::new([1; 32], None),
        }
    }

    fn of_viewer(settings: &Settings) -> String {
        let (_, viewer) = tokens(settings).nth(1).unwrap();
        of_token(settings, viewer, &StandingClock::default()).unwrap()
    }

    #[test]
    fn a_session_is_what_its_cookie_says_wherever_the_settings_are_the_same() {
        let viewer = of_viewer(&settings("o", "v"));
        let session = read(&settings("o", "v"), &viewer, NOW_MS).unwrap();
        assert_eq!((session.holder, session.began_ms), (Holder::Token(Role::Viewer), NOW_MS));
        let person = of_person(&openid(), ada(&["ops"]), &StandingClock::default()).unwrap();
        let session = read(&settings("o", "v"), &person, NOW_MS).unwrap();
        let holder = Holder::Person { name: "ada".into(), values: vec!["ops".to_owned()] };
        assert_eq!((session.holder, session.began_ms), (holder, NOW_MS));
    }

    #[test]
    fn a_session_ends_with_the_token_that_opened_it() {
        let viewer = of_viewer(&settings("o", "v"));
        assert!(read(&settings("other", "v"), &viewer, NOW_MS).is_some());
        assert_eq!(read(&settings("o", "other"), &viewer, NOW_MS), None);
    }

    #[test]
    fn a_session_of_a_person_ends_with_the_trust_in_the_issuer() {
        let person = of_person(&openid(), ada(&["ops"]), &StandingClock::default()).unwrap();
        let mut elsewhere = settings("o", "v");
        elsewhere.openid = Some(OpenId { issuer: "https://other.example.com".to_owned(), ..openid() });
        assert_eq!(read(&elsewhere, &person, NOW_MS), None);
        elsewhere.openid = None;
        assert_eq!(read(&elsewhere, &person, NOW_MS), None);
    }

    #[test]
    fn a_session_ends_after_twelve_hours() {
        let viewer = of_viewer(&settings("o", "v"));
        assert!(read(&settings("o", "v"), &viewer, NOW_MS + SESSION_MS - 1).is_some());
        assert_eq!(read(&settings("o", "v"), &viewer, NOW_MS + SESSION_MS), None);
    }

    #[test]
    fn who_has_more_groups_than_a_cookie_has_room_for_stays_an_operator() {
        let many: Vec<_> = (0..500).map(|number| format!("a group with the number {number}")).collect();
        let values: Vec<&str> = many.iter().map(String::as_str).chain(["ops", "more-ops"]).collect();
        let cookie = of_person(&openid(), ada(&values), &StandingClock::default()).unwrap();
        let Holder::Person { values, .. } = read(&settings("o", "v"), &cookie, NOW_MS).unwrap().holder else {
            panic!("it is a person's");
        };
        assert_eq!(values[..2], ["ops", "more-ops"]);
        assert!(values.len() < 100, "{}", values.len());
    }
}
