//! The answers of this crate, next to those of the official middleware `@azure/web-pubsub-express`.
//!
//! `record.mjs` sent the requests of `requests.mjs` to applications with the official middleware, and wrote down the answers. Here the same
//! requests go to the same applications with this crate. [`differences`] says where the answers differ on purpose.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod application;
mod differences;

use std::convert::Infallible;
use std::task::{Context, Poll};

use application::{Application, Bare};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde::Deserialize;
use tower_layer::Layer;
use tower_service::Service;
use webpubsub_events::{Builder, EventHandler, Webhook};

#[derive(Deserialize)]
struct Recorded {
    exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
struct Exchange {
    name: String,
    app: String,
    method: String,
    path: String,
    headers: std::collections::BTreeMap<String, String>,
    body: String,
    answer: Answer,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status: u16,
    content_type: Option<String>,
    state: Option<String>,
    allowed_origins: Vec<String>,
    /// A character for each byte.
    body: String,
}

/// The service below the layer, which answers as the application does that the official middleware was recorded in.
#[derive(Clone)]
struct PassedOn;

impl Service<Request<Full<Bytes>>> for PassedOn {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<Full<Bytes>>) -> Self::Future {
        let mut response = Response::new(Full::from("passed on"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert("content-type", content_type);
        std::future::ready(Ok(response))
    }
}

fn request(exchange: &Exchange) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(exchange.method.as_str()).uri(&exchange.path);
    for (name, value) in &exchange.headers {
        request = request.header(name, value);
    }
    request.body(Full::from(exchange.body.clone())).unwrap()
}

async fn answer(application: Builder, handler: impl EventHandler, request: Request<Full<Bytes>>) -> Answer {
    let webhook = application.accept_unsigned().build(handler).unwrap();
    let response = webhook.into_layer().layer(PassedOn).call(request).await.unwrap();
    let texts = |headers: &HeaderMap, name| -> Vec<String> {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status.as_u16(),
        content_type: texts(&parts.headers, "content-type").pop(),
        state: texts(&parts.headers, "ce-connectionstate").pop(),
        allowed_origins: texts(&parts.headers, "webhook-allowed-origin"),
        body: bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

async fn answer_of_this_crate(exchange: &Exchange) -> Answer {
    let request = request(exchange);
    let chat = Webhook::builder("chat");
    let endpoints = ["https://SVC.example.com", "http://local.example.com:8080/path"];
    match exchange.app.as_str() {
        "handlers" => answer(chat, Application, request).await,
        "bare" => answer(chat, Bare, request).await,
        "listed" => answer(chat.allowed_endpoints(endpoints), Application, request).await,
        "nobody" => answer(chat.allowed_endpoints([""; 0]), Application, request).await,
        "path" => answer(chat.path("/customPath1"), Application, request).await,
        other => panic!("no application {other}"),
    }
}

#[tokio::test]
async fn answers_equal_those_of_the_official_middleware() {
    let recorded: Recorded = serde_json::from_str(include_str!("recorded.json")).unwrap();
    let mut differences = differences::all();
    let mut wrong = Vec::new();
    for exchange in &recorded.exchanges {
        let ours = answer_of_this_crate(exchange).await;
        let expected = match differences.remove(exchange.name.as_str()) {
            Some(difference) => {
                assert_ne!(exchange.answer, difference, "{}: no difference any more", exchange.name);
                difference
            }
            None => exchange.answer.clone(),
        };
        if ours != expected {
            wrong.push(format!("{}: expected {expected:?}, got {ours:?}", exchange.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(differences.is_empty(), "not recorded: {:?}", differences.keys());
    assert!(recorded.exchanges.len() > 100, "only {} exchanges", recorded.exchanges.len());
}
