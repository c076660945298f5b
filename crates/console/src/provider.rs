use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::CookieKeys;
use crate::access::Role;

/// What comes of a question to a [`Provider`].
pub type Told<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// Why nobody can sign in, or somebody could not, in words that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderError(pub String);

/// Somebody who has signed in elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What the person is called.
    pub name: String,
    /// Roles, groups and ids that the issuer gives the person.
    pub values: Vec<String>,
}

/// Whoever people sign in at, by the authorization code flow of OpenID Connect with PKCE.
pub trait Provider: Send + Sync + fmt::Debug {
    /// The URL that a person is sent to. `state`, `nonce` and `challenge` (a SHA-256 digest, RFC 7636) tie the answer to this sign-in.
    fn place<'a>(
        &'a self,
        state: &'a str,
        nonce: &'a str,
        challenge: &'a str,
        now_s: u64,
    ) -> Told<'a, String>;

    /// Who has come back with a code; `verifier` is the secret whose digest was the challenge.
    fn redeem<'a>(&'a self, code: &'a str, nonce: &'a str, verifier: &'a str, now_s: u64)
    -> Told<'a, Person>;
}

/// How people sign in at an issuer, and who of them may do what.
#[derive(Debug, Clone)]
pub struct OpenId {
    /// What people are shown that they sign in at.
    pub name: String,
    /// The issuer, as it names itself when people come back.
    pub issuer: String,
    /// The way there.
    pub provider: std::sync::Arc<dyn Provider>,
    /// Roles, groups and ids of those who may do everything.
    pub operators: Vec<String>,
    /// Those that may look.
    pub viewers: Vec<String>,
    /// What cookies of people are sealed with. Whoever has these keys can make up people, so more than an access key must be needed to have them.
    pub cookie_keys: CookieKeys,
}

impl OpenId {
    /// The values that say something here. Others need not be kept.
    pub(crate) fn listed(&self, values: Vec<String>) -> Vec<String> {
        values
            .into_iter()
            .filter(|value| self.operators.contains(value) || self.viewers.contains(value))
            .collect()
    }

    /// What somebody with these values may do.
    pub(crate) fn role(&self, values: &[String]) -> Option<Role> {
        let any = |list: &[String]| values.iter().any(|value| list.contains(value));
        if any(&self.operators) { Some(Role::Operator) } else { any(&self.viewers).then_some(Role::Viewer) }
    }
}
