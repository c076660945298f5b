use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Notify;

use crate::CallError;
use crate::egress::Egress;
use crate::fair::FairConnector;
use crate::settings::Settings;

/// How long a connection may be idle before it is closed, in milliseconds. Servers commonly close theirs after 60 s or more.
const IDLE_TIMEOUT_MS: u64 = 50_000;
/// Interim answers before the answer itself. Somebody who sends more of them does so without end.
const INTERIM_ANSWERS_MAX: usize = 64;
/// The largest head of an answer, in bytes, and how much is read at a time.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How often an HTTP/2 connection with calls under way is asked whether it lives, in milliseconds. All calls to a host share one: if its
/// network were gone without a word, every later call would join those that hang, until the kernel gives up after a quarter of an hour.
const HTTP2_PING_INTERVAL_MS: u64 = 5_000;
/// How long it may take to say so, in milliseconds. Then its calls have failed, and are repeated over a new one.
const HTTP2_PING_TIMEOUT_MS: u64 = 5_000;
/// Idle connections that are kept to one host.
const IDLE_CONNECTIONS_PER_HOST_MAX: usize = 512;

type Connector = FairConnector<HttpsConnector<HttpConnector<Resolver>>>;

/// Sends requests over connections that are kept: HTTP/1.1, or HTTP/2 where TLS finds that both sides speak it. No redirect is followed,
/// and no proxy is used.
///
/// Belongs to the runtime on which it sent its first request.
#[derive(Clone)]
pub struct HttpClient {
    client: hyper_util::client::legacy::Client<Connector, Full<Bytes>>,
    egress: Arc<Egress>,
}

impl HttpClient {
    pub(crate) fn new(egress: Arc<Egress>, connect_timeout_ms: u64) -> Self {
        let mut http = HttpConnector::new_with_resolver(Resolver(egress.clone()));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(Duration::from_millis(connect_timeout_ms)));
        http.set_keepalive(Some(Duration::from_millis(IDLE_TIMEOUT_MS)));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls_config())
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(http);
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_millis(IDLE_TIMEOUT_MS))
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST_MAX)
            .http2_keep_alive_interval(Duration::from_millis(HTTP2_PING_INTERVAL_MS))
            .http2_keep_alive_timeout(Duration::from_millis(HTTP2_PING_TIMEOUT_MS))
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .build(FairConnector(connector));
        Self { client, egress }
    }

    /// Sends one request, and comes back with the head of its answer.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, CallError> {
        self.egress.check_host(request.uri().host().unwrap_or_default())?;
        let target = target(request.uri());
        let too_many = Arc::new(Notify::new());
        let (count, notify) = (AtomicUsize::new(0), too_many.clone());
        hyper::ext::on_informational(&mut request, move |_| {
            if count.fetch_add(1, Ordering::Relaxed) == INTERIM_ANSWERS_MAX {
                notify.notify_one();
            }
        });
        tokio::select! {
            answer = self.client.request(request) => answer.map_err(|error| transport(&target, &error)),
            () = too_many.notified() => Err(CallError::Transport(format!(
                "{target} sends more than {INTERIM_ANSWERS_MAX} interim answers (status 1xx)"
            ))),
        }
    }
}

/// The client of one thread: made at the first call, and made again when what it may reach changes.
#[derive(Default)]
pub(crate) struct Clients(RefCell<Option<(Arc<Egress>, HttpClient)>>);

impl Clients {
    pub(crate) fn client(&self, settings: &Settings) -> HttpClient {
        let mut kept = self.0.borrow_mut();
        match &*kept {
            Some((egress, client)) if Arc::ptr_eq(egress, &settings.egress) => client.clone(),
            _ => {
                let client = HttpClient::new(settings.egress.clone(), settings.limits.connect_timeout_ms);
                *kept = Some((settings.egress.clone(), client.clone()));
                client
            }
        }
    }
}

/// How long a document of an issuer may take, in milliseconds.
pub(crate) const DOCUMENT_TIMEOUT_MS: u64 = 10_000;
/// The largest such document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 256 << 10;

/// Sends requests to places that the operator has named, such as an issuer or a collector. The rules for event handlers, whose places clients can
/// have a part in, are not for it. Clones share connections, and belong to one runtime.
#[derive(Clone)]
pub struct OperatorClient(HttpClient);

impl Default for OperatorClient {
    fn default() -> Self {
        Self(HttpClient::new(Arc::default(), DOCUMENT_TIMEOUT_MS))
    }
}

impl OperatorClient {
    /// Sends one request, and reads its answer, of whatever status, to the end. Both together have ten seconds, and the answer 256 KiB.
    ///
    /// # Errors
    /// A sentence that says why there is no answer. It names host and port, and no more of the URL.
    pub async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let place = target(request.uri());
        let answered = async {
            let (head, body) = self.0.send(request.map(Full::new)).await?.into_parts();
            Ok(Response::from_parts(head, read_body(body, DOCUMENT_BYTES_MAX).await?))
        };
        let answered = tokio::time::timeout(Duration::from_millis(DOCUMENT_TIMEOUT_MS), answered).await;
        let answered = answered.unwrap_or(Err(CallError::Timeout(DOCUMENT_TIMEOUT_MS)));
        answered.map_err(|error: CallError| match error {
            CallError::Timeout(_) => format!("{place} did not answer in time"),
            error => error.to_string(),
        })
    }
}

/// Gets a document from a place that the operator has named, such as an issuer's keys.
///
/// # Errors
/// A sentence that says what is wrong.
pub async fn fetch(url: &str) -> Result<Bytes, String> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = url.parse().map_err(|_| format!("`{url}` is not a URL"))?;
    let answer = OperatorClient::default().exchange(request).await?;
    if !answer.status().is_success() {
        return Err(format!("{url} answered with status {}", answer.status()));
    }
    Ok(answer.into_body())
}

/// The body of an answer that says that all is well; `what` names it in a sentence that says why not.
pub(crate) async fn document(
    client: &HttpClient,
    request: Request<Full<Bytes>>,
    what: &str,
) -> Result<Bytes, String> {
    let answer = client.send(request).await.map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("{what} answered with status {}", answer.status()));
    }
    read_body(answer.into_body(), DOCUMENT_BYTES_MAX).await.map_err(|error| error.to_string())
}

/// Host and port of a URL, which is all of it that an error needs.
fn target(uri: &Uri) -> String {
    uri.authority().map_or_else(String::new, |authority| authority.as_str().to_owned())
}

/// Puts the chain of causes into one sentence; an address that is forbidden is found in it.
fn transport(target: &str, error: &hyper_util::client::legacy::Error) -> CallError {
    let mut text = format!("{target} cannot be reached");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<io::Error>().and_then(forbidden) {
            return CallError::Egress(refused);
        }
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    CallError::Transport(text)
}

fn forbidden(error: &io::Error) -> Option<crate::egress::EgressError> {
    error.get_ref()?.downcast_ref().cloned()
}

/// Reads a body that may have at most so many bytes.
pub(crate) async fn read_body(mut body: Incoming, bytes_max: usize) -> Result<Bytes, CallError> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(CallError::TooLarge(bytes_max));
    }
    let mut first: Option<Bytes> = None;
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| CallError::Transport(format!("the answer broke off: {error}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.as_ref().map_or(0, Bytes::len) + joined.len() + data.len() > bytes_max {
            return Err(CallError::TooLarge(bytes_max));
        }
        // Most answers come in one piece, which is not copied.
        match (&first, joined.is_empty()) {
            (None, true) => first = Some(data),
            (Some(start), _) => {
                joined.extend_from_slice(start);
                joined.extend_from_slice(&data);
                first = None;
            }
            (None, false) => joined.extend_from_slice(&data),
        }
    }
    Ok(first.unwrap_or_else(|| joined.freeze()))
}

/// The system's root certificates, read once; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
fn tls_config() -> rustls::ClientConfig {
    static CONFIG: OnceLock<rustls::ClientConfig> = OnceLock::new();
    CONFIG.get_or_init(load_tls_config).clone()
}

fn load_tls_config() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = || {
        rustls::ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()
    };
    let with_roots = versions()
        .map_err(|error| error.to_string())
        .and_then(|builder| builder.with_native_roots().map_err(|error| error.to_string()));
    match with_roots {
        Ok(builder) => builder.with_no_client_auth(),
        Err(error) => {
            tracing::warn!(
                error,
                "this system has no root certificates; handlers on https:// cannot be called (SSL_CERT_FILE names a file with some)"
            );
            rustls::ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(rustls::DEFAULT_VERSIONS)
                .unwrap_or_else(|_| unreachable!("the provider has the default versions"))
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth()
        }
    }
}

/// Finds a host's addresses, and drops those that calls may not go to.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<Egress>);

impl tower_service::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let egress = self.0.clone();
        Box::pin(async move {
            // The port is the caller's to set.
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = egress.filter(name.as_str(), addresses).map_err(io::Error::other)?;
            Ok(allowed.into_iter())
        })
    }
}
