use std::pin::pin;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::{Either, Full};
use hubwire_protocol::websocket::{Agreement, negotiate};
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use mio::net::{TcpStream, UnixStream};
use tokio::io::AsyncWriteExt;
use tokio_rustls::server::TlsStream;

use super::Reception;
use super::refusal::Refusal;
use crate::arrival::{Arrival, Purpose, Upgraded};
use crate::entrance::Place;
use crate::http::Body;
use crate::lingering::Lent;
use crate::stream::Stream;

/// RFC 6455 §1.3: what a server appends to the client's key.
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// RFC 6455 §4.1: a client's key is the base64 form of so many random bytes.
const NONCE_BYTES: usize = 16;

/// How a client asked for its WebSocket.
pub(super) enum Asked {
    /// By an upgrade of its HTTP/1.1 connection (RFC 6455 §4.1), with this key.
    Upgrade(HeaderValue),
    /// By a stream of its HTTP/2 connection (RFC 8441 §5), where there is no key.
    Stream,
}

/// How the client asked, if the request is a WebSocket handshake at all.
pub(super) fn check<B>(request: &Request<B>) -> Result<Asked, Refusal> {
    let headers = request.headers();
    let protocol = request.extensions().get::<Protocol>();
    let streams =
        request.method() == Method::CONNECT && protocol.is_some_and(|it| it.as_str() == "websocket");
    let lists = |name: header::HeaderName, word: &str| {
        let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    let upgrades = lists(header::CONNECTION, "upgrade") && lists(header::UPGRADE, "websocket");
    // HTTP/1.0 has no upgrades, and HTTP/2 another way. What follows the head would be a body to a proxy, and frames here.
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let upgrades = upgrades && request.method() == Method::GET && request.version() == Version::HTTP_11;
    if (!upgrades && !streams) || has_body {
        return Err(Refusal::NotWebSocket);
    }
    if once(headers, header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::Version);
    }
    if streams {
        return Ok(Asked::Stream);
    }
    let key = once(headers, header::SEC_WEBSOCKET_KEY)
        .filter(|key| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == NONCE_BYTES));
    key.cloned().map(Asked::Upgrade).ok_or(Refusal::Key)
}

/// The host that a client asked for, with its port: HTTP/1.1 has it in a header, HTTP/2 in the target.
pub(super) fn host<B>(request: &Request<B>) -> Option<&str> {
    let header = || request.headers().get(header::HOST)?.to_str().ok();
    request.uri().authority().map(|authority| authority.as_str()).or_else(header)
}

/// A header that must not appear more than once (RFC 6455 §11.3.1, §11.3.5).
fn once(headers: &HeaderMap, name: header::HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// What is agreed on about compression, if the client asks for it in a way that the service can keep to, and the settings allow it.
fn compression(reception: &Reception, headers: &HeaderMap) -> Option<Agreement> {
    let offers = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
    let allowed = reception.settings.load().compression;
    allowed.then(|| negotiate(offers.filter_map(|offer| offer.to_str().ok()))).flatten()
}

/// Where a socket goes once its client has been answered.
pub(super) enum Onward {
    /// To a worker of this process.
    Worker(u8, Purpose),
    /// To a session elsewhere.
    Elsewhere(Box<dyn FnOnce(hyper::upgrade::Upgraded, Place)>),
}

/// Answers 101, or 200 to a stream, and sends the socket on once the answer is out.
pub(super) fn accept(
    reception: &Reception,
    request: &mut Request<Incoming>,
    asked: &Asked,
    subprotocol: Option<&str>,
    (onward, place): (Onward, Place),
) -> Response<Body> {
    // A session elsewhere has not agreed to it.
    let local = matches!(onward, Onward::Worker(..));
    let agreement = local.then(|| compression(reception, request.headers())).flatten();
    let compression = agreement.map(|agreement| agreement.window);
    let upgrade = hyper::upgrade::on(request);
    let patience = Duration::from_millis(reception.settings.load().limits.drain_timeout_ms);
    let arrivals = reception.arrivals.clone();
    tokio::task::spawn_local(async move {
        let (worker, purpose, upgraded) = match (upgrade.await, onward) {
            (Ok(upgraded), Onward::Elsewhere(carry)) => return carry(upgraded, place),
            // The client went away between its request and our answer.
            (Err(_), Onward::Elsewhere(_)) => return,
            (upgraded, Onward::Worker(worker, purpose)) => (worker, purpose, upgraded),
        };
        let arrival = match (upgraded.map(|upgraded| take_socket(upgraded, patience)), purpose) {
            (Ok(Some((stream, early))), purpose) => {
                let upgraded = Upgraded { stream, early, compression, place };
                Arrival::Socket { purpose, upgraded }
            }
            (Ok(None) | Err(_), Purpose::Serve(key)) => Arrival::Abandoned(key),
            (Ok(None) | Err(_), Purpose::Resume { .. }) => return,
        };
        // A worker that takes no arrivals has stopped, and so has the service.
        let _stopped = arrivals[usize::from(worker)].send(arrival);
    });
    let mut response = Response::new(Either::Left(Full::default()));
    if let Asked::Upgrade(key) = asked {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept_value(key));
    }
    let headers = response.headers_mut();
    if let Some(agreement) = agreement {
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(agreement.answer));
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
fn take_socket(upgraded: hyper::upgrade::Upgraded, patience: Duration) -> Option<(Stream, Vec<u8>)> {
    let upgraded = match downcast::<TokioIo<Lent<tokio::net::TcpStream>>>(upgraded) {
        Ok(parts) => {
            let stream = parts.io.into_inner().into_inner()?;
            return Some((Stream::Plain(bare(stream)?), parts.read_buf.to_vec()));
        }
        Err(upgraded) => upgraded,
    };
    match downcast::<TokioIo<Lent<TlsStream<tokio::net::TcpStream>>>>(upgraded) {
        Ok(parts) => {
            let (stream, session) = parts.io.into_inner().into_inner()?.into_inner();
            Some((Stream::tls(bare(stream)?, session), parts.read_buf.to_vec()))
        }
        Err(upgraded) => Some((Stream::Tunnel(tunnel(upgraded, patience)?), Vec::new())),
    }
}

/// Makes a socket of a stream of HTTP/2, which only its library can write to. It costs a pair of descriptors and two buffers of 8 KiB, one
/// reason to prefer HTTP/1.1 where many clients are idle.
fn tunnel(upgraded: hyper::upgrade::Upgraded, patience: Duration) -> Option<UnixStream> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().ok()?;
    ours.set_nonblocking(true).ok()?;
    theirs.set_nonblocking(true).ok()?;
    let theirs = tokio::net::UnixStream::from_std(theirs).ok()?;
    tokio::task::spawn_local(pass_on(upgraded, theirs, patience));
    Some(UnixStream::from_std(ours))
}

/// Passes bytes on, either way, until the worker or the client has ended its side. A client that does not end its own once the worker has is
/// waited for as long as for any other.
async fn pass_on(upgraded: hyper::upgrade::Upgraded, worker: tokio::net::UnixStream, patience: Duration) {
    let (mut from_client, mut to_client) = tokio::io::split(TokioIo::new(upgraded));
    let (mut from_worker, mut to_worker) = worker.into_split();
    let mut up = pin!(async {
        let passed = tokio::io::copy(&mut from_client, &mut to_worker).await;
        to_worker.shutdown().await.and(passed)
    });
    let mut down = pin!(async {
        let passed = tokio::io::copy(&mut from_worker, &mut to_client).await;
        to_client.shutdown().await.and(passed)
    });
    let ended = tokio::select! {
        ended = &mut down => {
            let _late = tokio::time::timeout(patience, up).await;
            ended
        }
        // The worker notices, and ends its side.
        ended = &mut up => down.await.and(ended),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a WebSocket's stream of an HTTP/2 connection has ended");
    }
}

fn bare(stream: tokio::net::TcpStream) -> Option<TcpStream> {
    let stream = stream.into_std().ok()?;
    // Coalescing is ours: what the kernel is given should leave at once.
    stream.set_nodelay(true).ok()?;
    Some(TcpStream::from_std(stream))
}
