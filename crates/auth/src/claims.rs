use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::TokenError;
use crate::lifetime::Lifetime;

/// The names under which a user id may stand, in the order in which they are looked for.
const USER_ID_NAMES: [&str; 3] =
    ["sub", "nameid", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"];

/// The names under which roles may stand; every value under any of them counts.
const ROLE_NAMES: [&str; 3] =
    ["role", "roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"];

/// The name of the claim with the groups that a client joins when it connects.
const GROUP_NAME: &str = "webpubsub.group";

/// What a token with a good signature says. Every claim may be one value or an array of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `aud`: the addresses that the token was made for.
    pub audiences: Vec<String>,
    /// `exp`, in unix seconds.
    pub expires_at_s: u64,
    /// `nbf`, in unix seconds.
    pub not_before_s: Option<u64>,
    /// `sub` (else `nameid`, else the name-identifier URI): the first value. An empty one stays an empty user id.
    pub user_id: Option<String>,
    /// `role`, `roles` and the role URI, all values in this order, unchecked.
    pub roles: Vec<String>,
    /// `webpubsub.group`, unchecked: a client with an invalid name among them is refused with 400.
    pub groups: Vec<String>,
    /// Every claim under its own name, as texts: numbers, booleans and objects as their JSON. Null is no value. Applications are shown these.
    pub all: BTreeMap<String, Vec<String>>,
}

impl Claims {
    pub(crate) fn from_json(mut claims: Map<String, Value>) -> Result<Self, TokenError> {
        let all = claims.iter().map(|(name, value)| (name.clone(), texts(value.clone()))).collect();
        let Lifetime { expires_at_s, not_before_s } = Lifetime::take(&mut claims)?;
        let audiences = take(&mut claims, "aud");
        let user_ids: Vec<_> = USER_ID_NAMES.iter().flat_map(|name| take(&mut claims, name)).collect();
        let roles = ROLE_NAMES.iter().flat_map(|name| take(&mut claims, name)).collect();
        let groups = take(&mut claims, GROUP_NAME);
        Ok(Self {
            audiences,
            expires_at_s,
            not_before_s,
            user_id: user_ids.into_iter().next(),
            roles,
            groups,
            all,
        })
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        Lifetime { expires_at_s: self.expires_at_s, not_before_s: self.not_before_s }
    }
}

/// Removes a claim and yields its values.
pub(crate) fn take(claims: &mut Map<String, Value>, name: &str) -> Vec<String> {
    claims.remove(name).map(texts).unwrap_or_default()
}

fn texts(value: Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.into_iter().filter_map(text).collect(),
        value => text(value).into_iter().collect(),
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        value => Some(value.to_string()),
    }
}
