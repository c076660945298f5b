//! From an HTTP request to a client's socket: who may connect, as whom, speaking what.

mod admission;
mod attempt;
mod recovery;
mod refusal;
mod request;
mod simple;
mod texts;
mod upgrade;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use http::{Request, Response};
use hubwire_auth::ReconnectionKey;
use hubwire_hub::{Application, Router};
use hyper::body::Incoming;
use tokio::sync::mpsc::UnboundedSender;

use crate::arrival::Arrival;
use crate::http::Body;
use crate::{Carrier, Environment, Settings};

pub(crate) use request::concerns;
pub(crate) use texts::Texts;

use refusal::Refusal;

/// What a worker's handshakes need.
pub(crate) struct Reception {
    pub(crate) worker: u8,
    pub(crate) settings: Arc<ArcSwap<Settings>>,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) router: Arc<dyn Router>,
    pub(crate) application: Rc<dyn Application>,
    pub(crate) reconnection_key: ReconnectionKey,
    pub(crate) carrier: Option<Arc<dyn Carrier>>,
    pub(crate) texts: Texts,
    /// WebSocket connections of the whole process.
    pub(crate) connections: Arc<AtomicUsize>,
    /// The way to every worker, this one included. Each handshake sends at most two
    /// arrivals, and each open question one, so the bounds of those bound it.
    pub(crate) arrivals: Arc<[UnboundedSender<Arrival>]>,
}

/// Answers a request to a client endpoint: 101 and a socket on its way to its worker, or a refusal in words.
pub(crate) async fn answer(reception: &Reception, mut request: Request<Incoming>) -> Response<Body> {
    let response = admit(reception, &mut request).await.unwrap_or_else(|refusal| {
        tracing::info!(path = request.uri().path(), %refusal, "a client was refused");
        refusal.response()
    });
    let status = response.status().as_u16().to_string();
    metrics::counter!("webpubsub_client_requests_status_total", "status" => status).increment(1);
    response
}

/// The order of the checks is the service's: it decides which of several faults a client is told of.
async fn admit(reception: &Reception, request: &mut Request<Incoming>) -> Result<Response<Body>, Refusal> {
    let key = upgrade::check(request)?;
    let call = request::Call::parse(request)?;
    if let Some(id) = call.recovered_connection() {
        return recovery::answer(reception, request, &call, &id, &key).await;
    }
    admission::answer(reception, request, &call, &key).await
}
