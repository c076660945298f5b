use super::error::ConfigError;
use super::file::{File, OpenIdTable};
use super::secrets::secret;

/// What is asked for if nobody says: who somebody is, and what the person is called.
const SCOPES: [&str; 2] = ["openid", "profile"];

/// The table `[console.openid]`, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenIdConfig {
    /// The issuer's URL.
    pub issuer: String,
    /// What the service is registered as there.
    pub client_id: String,
    /// What shows that it is that, if anything.
    pub client_secret: Option<String>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// What people are shown that they sign in at.
    pub name: String,
    /// Roles, groups and ids of those who may do everything.
    pub operators: Vec<String>,
    /// Those that may look.
    pub viewers: Vec<String>,
}

impl std::fmt::Debug for OpenIdConfig {
    /// The secret stays out of whatever prints this.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenIdConfig").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Reads the table. `None` without it.
pub(super) fn openid(file: &File) -> Result<Option<OpenIdConfig>, ConfigError> {
    let Some(table) = &file.table.console.openid else {
        return Ok(None);
    };
    let OpenIdTable { issuer, client_id, client_secret, scopes, name, operators, viewers } = table;
    let issuer = file.given("console.openid.issuer", issuer);
    let uri = issuer.value.parse::<http::Uri>().ok();
    let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
    if !matches!(scheme, Some("http" | "https")) {
        return Err(issuer.error("it is not an http:// or https:// URL"));
    }
    if operators.is_empty() && viewers.is_empty() {
        return Err(issuer.error(
            "nobody would be let in: `console.openid.operators` or `console.openid.viewers` lists roles, groups, ids or addresses of users",
        ));
    }
    let client_id = file.given("console.openid.client_id", client_id);
    if client_id.value.is_empty() {
        return Err(client_id.error("it is empty"));
    }
    let read = |given| Ok(secret(file, "console.openid.client_secret", given)?.expose().to_owned());
    let client_secret = client_secret.as_ref().map(read).transpose()?;
    let mut scopes = scopes.clone().unwrap_or_else(|| SCOPES.map(str::to_owned).to_vec());
    if !scopes.iter().any(|scope| scope == SCOPES[0]) {
        scopes.insert(0, SCOPES[0].to_owned());
    }
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    Ok(Some(OpenIdConfig {
        name: name.clone().unwrap_or_else(|| host.to_owned()),
        issuer: issuer.value,
        client_id: client_id.value,
        client_secret,
        scopes,
        operators: operators.clone(),
        viewers: viewers.clone(),
    }))
}
