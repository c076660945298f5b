use std::fmt;

/// Where people sign in, and as what this service is known there.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// The issuer's URL, as its tokens name it (`iss`).
    pub issuer: String,
    /// What the service is registered as.
    pub client_id: String,
    /// What shows that it is that; none for a public client, which PKCE alone protects.
    pub client_secret: Option<String>,
    /// What is asked for; `openid` among it.
    pub scopes: Vec<String>,
    /// Where people come back to.
    pub redirect_uri: String,
}

impl ClientSettings {
    /// The table of the configuration that these settings stand in.
    pub(crate) const TABLE: &str = "console.openid";
}

impl fmt::Debug for ClientSettings {
    /// The secret stays out of whatever prints this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ClientSettings");
        shown.field("issuer", &self.issuer).field("client_id", &self.client_id);
        shown.field("client_secret", &self.client_secret.as_ref().map(|_| "redacted"));
        shown.field("scopes", &self.scopes).field("redirect_uri", &self.redirect_uri).finish()
    }
}
