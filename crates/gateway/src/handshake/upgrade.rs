use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::{Either, Full};
use hubwire_protocol::websocket::{COMPRESSION_ANSWER, accepts_compression};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use mio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::Reception;
use super::refusal::Refusal;
use crate::arrival::{Arrival, ConnectionPermit, Purpose, Upgraded};
use crate::http::Body;
use crate::stream::Stream;

/// RFC 6455 §1.3: what a server appends to the client's key.
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// RFC 6455 §4.1: a client's key is the base64 form of so many random bytes.
const NONCE_BYTES: usize = 16;

/// The client's `Sec-WebSocket-Key`, if the request is a WebSocket handshake at all.
pub(super) fn check<B>(request: &Request<B>) -> Result<HeaderValue, Refusal> {
    let headers = request.headers();
    let lists = |name: header::HeaderName, word: &str| {
        let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    let upgrades = lists(header::CONNECTION, "upgrade") && lists(header::UPGRADE, "websocket");
    // HTTP/1.0 has no upgrades.
    // What follows the head would be a body to a proxy, and frames here.
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    if request.method() != Method::GET || !upgrades || request.version() < Version::HTTP_11 || has_body {
        return Err(Refusal::NotWebSocket);
    }
    if once(headers, header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::Version);
    }
    let key = once(headers, header::SEC_WEBSOCKET_KEY)
        .filter(|key| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == NONCE_BYTES));
    key.cloned().ok_or(Refusal::Key)
}

/// A header that must not appear more than once (RFC 6455 §11.3.1, §11.3.5).
fn once(headers: &HeaderMap, name: header::HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Takes a place among the process's connections.
pub(super) fn permit(reception: &Reception) -> Result<ConnectionPermit, Refusal> {
    let connections_max = reception.settings.load().limits.connections_max;
    ConnectionPermit::take(&reception.connections, connections_max).ok_or_else(|| {
        metrics::counter!("webpubsub_connections_refused_total").increment(1);
        Refusal::ConnectionLimit
    })
}

/// Whether the client asks for compression in a way that the service answers, and the settings allow it.
fn agrees_on_compression(reception: &Reception, headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
    reception.settings.load().compression
        && accepts_compression(offers.filter_map(|offer| offer.to_str().ok()))
}

/// Where a socket goes once its client has been answered.
pub(super) enum Onward {
    /// To a worker of this process.
    Worker(u8, Purpose),
    /// To a session elsewhere.
    Elsewhere(Box<dyn FnOnce(hyper::upgrade::Upgraded, ConnectionPermit)>),
}

/// Answers 101, and sends the socket on once the answer is out.
pub(super) fn accept(
    reception: &Reception,
    request: &mut Request<Incoming>,
    key: &HeaderValue,
    subprotocol: Option<&str>,
    (onward, permit): (Onward, ConnectionPermit),
) -> Response<Body> {
    // A session elsewhere has not agreed to it.
    let compression =
        matches!(onward, Onward::Worker(..)) && agrees_on_compression(reception, request.headers());
    let upgrade = hyper::upgrade::on(request);
    let arrivals = reception.arrivals.clone();
    tokio::task::spawn_local(async move {
        let (worker, purpose, upgraded) = match (upgrade.await, onward) {
            (Ok(upgraded), Onward::Elsewhere(carry)) => return carry(upgraded, permit),
            // The client went away between its request and our answer.
            (Err(_), Onward::Elsewhere(_)) => return,
            (upgraded, Onward::Worker(worker, purpose)) => (worker, purpose, upgraded),
        };
        let arrival = match (upgraded.map(take_socket), purpose) {
            (Ok(Some((stream, early))), purpose) => {
                let upgraded = Upgraded { stream, early, compression, permit };
                Arrival::Socket { purpose, upgraded }
            }
            (Ok(None) | Err(_), Purpose::Serve(key)) => Arrival::Abandoned(key),
            (Ok(None) | Err(_), Purpose::Resume { .. }) => return,
        };
        // A worker that takes no arrivals has stopped, and so has the service.
        let _stopped = arrivals[usize::from(worker)].send(arrival);
    });
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept_value(key));
    if compression {
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(COMPRESSION_ANSWER));
    }
    if let Some(subprotocol) = subprotocol.and_then(|name| HeaderValue::from_str(name).ok()) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response
}

fn accept_value(key: &HeaderValue) -> HeaderValue {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key.as_bytes());
    context.update(ACCEPT_GUID);
    let encoded = STANDARD.encode(context.finish());
    HeaderValue::from_str(&encoded).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Takes the bare socket back from hyper and from the runtime; the worker's own event loop will watch it.
fn take_socket(upgraded: hyper::upgrade::Upgraded) -> Option<(Stream, Vec<u8>)> {
    match downcast::<TokioIo<tokio::net::TcpStream>>(upgraded) {
        Ok(parts) => Some((Stream::Plain(bare(parts.io.into_inner())?), parts.read_buf.to_vec())),
        Err(upgraded) => {
            let parts = downcast::<TokioIo<TlsStream<tokio::net::TcpStream>>>(upgraded).ok()?;
            let (stream, session) = parts.io.into_inner().into_inner();
            Some((Stream::tls(bare(stream)?, session), parts.read_buf.to_vec()))
        }
    }
}

fn bare(stream: tokio::net::TcpStream) -> Option<TcpStream> {
    let stream = stream.into_std().ok()?;
    // Coalescing is ours: what the kernel is given should leave at once.
    stream.set_nodelay(true).ok()?;
    Some(TcpStream::from_std(stream))
}
