use std::sync::Arc;

use http::{HeaderValue, Request, Response, header};
use hubwire_auth::{
    Claims, IgnoredRoleReason, Permissions, TokenError, bearer_token, client_audience_allows, verify,
};
use hubwire_hub::{Busy, ConnectionKey, Opening, Protocol};
use hubwire_protocol::{ConnectionId, GroupName, UserId};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::refusal::Refusal;
use super::request::Call;
use super::{Reception, simple, upgrade};
use crate::arrival::{Arrival, Purpose};
use crate::http::Body;

/// Answers a client that begins a new connection.
pub(super) async fn answer(
    reception: &Reception,
    request: &mut Request<Incoming>,
    call: &Call,
    key: &HeaderValue,
) -> Result<Response<Body>, Refusal> {
    let claims = authenticate(reception, request, call)?;
    let claims = claims.as_ref();
    let groups = initial_groups(claims)?;
    let mode = simple::mode(call)?;
    let permit = upgrade::permit(reception)?;
    let id = ConnectionId::new(reception.environment.random(), reception.worker);
    let subprotocol = call.subprotocol();
    let protocol =
        subprotocol.map_or_else(|| Protocol::Simple(Box::new(mode)), |(known, _)| Protocol::PubSub(known));
    let reliable = subprotocol.is_some_and(|(known, _)| known.is_reliable());
    let reconnection_token = reliable.then(|| reconnection_token(reception, id)).transpose()?;
    let opening = Opening {
        id,
        hub: call.hub.clone(),
        user: claims.and_then(|claims| claims.user_id.as_deref()).map(UserId::from_token),
        permissions: permissions(claims, call),
        groups,
        protocol,
        subprotocol: subprotocol.map(|(_, spelling)| Arc::from(spelling)),
        reconnection_token,
    };
    let echoed = opening.subprotocol.clone();
    let purpose = Purpose::Serve(begin(reception, opening).await?);
    Ok(upgrade::accept(reception, request, key, echoed.as_deref(), reception.worker, (purpose, permit)))
}

/// Has this worker begin the connection, and comes back once every worker knows of it.
async fn begin(reception: &Reception, opening: Opening) -> Result<ConnectionKey, Refusal> {
    let (begun, key) = oneshot::channel();
    let arrival = Arrival::Begin { opening: Box::new(opening), begun };
    // A worker that takes no arrivals has stopped, and so has the service.
    let _stopped = reception.arrivals[usize::from(reception.worker)].send(arrival);
    key.await.map_err(|_| Busy.into())
}

/// Who the client is, by the token in its query (which wins) or its `Authorization` header. Nobody, in a hub that lets anyone in.
fn authenticate(
    reception: &Reception,
    request: &Request<Incoming>,
    call: &Call,
) -> Result<Option<Claims>, Refusal> {
    let settings = reception.settings.load();
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let query = call.parameter("access_token").filter(|token| !token.is_empty());
    let Some(token) = query.or(bearer_token(bearer).ok()) else {
        if settings.hub(&call.hub).anonymous {
            return Ok(None);
        }
        return Err(TokenError::Missing.into());
    };
    let now_s = reception.environment.unix_s();
    let claims = verify(&settings.keys, token, now_s)?;
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authorities: Vec<&str> =
        host.into_iter().chain(settings.public_endpoints.iter().map(String::as_str)).collect();
    client_audience_allows(&claims, &authorities, &call.audience_path(), call.hub.as_str())?;
    Ok(Some(claims))
}

/// One bad name refuses the whole connection, as in the service.
fn initial_groups(claims: Option<&Claims>) -> Result<Vec<GroupName>, Refusal> {
    let groups: Result<_, _> =
        claims.iter().flat_map(|claims| &claims.groups).map(|group| GroupName::parse(group)).collect();
    groups.map_err(|_| Refusal::TokenGroup)
}

/// Roles that break a rule are left out, and logged: the client connects with those that remain. An application's own roles mean nothing
/// here, and are no fault.
fn permissions(claims: Option<&Claims>, call: &Call) -> Permissions {
    let (permissions, ignored) =
        Permissions::from_roles(claims.iter().flat_map(|claims| &claims.roles).map(String::as_str));
    for role in ignored.into_iter().filter(|role| role.why != IgnoredRoleReason::Unknown) {
        tracing::warn!(hub = %call.hub, role = %role.role, why = %role.why, "a role in a token is ignored");
    }
    permissions
}

fn reconnection_token(reception: &Reception, id: ConnectionId) -> Result<String, Refusal> {
    let token_id = format!("{:032x}", reception.environment.random());
    let now_s = reception.environment.unix_s();
    reception.reconnection_key.issue(&id.to_string(), &token_id, now_s).map_err(|error| {
        tracing::error!(%error, "a reconnection token cannot be signed");
        Refusal::Internal
    })
}
