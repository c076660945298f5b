use std::borrow::Cow;

use http::{HeaderMap, Request, header};
use hubwire_auth::LEGACY_CLIENT_PATH;
use hubwire_protocol::{HubName, Subprotocol};
use percent_encoding::percent_decode_str;

use super::refusal::Refusal;

/// The path in front of a hub's name.
const HUBS: &str = "/client/hubs/";

/// Whether a path is a client endpoint: `/client/hubs/{hub}`, or the older `/client/?hub={hub}`.
pub(crate) fn concerns(path: &str) -> bool {
    after(path, LEGACY_CLIENT_PATH).is_some() || path.eq_ignore_ascii_case("/client")
}

/// What follows a prefix that is compared ignoring case.
fn after<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = path.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// What a client asked for, read from its request.
pub(super) struct Call {
    pub(super) hub: HubName,
    /// Whether it came by the older URL, which has the hub in its query.
    legacy: bool,
    /// The subprotocols that it offered, in its order and spelling.
    pub(super) offers: Vec<String>,
    pub(super) query: Vec<(String, String)>,
}

impl Call {
    pub(super) fn parse<B>(request: &Request<B>) -> Result<Self, Refusal> {
        let query = parse_query(request.uri().query().unwrap_or_default());
        let hub = hub_name(request.uri().path(), &query)?;
        let legacy = after(request.uri().path(), HUBS).is_none();
        Ok(Self { hub, legacy, offers: offers(request.headers()), query })
    }

    /// The path that the audience of the client's token must name.
    pub(super) fn audience_path(&self) -> Cow<'static, str> {
        if self.legacy { LEGACY_CLIENT_PATH.into() } else { format!("{HUBS}{}", self.hub).into() }
    }

    /// The last value of a query parameter, whose name compares ignoring case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The connection that the client wants to go on with. A token alone does not make a recovery.
    pub(super) fn recovered_connection(&self) -> Option<String> {
        self.parameter("awps_connection_id").filter(|id| !id.is_empty()).map(str::to_owned)
    }

    /// The first offer that the service speaks, and the client's spelling of it.
    pub(super) fn subprotocol(&self) -> Option<(Subprotocol, &str)> {
        self.offers.iter().find_map(|offer| Subprotocol::from_offer(offer).map(|known| (known, &**offer)))
    }
}

/// The hub that a client asks for, if it names one at all.
pub(super) fn hub<B>(request: &Request<B>) -> Option<HubName> {
    let query = parse_query(request.uri().query().unwrap_or_default());
    hub_name(request.uri().path(), &query).ok()
}

fn hub_name(path: &str, query: &[(String, String)]) -> Result<HubName, Refusal> {
    let text = if let Some(rest) = after(path, HUBS) {
        let name = rest.strip_suffix('/').unwrap_or(rest);
        percent_decode_str(name).decode_utf8_lossy().into_owned()
    } else if path.trim_end_matches('/').eq_ignore_ascii_case("/client") {
        let hub = query.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case("hub"));
        hub.map(|(_, value)| value.clone()).unwrap_or_default()
    } else {
        return Err(Refusal::UnknownPath);
    };
    Ok(HubName::parse(&text)?)
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn offers(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
    let offers = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|offer| !offer.is_empty());
    offers.map(str::to_owned).collect()
}
