//! From an HTTP request to a client's socket: who may connect, as whom, speaking what.

mod admission;
mod attempt;
mod entry;
mod recovery;
mod refusal;
mod request;
mod simple;
mod texts;
mod upgrade;

use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Request, Response};
use hubwire_hub::{Application, Count, Fact, Happening};
use hyper::body::Incoming;
use tokio::sync::mpsc::UnboundedSender;

use crate::arrival::Arrival;
use crate::entrance::{Census, HandshakePaces};
use crate::http::{Body, Channel};
use crate::log::{CONNECTIVITY, CONNECTIVITY_LOGS};
use crate::{Settings, Surroundings};

pub(crate) use request::concerns;
pub(crate) use texts::Texts;

use refusal::Refusal;

/// What a worker's handshakes need.
pub(crate) struct Reception {
    pub(crate) worker: u8,
    pub(crate) settings: Arc<ArcSwap<Settings>>,
    pub(crate) surroundings: Surroundings,
    pub(crate) application: Rc<dyn Application>,
    pub(crate) texts: Texts,
    /// Who has a place in the whole process.
    pub(crate) census: Arc<Census>,
    /// How fast each address makes handshakes, with any worker.
    pub(crate) handshakes: Arc<HandshakePaces>,
    /// The way to every worker, this one included. Each handshake sends at most two
    /// arrivals, and each open question one, so the bounds of those bound it.
    pub(crate) arrivals: Arc<[UnboundedSender<Arrival>]>,
}

/// Answers a request to a client endpoint: 101 and a socket on its way to its worker, or a refusal in words.
pub(crate) async fn answer(
    reception: &Reception,
    channel: &Channel,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let response = admit(reception, channel, &mut request).await.unwrap_or_else(|refusal| {
        let (path, status) = (request.uri().path(), refusal.status().as_u16());
        let category = CONNECTIVITY_LOGS;
        tracing::info!(target: CONNECTIVITY, category, path, status, %refusal, "a client was refused");
        tell(reception, &request, &refusal);
        refusal.response()
    });
    let status = response.status().as_u16().to_string();
    metrics::counter!("webpubsub_client_requests_status_total", "status" => status).increment(1);
    response
}

/// Counts a refusal, and tells whoever watches.
fn tell(reception: &Reception, request: &Request<Incoming>, refusal: &Refusal) {
    let status = refusal.status().as_u16();
    reception.surroundings.observer.count(Count::Refused(status));
    if reception.surroundings.observer.is_watching() {
        let path = request.uri().path().to_owned();
        let happening = Happening::Refused { status, reason: refusal.to_string(), path };
        let fact = Fact::of_hub(request::hub(request), happening);
        reception.surroundings.observer.observe(Some(reception.worker), vec![fact], 0);
    }
}

/// The order of the checks is the service's: it decides which of several faults a client is told of.
async fn admit(
    reception: &Reception,
    channel: &Channel,
    request: &mut Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let asked = upgrade::check(request)?;
    let call = request::Call::parse(request)?;
    entry::check(reception, channel, request, &call)?;
    if let Some(id) = call.recovered_connection() {
        return recovery::answer(reception, channel, request, &call, (&id, &asked)).await;
    }
    admission::answer(reception, channel, request, &call, &asked).await
}
