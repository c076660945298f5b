use http::Response;
use hubwire_auth::{ClientToken, issue_client_token};
use hubwire_protocol::{GroupName, HubName, Subprotocol};
use serde::Deserialize;
use serde_json::json;

use crate::answer::{self, Body};
use crate::api::Call;
use crate::error::Error;

/// For how long a URL can be good, in minutes.
const MINUTES_MAX: u64 = 24 * 60;
const MINUTES_DEFAULT: u64 = 60;
/// Roles, and groups, of one URL: it must fit into a request line.
const NAMES_MAX: usize = 100;

/// Whom a client URL is for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    user: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    minutes: Option<u64>,
}

/// POST `/console/api/hubs/{hub}/client-url`.
pub(crate) fn generate(call: &Call<'_>, hub: &HubName, wanted: Wanted) -> Result<Response<Body>, Error> {
    let minutes = wanted.minutes.unwrap_or(MINUTES_DEFAULT);
    if !(1..=MINUTES_MAX).contains(&minutes) {
        return Err(Error::invalid(format!("minutes is a number from 1 to {MINUTES_MAX}")));
    }
    if wanted.roles.len() > NAMES_MAX || wanted.groups.len() > NAMES_MAX {
        return Err(Error::invalid(format!("a URL has at most {NAMES_MAX} roles and {NAMES_MAX} groups")));
    }
    for group in &wanted.groups {
        GroupName::parse(group)?;
    }
    let authority =
        call.authority().ok_or_else(|| Error::invalid("The request does not say which host it is for."))?;
    let path = format!("/client/hubs/{hub}");
    let now_s = call.shared.desk.clock.unix_ms() / 1000;
    let expires_at_s = now_s + 60 * minutes;
    let token = ClientToken {
        audience: &format!("{}://{authority}{path}", call.scheme),
        user_id: wanted.user.as_deref(),
        roles: &wanted.roles,
        groups: &wanted.groups,
        issued_at_s: now_s,
        expires_at_s,
    };
    let token = issue_client_token(&call.settings.keys.primary, &token)
        .map_err(|_| Error::Internal("a client token could not be signed"))?;
    let scheme = if call.scheme == "https" { "wss" } else { "ws" };
    Ok(answer::json(&json!({
        "url": format!("{scheme}://{authority}{path}?access_token={token}"),
        "expiresAt": expires_at_s * 1000,
        "subprotocols": Subprotocol::ALL.map(Subprotocol::name),
    })))
}
