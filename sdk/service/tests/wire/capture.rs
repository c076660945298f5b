//! A server and a transport that keep requests and give prepared answers.

use azure_core::{
    Bytes,
    http::{AsyncRawResponse, HttpClient, Request, headers::Headers},
};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;
use webpubsub::{WebPubSubServiceClient, WebPubSubServiceClientOptions};

pub(crate) const KEY: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Captured {
    /// The claims of the bearer token.
    pub(crate) fn claims(&self) -> serde_json::Value {
        let token = self.headers["authorization"].strip_prefix("Bearer ").expect("a bearer token");
        decode_part(token, 1)
    }
}

/// A part of a JSON Web Token, 0 being its header and 1 its claims.
pub(crate) fn decode_part(token: &str, part: usize) -> serde_json::Value {
    let part = token.split('.').nth(part).expect("a part");
    serde_json::from_slice(&azure_core::base64::decode_url_safe(part).expect("base64url")).expect("JSON")
}

/// A prepared answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn json(status: u16, body: serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

type AnswerFn = Arc<dyn Fn(&Captured) -> Answer + Send + Sync>;

/// Keeps requests and answers them.
#[derive(Clone)]
pub(crate) struct Capture {
    requests: Arc<Mutex<Vec<Captured>>>,
    answer: AnswerFn,
}

impl Capture {
    pub(crate) fn new(answer: impl Fn(&Captured) -> Answer + Send + Sync + 'static) -> Self {
        Self { requests: Arc::default(), answer: Arc::new(answer) }
    }

    /// The requests since the last call.
    pub(crate) fn take(&self) -> Vec<Captured> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    fn keep(&self, request: Captured) -> Answer {
        let answer = (self.answer)(&request);
        self.requests.lock().unwrap().push(request);
        answer
    }

    /// Serves plain http and returns where.
    pub(crate) async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let capture = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let capture = capture.clone();
                let service = service_fn(move |request| answer_http(capture.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        endpoint
    }
}

async fn answer_http(
    capture: Capture,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let text = |value: &http::HeaderValue| value.to_str().expect("a readable header").to_owned();
    let answer = capture.keep(Captured {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.collect().await.expect("a whole body").to_bytes(),
    });
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(answer.body.into())).expect("a valid answer"))
}

/// For what cannot be had over a socket: https, and time that is not real.
#[async_trait::async_trait]
impl HttpClient for Capture {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let header = |(name, value): (&azure_core::http::headers::HeaderName, _)| {
            let value: &azure_core::http::headers::HeaderValue = value;
            (name.as_str().to_owned(), value.as_str().to_owned())
        };
        let answer = self.keep(Captured {
            method: request.method().to_string(),
            target: request.path_and_query(),
            headers: request.headers().iter().map(header).collect(),
            body: request.body().into(),
        });
        let mut headers = Headers::new();
        for (name, value) in answer.headers {
            headers.insert(name, value);
        }
        Ok(AsyncRawResponse::from_bytes(answer.status.into(), headers, answer.body))
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Capture")
    }
}

/// Options for a client of a local server.
pub(crate) fn local() -> WebPubSubServiceClientOptions {
    WebPubSubServiceClientOptions { allow_insecure_connection: true, ..Default::default() }
}

/// A client of the hub `chat`, with an access key.
pub(crate) fn client(endpoint: &str, options: WebPubSubServiceClientOptions) -> WebPubSubServiceClient {
    WebPubSubServiceClient::with_access_key(endpoint, KEY, "chat", Some(options)).unwrap()
}
