use http::{HeaderValue, Request, header};
use hubwire_hub::Strain;

use super::Reception;
use super::refusal::Refusal;
use super::request::Call;
use crate::entrance::{Place, Wanted};
use crate::http::Channel;

/// The longest that a client is asked to stay away from a strained service, in seconds. Those who are turned away together are spread over
/// this time, so that they do not return together.
const RETRY_SPREAD_S: u128 = 10;

/// Checks what can be checked before anything is spent on a client: where its page comes from, how fast its address calls, and whether there
/// is room for new work.
pub(super) fn check<B>(
    reception: &Reception,
    channel: &Channel,
    request: &Request<B>,
    call: &Call,
) -> Result<(), Refusal> {
    let settings = reception.settings.load();
    let allowed = &settings.hub(&call.hub).allowed_origins;
    let origin = request.headers().get(header::ORIGIN);
    if !allowed.is_empty() && origin.is_some_and(|origin| !is_among(origin, allowed)) {
        return Err(Refusal::Origin);
    }
    if let Some(per_s) = settings.limits.handshakes_per_address_per_s_max
        && !reception.handshakes.admit(
            channel.address,
            per_s,
            reception.surroundings.environment.monotonic_us(),
        )
    {
        metrics::counter!("webpubsub_handshakes_refused_total").increment(1);
        return Err(Refusal::Pace);
    }
    // Who has a session brings no new work, and would lose it if it were turned away for long.
    match reception.surroundings.load.strain(reception.worker) {
        Some(strain) if call.recovered_connection().is_none() => Err(strained(reception, strain)),
        _ => Ok(()),
    }
}

fn is_among(origin: &HeaderValue, allowed: &[String]) -> bool {
    allowed.iter().any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
}

fn strained(reception: &Reception, strain: Strain) -> Refusal {
    metrics::counter!("webpubsub_shed_total", "strain" => strain.name(), "work" => "client").increment(1);
    // At most ten, so nothing is cut off.
    let retry_after_s = 1 + (reception.surroundings.environment.random() % RETRY_SPREAD_S) as u8;
    Refusal::Strained { strain, retry_after_s }
}

/// Takes a place among the process's connections.
pub(super) fn place(
    reception: &Reception,
    channel: &Channel,
    call: &Call,
    recovers: bool,
) -> Result<Place, Refusal> {
    let limits = &reception.settings.load().limits;
    let wanted = Wanted { hub: &call.hub, address: Some(channel.address), recovers };
    reception.census.take(limits, &wanted).map_err(Refusal::ConnectionLimit)
}
