use hubwire_auth::{ClientToken, TOKEN_BYTES_MAX, issue_client_token};
use hubwire_protocol::GroupName;
use serde_json::json;

use crate::call::Call;
use crate::error::Error;
use crate::query::number;
use crate::success::Success;

/// The documented default of `minutesToExpire`.
const MINUTES_DEFAULT: u32 = 60;
/// The largest `minutesToExpire`: the parameter is a signed 32-bit number.
const MINUTES_MAX: u32 = i32::MAX as u32;

/// POST `/api/hubs/{hub}/:generateToken`: a token with which a client can connect. Roles are not checked here, unknown ones mean nothing.
pub(crate) fn generate(call: &Call<'_>) -> Result<Success, Error> {
    let audience = audience(call)?;
    let expires_at_s = call.now_s.saturating_add(60 * u64::from(minutes(call)?));
    let (roles, groups) = (values(call, "role"), values(call, "group"));
    if groups.iter().any(|group| GroupName::parse(group).is_err()) {
        return Err(Error::TokenGroup);
    }
    let claims = ClientToken {
        audience: &audience,
        user_id: call.query.first("userId"),
        roles: &roles,
        groups: &groups,
        issued_at_s: call.now_s,
        expires_at_s,
    };
    let token = issue_client_token(&call.options.keys.primary, &claims)
        .map_err(|_| Error::Internal("the client token could not be signed"))?;
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Error::TokenTooLarge { bytes: token.len(), bytes_max: TOKEN_BYTES_MAX });
    }
    Ok(Success::Document(json!({ "token": token }).to_string().into()))
}

/// The address of the client endpoint that the token is for, as the caller reaches this service.
fn audience(call: &Call<'_>) -> Result<String, Error> {
    const CLIENT_TYPES: [(&str, &str); 3] =
        [("Default", "client"), ("MQTT", "clients/mqtt"), ("SocketIO", "clients/socketio")];
    let wanted = call.query.first("clientType").unwrap_or("Default");
    let known = CLIENT_TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let (_, path) = known.ok_or(Error::Parameter("clientType"))?;
    Ok(format!("{}/{path}/hubs/{}", call.endpoint()?, call.hub))
}

fn minutes(call: &Call<'_>) -> Result<u32, Error> {
    let Some(text) = call.query.first("minutesToExpire") else {
        return Ok(MINUTES_DEFAULT);
    };
    number(text, 1..=MINUTES_MAX).ok_or(Error::Parameter("minutesToExpire"))
}

fn values(call: &Call<'_>, name: &str) -> Vec<String> {
    call.query.all(name).map(str::to_owned).collect()
}
