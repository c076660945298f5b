use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use hubwire_auth::{
    Claims, IgnoredRoleReason, Permissions, TokenError, bearer_token, client_audience_allows, verify,
};
use hubwire_hub::{Acceptance, Busy, ConnectionKey, Opening, Protocol, Rejection};
use hubwire_protocol::{ConnectionId, GroupName, Subprotocol, UserId};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::refusal::Refusal;
use super::request::Call;
use super::upgrade::{Asked, Onward};
use super::{Reception, attempt, entry, simple, upgrade};
use crate::arrival::{Arrival, Purpose};
use crate::http::{Body, Channel};

/// Answers a client that begins a new connection.
pub(super) async fn answer(
    reception: &Reception,
    channel: &Channel,
    request: &mut Request<Incoming>,
    call: &Call,
    asked: &Asked,
) -> Result<Response<Body>, Refusal> {
    let claims = authenticate(reception, request, call)?;
    let groups = initial_groups(claims.as_ref())?;
    let mode = simple::mode(call)?;
    let mut place = entry::place(reception, channel, call, false)?;
    let id = reception.surroundings.environment.connection_id(reception.worker);
    let origin = attempt::origin(reception, upgrade::host(request));
    let accepted = if reception.application.decides(&call.hub) {
        let mut attempt =
            attempt::attempt(reception, (id, &origin), request.headers(), call, claims.as_ref());
        attempt.certificates = channel.certificates.to_vec();
        reception.application.admit(attempt).await?
    } else {
        Acceptance::default()
    };
    let subprotocol = subprotocol(reception, call, accepted.subprotocol)?;
    let known = subprotocol.as_deref().and_then(Subprotocol::from_offer);
    let reliable = known.is_some_and(Subprotocol::is_reliable);
    let user = accepted.user.or_else(|| claims.as_ref().and_then(|claims| claims.user_id.clone()));
    let user = user.as_deref().map(UserId::from_token);
    let limits = &reception.settings.load_full().limits;
    place.seat(limits, &call.hub, user.as_ref(), false).map_err(Refusal::ConnectionLimit)?;
    let roles = accepted.roles.as_ref().or(claims.as_ref().map(|claims| &claims.roles));
    let opening = Opening {
        id,
        hub: call.hub.clone(),
        user,
        permissions: permissions(roles, call),
        groups: accepted.groups.unwrap_or(groups),
        protocol: known.map_or_else(|| Protocol::Simple(Box::new(mode)), Protocol::PubSub),
        subprotocol: subprotocol.clone(),
        reconnection_token: reliable.then(|| reconnection_token(reception, id)).transpose()?,
        origin,
        state: accepted.state,
    };
    let purpose = Purpose::Serve(begin(reception, opening).await?);
    let onward = Onward::Worker(reception.worker, purpose);
    Ok(upgrade::accept(reception, request, asked, subprotocol.as_deref(), (onward, place)))
}

/// What is spoken, and echoed: what the application chose, else the first offer that the service speaks. An application cannot choose what
/// the client did not offer, since the client would break off the handshake.
fn subprotocol(
    reception: &Reception,
    call: &Call,
    chosen: Option<String>,
) -> Result<Option<Arc<str>>, Refusal> {
    let Some(chosen) = chosen else {
        return Ok(call.subprotocol().map(|(_, spelling)| reception.texts.subprotocol(spelling)));
    };
    if call.offers.contains(&chosen) {
        return Ok(Some(reception.texts.subprotocol(&chosen)));
    }
    tracing::warn!(hub = %call.hub, chosen, "the connect event handler chose a subprotocol that its client does not offer");
    Err(Refusal::Unanswered)
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Refused(status) => {
                StatusCode::from_u16(status).map_or(Self::Unanswered, Self::Rejected)
            }
            Rejection::Failed => Self::Unanswered,
        }
    }
}

/// Has this worker begin the connection, and comes back once every worker knows of it.
async fn begin(reception: &Reception, opening: Opening) -> Result<ConnectionKey, Refusal> {
    let (begun, key) = oneshot::channel();
    let hub = opening.hub.clone();
    let arrival = Arrival::Begin { opening: Box::new(opening), begun };
    // A worker that takes no arrivals has stopped, and so has the service.
    let _stopped = reception.arrivals[usize::from(reception.worker)].send(arrival);
    let begun = Begun { key: Some(key.await.map_err(|_| Busy::Inbox)?), reception };
    // Workers of other nodes hear of it a little later, and a session may have to be kept elsewhere first.
    reception.surroundings.router.settled(&hub).await?;
    Ok(begun.keep())
}

/// A connection that has begun, and that nobody knows of if the handshake breaks off now.
struct Begun<'a> {
    key: Option<ConnectionKey>,
    reception: &'a Reception,
}

impl Begun<'_> {
    fn keep(mut self) -> ConnectionKey {
        self.key.take().unwrap_or(ConnectionKey(u32::MAX))
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let worker = usize::from(self.reception.worker);
            let _stopped = self.reception.arrivals[worker].send(Arrival::Abandoned(key));
        }
    }
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
    let now_s = reception.surroundings.environment.unix_s();
    let claims = verify(&settings.keys, token, now_s)?;
    let host = upgrade::host(request);
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
fn permissions(roles: Option<&Vec<String>>, call: &Call) -> Permissions {
    let (permissions, ignored) = Permissions::from_roles(roles.into_iter().flatten().map(String::as_str));
    for role in ignored.into_iter().filter(|role| role.why != IgnoredRoleReason::Unknown) {
        tracing::warn!(hub = %call.hub, role = %role.role, why = %role.why, "a role is ignored");
    }
    permissions
}

fn reconnection_token(reception: &Reception, id: ConnectionId) -> Result<String, Refusal> {
    let token_id = format!("{:032x}", reception.surroundings.environment.random());
    let now_s = reception.surroundings.environment.unix_s();
    reception.surroundings.reconnection_key.issue(&id.to_string(), &token_id, now_s).map_err(|error| {
        tracing::error!(%error, "a reconnection token cannot be signed");
        Refusal::Internal
    })
}
