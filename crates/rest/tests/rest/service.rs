use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hubwire_auth::{AccessKey, AccessKeys, DEVELOPMENT_KEY, issue_rest_token};
use hubwire_hub::Load;
use hubwire_rest::{Clock, Intake, Options, Rest};
use serde_json::Value;

use crate::observer::Notes;
use crate::router::ScriptedRouter;

pub(crate) const NOW_S: u64 = 1_700_000_000;
pub(crate) const HOST: &str = "realtime.example:8080";
/// An id that a connection can have.
pub(crate) const ID: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const OTHER_ID: &str = "fedcba9876543210fedcba9876543210";

struct FixedClock;

impl Clock for FixedClock {
    fn unix_s(&self) -> u64 {
        NOW_S
    }

    fn monotonic_us(&self) -> u64 {
        NOW_S * 1_000_000
    }
}

/// A data plane with a scripted router behind it.
pub(crate) struct Service {
    pub(crate) router: Arc<ScriptedRouter>,
    pub(crate) observer: Arc<Notes>,
    pub(crate) options: Arc<ArcSwap<Options>>,
    pub(crate) load: Arc<Load>,
    pub(crate) rest: Rest,
}

/// What a caller got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A request in the making. Unless told otherwise it is signed for its own URL, query included, as official clients do.
pub(crate) struct Call<'s> {
    service: &'s Service,
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    host: Option<String>,
    authorization: Option<String>,
    body: Bytes,
}

pub(crate) fn key() -> AccessKey {
    AccessKey::new(DEVELOPMENT_KEY).unwrap()
}

pub(crate) fn token(audience: &str) -> String {
    issue_rest_token(&key(), audience, NOW_S, NOW_S + 60).unwrap()
}

impl Service {
    pub(crate) fn new() -> Self {
        Self::with_paging_key([7; 32])
    }

    pub(crate) fn with_paging_key(paging_key: [u8; 32]) -> Self {
        let options = Options::new(AccessKeys { primary: key(), secondary: None });
        let options = Arc::new(ArcSwap::from_pointee(options));
        let (router, observer) = (Arc::new(ScriptedRouter::default()), Arc::new(Notes::default()));
        let load = Arc::new(Load::new(1));
        let intake = Intake { worker: 0, load: load.clone(), paces: Arc::default() };
        let clock = Arc::new(FixedClock);
        let rest = Rest::new(options.clone(), router.clone(), observer.clone(), clock, paging_key, intake);
        Self { router, observer, options, load, rest }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Options)) {
        let mut options = Options::clone(&self.options.load());
        change(&mut options);
        self.options.store(Arc::new(options));
    }

    /// A request like `POST /api/hubs/chat/:send`.
    pub(crate) fn call(&self, line: &str) -> Call<'_> {
        let (method, target) = line.split_once(' ').unwrap();
        Call {
            service: self,
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
            host: Some(HOST.into()),
            authorization: Some(format!("Bearer {}", token(&format!("http://{HOST}{target}")))),
            body: Bytes::new(),
        }
    }
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().into()));
        self
    }

    pub(crate) fn host(mut self, host: Option<&str>) -> Self {
        self.host = host.map(str::to_owned);
        self
    }

    pub(crate) fn authorization(mut self, value: Option<&str>) -> Self {
        self.authorization = value.map(str::to_owned);
        self
    }

    pub(crate) fn audience(self, audience: &str) -> Self {
        let value = format!("Bearer {}", token(audience));
        self.authorization(Some(&value))
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        self.body = Bytes::copy_from_slice(body.as_ref());
        self.header("content-type", content_type)
    }

    /// Sends the request with its length announced.
    pub(crate) fn send(self) -> Answer {
        let body = Full::new(self.body.clone());
        let length = self.body.len().to_string();
        self.header("content-length", length).send_with(body)
    }

    /// Sends the request with another body and no announced length.
    pub(crate) fn send_with<B>(self, body: B) -> Answer
    where
        B: Body<Data = Bytes> + Unpin + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut request = Request::builder().method(&*self.method).uri(&*self.target);
        for (name, value) in &self.headers {
            request = request.header(&**name, &**value);
        }
        if let Some(host) = &self.host {
            request = request.header("host", host);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        handle(&self.service.rest, request.body(body).unwrap())
    }
}

/// Runs one request on paused time, so that timers fire at once when nothing else can happen.
pub(crate) fn handle<B>(rest: &Rest, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let response = is_send(rest.handle("http", request)).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    })
}

/// Fails to compile if the future could not move between threads.
fn is_send<F: Future + Send>(future: F) -> F {
    future
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap().to_owned()
    }

    /// Checks a refusal with a body.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: &str, message: &str, target: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.json(), serde_json::json!({ "code": code, "message": message, "target": target }));
        assert_eq!(self.header("x-ms-error-code"), Some(code));
    }

    #[track_caller]
    pub(crate) fn assert_bad_request(&self, message: &str) {
        self.assert_error(400, "Error.BadRequest", message, "Request");
    }
}
