use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, header};
use hubwire_auth::Claims;
use hubwire_hub::{Attempt, TraceContext};
use hubwire_protocol::ConnectionId;

use super::Reception;
use super::request::Call;

/// Headers that an application is not shown: one holds a token, the others belong to the managed service's own front end.
const HIDDEN_HEADER: &str = "authorization";
const HIDDEN_HEADER_PREFIX: &str = "x-asrs-internal-";
/// The query parameter that holds a token.
const HIDDEN_PARAMETER: &str = "access_token";

/// The host that a client asked for, in lower case and without a port; empty if it named none.
pub(super) fn origin(reception: &Reception, host: Option<&str>) -> Arc<str> {
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    let host = authority.map_or_else(String::new, |authority| authority.host().to_ascii_lowercase());
    reception.texts.origin(&host)
}

/// What the application is asked about a client.
pub(super) fn attempt(
    reception: &Reception,
    (connection, origin): (ConnectionId, &Arc<str>),
    headers: &HeaderMap,
    call: &Call,
    claims: Option<&Claims>,
) -> Attempt {
    Attempt {
        connection,
        hub: call.hub.clone(),
        user: claims.and_then(|claims| claims.user_id.clone()),
        origin: origin.clone(),
        raised_ms: reception.surroundings.environment.unix_ms(),
        claims: claims.map(|claims| claims.all.clone().into_iter().collect()).unwrap_or_default(),
        query: query(call),
        headers: shown_headers(headers),
        subprotocols: call.offers.clone(),
        certificates: Vec::new(),
        cause: cause(headers),
    }
}

/// The place in a distributed trace that a client is in, by its `traceparent` header.
fn cause(headers: &HeaderMap) -> Option<TraceContext> {
    TraceContext::from_traceparent(headers.get("traceparent")?.to_str().ok()?)
}

fn query(call: &Call) -> Vec<(String, Vec<String>)> {
    let mut query: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in &call.query {
        if name.eq_ignore_ascii_case(HIDDEN_PARAMETER) {
            continue;
        }
        match query.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(value.clone()),
            None => query.push((name.clone(), vec![value.clone()])),
        }
    }
    query
}

fn shown_headers(headers: &HeaderMap) -> Vec<(String, Vec<String>)> {
    let shown = headers.keys().filter(|name| {
        let name = name.as_str();
        name != HIDDEN_HEADER && !name.starts_with(HIDDEN_HEADER_PREFIX)
    });
    let values = |name: &header::HeaderName| {
        let values = headers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    };
    shown.map(|name| (name.as_str().to_owned(), values(name))).collect()
}
