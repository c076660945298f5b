use std::error::Error as StdError;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Body as HttpBody;
use hubwire_hub::Router;

use crate::access::Sessions;
use crate::answer::{Body, protect, refusal, whole};
use crate::api::{self, Call};
use crate::assets;
use crate::desk::Desk;
use crate::openid::SignIns;
use crate::peers::{self, Peers};
use crate::sign_out;

/// Where the page is.
const ROOT: &str = "/console";
/// Where the API is.
const API: &str = "/console/api/";

/// Answers requests for the page and its API. Clones share everything.
#[derive(Clone)]
pub struct Console(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) desk: Arc<Desk>,
    pub(crate) router: Arc<dyn Router>,
    pub(crate) sessions: Sessions,
    pub(crate) sign_ins: SignIns,
    pub(crate) peers: Option<Arc<dyn Peers>>,
    pub(crate) workers: usize,
}

impl Console {
    /// The console of a service with so many workers, of which the desk knows what happens and through whose router everything is done. In a
    /// cluster it shows what `peers` know as well.
    pub fn new(
        desk: Arc<Desk>,
        router: Arc<dyn Router>,
        workers: usize,
        peers: Option<Arc<dyn Peers>>,
    ) -> Self {
        Self(Arc::new(Shared {
            desk,
            router,
            sessions: Sessions::default(),
            sign_ins: SignIns::default(),
            peers,
            workers,
        }))
    }

    /// Whether a request with this path is for the console.
    pub fn handles(path: &str) -> bool {
        path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Answers one request. `scheme` is `http` or `https` as the caller of the service used it.
    ///
    /// Must run within a tokio runtime that has timers.
    pub async fn handle<B>(&self, scheme: &'static str, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let mut response = self.answer(scheme, request).await;
        protect(response.headers_mut());
        response
    }

    /// Answers a question of another node's console, for this node alone.
    pub async fn answer_peer(&self, question: &[u8]) -> Bytes {
        peers::answer(self, question).await
    }

    /// Keeps up with which sessions have ended at other nodes, for as long as it runs.
    ///
    /// Must run within a tokio runtime that has timers.
    pub async fn follow_sign_outs(&self) {
        sign_out::follow(&self.0).await;
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }

    /// Whether this node is all that there is.
    pub(crate) fn has_no_peers(&self) -> bool {
        self.0.peers.is_none()
    }

    async fn answer<B>(&self, scheme: &'static str, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let settings = self.0.desk.settings.load_full();
        if !settings.enabled {
            return whole(
                StatusCode::NOT_FOUND,
                "text/plain; charset=utf-8",
                "The console is switched off: setting console.enabled.",
            );
        }
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        if path.starts_with(API) {
            let call = Call {
                console: self,
                shared: &self.0,
                settings: &settings,
                scheme,
                head: &head,
                alone: false,
            };
            return api::answer(&call, body).await.unwrap_or_else(|error| refusal(&error));
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return refusal(&crate::error::Error::MethodNotAllowed);
        }
        match path.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('/')) {
            Some(file) => {
                let known = head.headers.get(header::IF_NONE_MATCH);
                assets::file(file, known.and_then(|known| known.to_str().ok()))
            }
            None => {
                let mut response = whole(StatusCode::PERMANENT_REDIRECT, "text/plain; charset=utf-8", "");
                let place = http::HeaderValue::from_static("/console/");
                response.headers_mut().insert(header::LOCATION, place);
                response
            }
        }
    }
}
