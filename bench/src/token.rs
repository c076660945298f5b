//! Signs the tokens of clients and of REST calls.

use crate::clock;
use anyhow::{Context, Result};
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;

/// Longer than any run.
const LIFETIME_S: u64 = 6 * 3600;

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    role: &'a [&'a str],
    #[serde(rename = "webpubsub.group", skip_serializing_if = "<[_]>::is_empty")]
    groups: &'a [String],
}

/// Where a service is, and what of it is used.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) secure: bool,
    /// Host, and port if it is not the scheme's own.
    pub(crate) authority: String,
    pub(crate) hub: String,
    /// What the names of groups begin with; their numbers follow.
    pub(crate) group_prefix: String,
}

impl Address {
    /// A server that was started to be measured.
    pub(crate) fn of_child(host: &str) -> Self {
        Self {
            secure: false,
            authority: host.to_owned(),
            hub: "bench".to_owned(),
            group_prefix: "g".to_owned(),
        }
    }

    pub(crate) fn group(&self, number: usize) -> String {
        format!("{}{number}", self.group_prefix)
    }

    /// What a token for a path is made out to.
    pub(crate) fn audience(&self, path: &str) -> String {
        format!("{}://{}{path}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

/// Signs with the access key (HS256 over the key text's bytes).
pub(crate) struct Signer {
    key: EncodingKey,
    expires_s: u64,
}

impl Signer {
    pub(crate) fn new(access_key: &str) -> Self {
        let key = EncodingKey::from_secret(access_key.as_bytes());
        Self { key, expires_s: clock::unix_time_s() + LIFETIME_S }
    }

    /// A token for a client of `audience` that may publish and is in `groups` from the start.
    pub(crate) fn client(&self, audience: &str, user: &str, groups: &[String]) -> Result<String> {
        let role = &["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup"];
        self.sign(&Claims { aud: audience, exp: self.expires_s, sub: Some(user), role, groups })
    }

    /// A token for one REST address.
    pub(crate) fn rest(&self, url: &str) -> Result<String> {
        self.sign(&Claims { aud: url, exp: self.expires_s, sub: None, role: &[], groups: &[] })
    }

    fn sign(&self, claims: &Claims<'_>) -> Result<String> {
        jsonwebtoken::encode(&Header::default(), claims, &self.key).context("cannot sign a token")
    }
}
