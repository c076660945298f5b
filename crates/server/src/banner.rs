use std::net::SocketAddr;

use hubwire_auth::{AccessKeys, ClientToken, ConnectionString, issue_client_token};
use hubwire_console::Access;

use crate::{Config, Endpoint};

/// The hub of the ready-made client URL.
const HUB: &str = "chat";
/// How long that URL can be used to connect.
const TOKEN_LIFETIME_S: u64 = 3600;

/// What a person is shown when the service is ready. On a loopback address that is all one needs to begin, the key included; elsewhere the
/// key stays out, since what a service prints tends to be kept.
pub(crate) fn banner(endpoint: &Endpoint, address: SocketAddr, config: &Config, now_s: u64) -> String {
    let keys = &config.keys;
    let local = address.ip().is_loopback();
    let mut lines =
        vec![format!("Hubwire {} is ready at {endpoint}", env!("CARGO_PKG_VERSION")), String::new()];
    if *endpoint != Endpoint::of_listener(address, endpoint.scheme() == "https") {
        // Behind a proxy the two differ, and port 0 is known to nobody else.
        lines.push(format!("  Listening on       {address}"));
    }
    let connection_string = if local {
        ConnectionString::new(&endpoint.to_string(), keys.primary.clone()).ok().map(|string| string.expose())
    } else {
        Some(format!("Endpoint={endpoint};AccessKey=<your access_key>;Version=1.0;"))
    };
    if let Some(connection_string) = connection_string {
        lines.push(format!("  Connection string  {connection_string}"));
    }
    if let Some(url) = local.then(|| client_url(endpoint, keys, now_s)).flatten() {
        lines.push(format!("  Client URL         {url}"));
        lines
            .push("                     (hub `chat`, one hour, may join and send to every group)".to_owned());
    }
    lines.push(format!("  REST endpoint      {endpoint}/api/hubs/{{hub}}"));
    lines.push(format!("  Health             {endpoint}/api/health"));
    if config.console.enabled && !matches!(config.console.access, Access::Closed) {
        lines.push(format!("  Console            {endpoint}/console/"));
    }
    lines.push(String::new());
    lines.push("Try it in two more terminals:".to_owned());
    lines.push("  hubwire listen --hub chat --group room".to_owned());
    lines.push("  hubwire send --hub chat --group room \"hello\"".to_owned());
    lines.push("Press Ctrl+C to stop.".to_owned());
    lines.join("\n")
}

fn client_url(endpoint: &Endpoint, keys: &AccessKeys, now_s: u64) -> Option<String> {
    let roles = ["webpubsub.joinLeaveGroup".to_owned(), "webpubsub.sendToGroup".to_owned()];
    let token = ClientToken {
        audience: &format!("{endpoint}/client/hubs/{HUB}"),
        user_id: None,
        roles: &roles,
        groups: &[],
        issued_at_s: now_s,
        expires_at_s: now_s + TOKEN_LIFETIME_S,
    };
    let token = issue_client_token(&keys.primary, &token).ok()?;
    Some(format!(
        "{}://{}/client/hubs/{HUB}?access_token={token}",
        endpoint.client_scheme(),
        endpoint.authority()
    ))
}
