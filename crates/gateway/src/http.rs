use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};
use hubwire_hub::ClientCertificate;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::handshake::{self, Reception};
use crate::lingering::{lend, linger};
use crate::{Addresses, Limits, host};

/// The body of an answer: short, or a page of a listing; or one that goes on.
pub type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, Infallible>>;

/// Answers whatever is not a client's handshake.
pub trait Fallback: 'static {
    /// Answers one request. `scheme` is how the client reached the service: `http` or `https`.
    fn answer(
        &self,
        scheme: &'static str,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Body>>;
}

/// How a socket's peer is connected.
#[derive(Clone)]
pub(crate) struct Channel {
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// The certificates that the peer has shown, its own first; checked in the handshake.
    pub(crate) certificates: Rc<[ClientCertificate]>,
    /// Who is at the other end, as far as the socket tells; of one request, as far as a trusted proxy tells.
    pub(crate) address: IpAddr,
}

impl Channel {
    pub(crate) fn plain(address: IpAddr) -> Self {
        Self { scheme: "http", certificates: Rc::default(), address }
    }

    /// A peer with TLS, and its certificates in DER.
    pub(crate) fn tls<'a>(address: IpAddr, certificates: impl Iterator<Item = &'a [u8]>) -> Self {
        Self { scheme: "https", certificates: certificates.map(certificate).collect(), address }
    }

    /// The channel as one request goes by it, whose client a trusted proxy may have named; `None` if that client may not come in.
    fn of_request(&self, addresses: &Addresses, headers: &HeaderMap) -> Option<Self> {
        let address = addresses.client(self.address, headers);
        addresses.admit(address).then(|| Self { address, ..self.clone() })
    }
}

fn certificate(der: &[u8]) -> ClientCertificate {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    ClientCertificate {
        thumbprint: digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect(),
        content: pem(der),
    }
}

/// A certificate as text (RFC 7468).
fn pem(der: &[u8]) -> String {
    /// RFC 7468 §2: the length of every line but the last.
    const LINE_LETTERS: usize = 64;
    let encoded = STANDARD.encode(der);
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = &*encoded;
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE_LETTERS));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

/// Serves one socket until it closes or is upgraded.
pub(crate) async fn serve<F: Fallback>(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    channel: Channel,
    reception: Rc<Reception>,
    fallback: Rc<F>,
) {
    let limits = reception.settings.load().limits.clone();
    let begun = Rc::new(Cell::new(false));
    let (begins, header_timeout) = (begun.clone(), Duration::from_millis(limits.header_timeout_ms));
    let settings = reception.settings.clone();
    let service = service_fn(move |request| {
        begins.set(true);
        let (reception, fallback) = (reception.clone(), fallback.clone());
        let channel = channel.of_request(&reception.settings.load().addresses, request.headers());
        async move {
            let Some(channel) = channel else {
                metrics::counter!("webpubsub_addresses_refused_total").increment(1);
                return Ok::<_, Infallible>(plain(StatusCode::FORBIDDEN, ADDRESS_REFUSED));
            };
            let response = if let Some(refusal) = host::refuse(&request) {
                refusal
            } else if handshake::concerns(request.uri().path()) {
                handshake::answer(&reception, &channel, request).await
            } else {
                fallback.answer(channel.scheme, request).await
            };
            Ok(response)
        }
    });
    let (stream, mut returned) = lend(stream);
    let server = server(&limits);
    let served = tokio::select! {
        served = server.serve_connection_with_upgrades(TokioIo::new(stream), service) => served.map_err(|error| error.to_string()),
        () = silence(header_timeout, &begun) => {
            // Who has asked nothing has no answer to read.
            returned.close();
            Err("no request came in time".to_owned())
        }
    };
    if let Err(error) = served {
        // A peer that stops in the middle, or never begins, is its own affair; it is counted, and told where hyper can.
        metrics::counter!("webpubsub_http_connection_errors_total").increment(1);
        tracing::debug!(error, "an HTTP connection ended with an error");
    }
    if let Ok(stream) = returned.try_recv() {
        linger(stream, &settings.load_full().limits).await;
    }
}

/// What speaks HTTP/1.1 and HTTP/2 within the bounds of the settings.
fn server(limits: &Limits) -> auto::Builder<LocalExecutor> {
    let mut server = auto::Builder::new(LocalExecutor);
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_timeout_ms))
        .max_buf_size(limits.header_bytes_max.max(MIN_BUFFER_BYTES));
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_millis(limits.ping_interval_ms))
        .keep_alive_timeout(Duration::from_millis(limits.ping_interval_ms))
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        // RFC 8441: WebSockets as streams of the connection.
        .enable_connect_protocol()
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX));
    server
}

/// Comes back if a peer has not made a first request in time. Hyper's own time-out begins only once it knows which version of HTTP is spoken,
/// and a peer need not say.
async fn silence(header_timeout: Duration, begun: &Cell<bool>) {
    tokio::time::sleep(header_timeout).await;
    if begun.get() {
        std::future::pending().await
    }
}

/// What somebody is told who may not come in.
const ADDRESS_REFUSED: &str =
    "Your address may not use this service (settings addresses.allow and addresses.deny).";
/// What hyper needs at least to read a request head.
const MIN_BUFFER_BYTES: usize = 8192;
/// Requests that one HTTP/2 connection may have open: enough for a busy application server, little enough to bound one peer.
const HTTP2_STREAMS_MAX: u32 = 256;

/// An answer with a status, a plain sentence, and nothing else.
pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(text.into())));
    *response.status_mut() = status;
    let plain_text = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, plain_text);
    response
}

/// Runs hyper's tasks on the worker's own thread.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<T: Future<Output = ()> + 'static> Executor<T> for LocalExecutor {
    fn execute(&self, task: T) {
        tokio::task::spawn_local(task);
    }
}
