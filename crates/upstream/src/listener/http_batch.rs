use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{SendError, Sent, Target, all};
use crate::client::{HttpClient, read_body};
use crate::{CloudEvent, Content};

/// How long a batch may take, in milliseconds.
const TIMEOUT_MS: u64 = 30_000;
/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// An HTTP server that takes batches of CloudEvents as JSON: `application/cloudevents-batch+json`.
pub struct HttpTarget {
    /// Where they go.
    pub url: Uri,
    /// Headers of every request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Target for HttpTarget {
    fn send<'a>(&'a self, client: &'a HttpClient, events: &'a [CloudEvent]) -> Sent<'a> {
        Box::pin(async move {
            let posted =
                tokio::time::timeout(Duration::from_millis(TIMEOUT_MS), self.post(client, events)).await;
            all(
                events,
                posted
                    .unwrap_or_else(|_| Err(SendError::not_now(format!("no answer within {TIMEOUT_MS} ms")))),
            )
        })
    }
}

impl HttpTarget {
    async fn post(&self, client: &HttpClient, events: &[CloudEvent]) -> Result<(), SendError> {
        let mut request = Request::new(Full::from(batch(events)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        let content_type = HeaderValue::from_static("application/cloudevents-batch+json; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, content_type);
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        let answer = client.send(request).await.map_err(|error| SendError::away(error.to_string()))?;
        let status = answer.status();
        // Read, so that the connection can be used again; what it says is not minded.
        let _ignored = read_body(answer.into_body(), ANSWER_BYTES_MAX).await;
        let reason = || format!("the listener answered with status {status}");
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(SendError::not_now(reason())),
            status if status.is_server_error() => Err(SendError::not_now(reason())),
            _ => Err(SendError::Refused(reason())),
        }
    }
}

/// The events as a JSON array.
fn batch(events: &[CloudEvent]) -> String {
    let mut batch = String::from("[");
    for event in events {
        if batch.len() > 1 {
            batch.push(',');
        }
        batch.push_str(&structured(event));
    }
    batch.push(']');
    batch
}

/// One event in the JSON format of CloudEvents. A JSON payload stays as it was written.
fn structured(event: &CloudEvent) -> String {
    let mut object = Map::new();
    for (name, value) in event.attributes() {
        object.insert(name.to_owned(), Value::String(value));
    }
    object.insert("datacontenttype".to_owned(), json!(event.content().content_type()));
    if !event.metadata.is_empty() {
        // An attribute of a CloudEvent is no object.
        let metadata = event.metadata.iter().map(|entry| (entry.name.clone(), json!(entry.value)));
        object.insert("metadata".to_owned(), json!(Value::Object(metadata.collect()).to_string()));
    }
    match event.content() {
        Content::Text => object.insert("data".to_owned(), json!(String::from_utf8_lossy(&event.body))),
        Content::Binary | Content::Protobuf => {
            object.insert("data_base64".to_owned(), json!(STANDARD.encode(&event.body)))
        }
        Content::Json => None,
    };
    let mut text = Value::Object(object).to_string();
    if event.content() == Content::Json
        && let Ok(raw) = serde_json::from_slice::<&RawValue>(&event.body)
    {
        text.pop();
        text.push_str(",\"data\":");
        text.push_str(raw.get());
        text.push('}');
    }
    text
}
