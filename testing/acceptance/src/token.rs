use hubwire_auth::{AccessKey, ClientToken, issue_client_token, issue_rest_token};

/// The key of a site that is given no other.
pub const ACCESS_KEY: &str = "an-access-key-that-only-the-acceptance-tests-use";

/// How long tokens live, in seconds.
const LIFETIME_S: u64 = 3600;

/// Seconds since 1970: tokens name real times.
#[expect(clippy::disallowed_methods, reason = "the service that is tested goes by the real clock")]
pub fn unix_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.expect("the clock is past 1970").as_secs()
}

/// A token for a client, before it is signed.
#[derive(Debug, Clone, Default)]
pub struct Token {
    user: Option<String>,
    roles: Vec<String>,
    groups: Vec<String>,
}

impl Token {
    /// A token of nobody, who may do nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the user.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Lets the client join every group and send to it.
    #[must_use]
    pub fn every_group(mut self) -> Self {
        self.roles = ["webpubsub.joinLeaveGroup", "webpubsub.sendToGroup"].map(str::to_owned).into();
        self
    }

    /// Makes the client a member from the start.
    #[must_use]
    pub fn group(mut self, group: &str) -> Self {
        self.groups.push(group.to_owned());
        self
    }

    /// Signs it for a hub of the service at `authority`.
    ///
    /// # Panics
    /// If `key` is none, or the cryptography fails.
    pub fn sign(&self, key: &str, authority: &str, hub: &str) -> String {
        let token = ClientToken {
            audience: &format!("http://{authority}/client/hubs/{hub}"),
            user_id: self.user.as_deref(),
            roles: &self.roles,
            groups: &self.groups,
            issued_at_s: unix_s(),
            expires_at_s: unix_s() + LIFETIME_S,
        };
        issue_client_token(&access_key(key), &token).expect("a client token can be signed")
    }

    /// Signs a token for a REST call to `path`.
    ///
    /// # Panics
    /// If `key` is none, or the cryptography fails.
    pub fn rest(key: &str, authority: &str, path: &str) -> String {
        let path = path.split('?').next().unwrap_or_default();
        let audience = format!("http://{authority}{path}");
        issue_rest_token(&access_key(key), &audience, unix_s(), unix_s() + LIFETIME_S)
            .expect("a REST token can be signed")
    }
}

fn access_key(key: &str) -> AccessKey {
    AccessKey::new(key).expect("the key is one")
}
