use http::{Request, Response};

use hubwire_hub::{Command, Reply};
use hubwire_protocol::ConnectionId;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use super::refusal::Refusal;
use super::request::Call;
use super::upgrade::{Asked, Onward};
use super::{Reception, entry, upgrade};
use crate::arrival::Purpose;
use crate::http::{Body, Channel};
use crate::{ClientStream, Comeback};

/// Answers a client that wants its session back. The answer is 101 in any case: where the session cannot be had, the socket is closed with
/// 1008 right after, since official clients would retry for half a minute after an HTTP error.
///
/// The original subprotocol is echoed, whatever is offered now. No access token is asked for.
pub(super) async fn answer(
    reception: &Reception,
    channel: &Channel,
    request: &mut Request<Incoming>,
    call: &Call,
    (id, asked): (&str, &Asked),
) -> Result<Response<Body>, Refusal> {
    let token = call.parameter("awps_reconnection_token").unwrap_or_default();
    let now_s = reception.surroundings.environment.unix_s();
    let verified = reception.surroundings.reconnection_key.verify(token, id, now_s);
    let id = ConnectionId::parse(id).filter(|_| verified.is_ok());
    let (mut session, mut user) = (None, None);
    if let Some(id) = id {
        let found = reception.surroundings.router.execute(call.hub.clone(), Command::FindSession(id)).await;
        match found {
            Ok(Reply::Session { subprotocol, user: owner }) => (session, user) = (Some(subprotocol), owner),
            Ok(_) => {}
            // A busy worker is no reason to lose a session: the client tries again in a second.
            Err(busy) => return Err(busy.into()),
        }
    }
    let mut place = entry::place(reception, channel, call, true)?;
    let limits = &reception.settings.load_full().limits;
    place.seat(limits, &call.hub, user.as_ref(), true).map_err(Refusal::ConnectionLimit)?;
    // Where there is no session, the worker that accepted the socket does the closing; it knows no such connection either.
    let id = id.unwrap_or_else(|| reception.surroundings.environment.connection_id(reception.worker));
    let offered = call.subprotocol().map(|(_, spelling)| spelling);
    let echoed = session.as_deref().or(offered);
    let (hub, reconnection_token) = (call.hub.clone(), token.into());
    let carrier = reception
        .surroundings
        .carrier
        .as_ref()
        .filter(|carrier| session.is_some() && carrier.is_elsewhere(&hub, id));
    let onward = if let Some(carrier) = carrier.cloned() {
        Onward::Elsewhere(Box::new(move |upgraded, place| {
            let stream: Box<dyn ClientStream> = Box::new(TokioIo::new(upgraded));
            carrier.carry(Comeback { hub, connection: id, reconnection_token, stream }, Box::new(place));
        }))
    } else {
        // A session that came from a node with more workers has its place by the same rule.
        let owner = id.worker() % u8::try_from(reception.arrivals.len()).unwrap_or(u8::MAX);
        let worker = if session.is_some() { owner } else { reception.worker };
        Onward::Worker(worker, Purpose::Resume { hub, id, reconnection_token })
    };
    Ok(upgrade::accept(reception, request, asked, echoed, (onward, place)))
}
