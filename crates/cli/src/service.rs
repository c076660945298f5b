use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use hubwire_auth::{AccessKey, ClientToken, ConnectionString, issue_client_token, issue_rest_token};
use hubwire_protocol::HubName;
use hubwire_server::{Config, Endpoint};
use tokio::net::TcpStream;

use crate::arguments::Access;

/// How long a REST token is good for, in seconds: it is used at once.
const REST_TOKEN_LIFETIME_S: u64 = 60;

/// A service that a command talks to, and the key to it.
pub(crate) struct Service {
    pub(crate) endpoint: Endpoint,
    key: AccessKey,
    pub(crate) hub: HubName,
}

/// Whom a client URL is for.
pub(crate) struct Client<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) roles: &'a [String],
    pub(crate) groups: &'a [String],
    pub(crate) minutes: u32,
}

impl Service {
    /// Finds the service: by a connection string, else by the settings that would start it here.
    pub(crate) fn find(access: &Access) -> anyhow::Result<Self> {
        let hub = HubName::parse(&access.hub).with_context(|| {
            format!("--hub `{}`: a letter, then letters, digits or any of _ ` , . [ ]", access.hub)
        })?;
        if let Some(text) = &access.connection_string {
            let string =
                ConnectionString::parse(text).context("--connection-string or HUBWIRE_CONNECTION_STRING")?;
            let endpoint = Endpoint::parse(string.endpoint()).with_context(|| {
                format!("the connection string's endpoint `{}` is not a base URL", string.endpoint())
            })?;
            return Ok(Self { endpoint, key: string.access_key().clone(), hub });
        }
        let config = Config::load(&access.settings.overrides(None))?;
        let endpoint =
            config.endpoint.unwrap_or_else(|| Endpoint::of_listener(config.listen, config.tls.is_some()));
        Ok(Self { endpoint, key: config.keys.primary, hub })
    }

    /// The key that tokens are signed with.
    pub(crate) fn access_key(&self) -> &AccessKey {
        &self.key
    }

    /// A URL that a client can connect with.
    pub(crate) fn client_url(&self, client: &Client<'_>) -> anyhow::Result<String> {
        let path = format!("/client/hubs/{}", self.hub);
        let now_s = now_s()?;
        let token = ClientToken {
            audience: &format!("{}{path}", self.endpoint),
            user_id: client.user,
            roles: client.roles,
            groups: client.groups,
            issued_at_s: now_s,
            expires_at_s: now_s + 60 * u64::from(client.minutes),
        };
        let token = issue_client_token(&self.key, &token)?;
        let (scheme, authority) = (self.endpoint.client_scheme(), self.endpoint.authority());
        Ok(format!("{scheme}://{authority}{path}?access_token={token}"))
    }

    /// A token for one REST call.
    pub(crate) fn rest_token(&self, path: &str) -> anyhow::Result<String> {
        let now_s = now_s()?;
        let audience = format!("{}{path}", self.endpoint);
        Ok(issue_rest_token(&self.key, &audience, now_s, now_s + REST_TOKEN_LIFETIME_S)?)
    }

    /// A socket to the service.
    pub(crate) async fn connect(&self) -> anyhow::Result<TcpStream> {
        connect(&self.endpoint).await
    }
}

/// A socket to an endpoint.
pub(crate) async fn connect(endpoint: &Endpoint) -> anyhow::Result<TcpStream> {
    if endpoint.scheme() == "https" {
        bail!("this command speaks plain http so far, and {endpoint} is not (setting `endpoint`)");
    }
    let authority = endpoint.authority();
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    let stream = TcpStream::connect(&address).await;
    stream.with_context(|| {
        format!(
            "cannot connect to {endpoint} (settings `listen` and `endpoint`); is `hubwire serve` running?"
        )
    })
}

/// The endpoint of a service: of a connection string, else of the settings that would start it here.
pub(crate) fn endpoint(connection_string: Option<&str>, config: &Config) -> anyhow::Result<Endpoint> {
    let Some(text) = connection_string else {
        return Ok(config
            .endpoint
            .clone()
            .unwrap_or_else(|| Endpoint::of_listener(config.listen, config.tls.is_some())));
    };
    let string = ConnectionString::parse(text).context("--connection-string or HUBWIRE_CONNECTION_STRING")?;
    Endpoint::parse(string.endpoint()).with_context(|| {
        format!("the connection string's endpoint `{}` is not a base URL", string.endpoint())
    })
}

#[expect(clippy::disallowed_methods, reason = "a command line tool has no other clock")]
fn now_s() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).context("the system's clock is before 1970")?.as_secs())
}
