//! What handlers answer to user events and invocations.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use hubwire_hub::Answer;
use hubwire_protocol::{Data, Metadata};
use serde::de::IgnoredAny;

use crate::CallError;
use crate::cloud_event::METADATA_PREFIX;

/// The header in which a handler gives what is to be kept with a connection.
const STATE: &str = "ce-connectionstate";

/// Reads the answer to a user event.
pub(crate) fn answer(headers: &HeaderMap, body: Bytes) -> Result<Answer, CallError> {
    let data = if body.is_empty() { None } else { Some(data(headers, body)?) };
    Ok(Answer { data, metadata: metadata(headers), state: state(headers) })
}

/// What is to be kept with the connection from now on. The last of several counts; an empty one counts.
pub(crate) fn state(headers: &HeaderMap) -> Option<Bytes> {
    let last = headers.get_all(STATE).iter().next_back()?;
    Some(Bytes::copy_from_slice(last.as_bytes()))
}

fn data(headers: &HeaderMap, body: Bytes) -> Result<Data, CallError> {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str);
    let content_type = match content_type {
        None => return Ok(Data::Binary(body)),
        Some(Ok(text)) => text,
        Some(Err(_)) => return Err(CallError::Malformed("its Content-Type is not ASCII".to_owned())),
    };
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "" | "application/octet-stream" => Ok(Data::Binary(body)),
        "text/plain" => Ok(Data::Text(text(body))),
        "application/json" => json(body),
        "application/x-protobuf" => Ok(Data::Protobuf(body)),
        _ => Err(CallError::Malformed(format!(
            "its Content-Type `{media_type}` is none of text/plain, application/json, application/octet-stream, application/x-protobuf"
        ))),
    }
}

/// Text that is not UTF-8 is shown as far as it is.
fn text(body: Bytes) -> Bytes {
    match String::from_utf8_lossy(&body) {
        std::borrow::Cow::Borrowed(_) => body,
        std::borrow::Cow::Owned(repaired) => repaired.into(),
    }
}

/// JSON goes to clients as it came, so it must be JSON: anything else would break their frames.
fn json(body: Bytes) -> Result<Data, CallError> {
    let valid = std::str::from_utf8(&body).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    if valid { Ok(Data::Json(body)) } else { Err(CallError::Malformed("its body is not JSON".to_owned())) }
}

/// The metadata of an answer: of a repeated or listed header the last value counts. What clients cannot be shown is left out.
fn metadata(headers: &HeaderMap) -> Option<Metadata> {
    let mut entries: Vec<(String, String)> = Vec::new();
    for name in headers.keys() {
        let Some(key) = name.as_str().strip_prefix(METADATA_PREFIX).filter(|key| !key.is_empty()) else {
            continue;
        };
        let last = headers.get_all(name).iter().next_back().map(HeaderValue::as_bytes).unwrap_or_default();
        let last = last.rsplit(|octet| *octet == b',').next().unwrap_or_default().trim_ascii();
        entries.push((key.to_owned(), String::from_utf8_lossy(last).into_owned()));
    }
    if entries.is_empty() {
        return None;
    }
    match Metadata::new(entries) {
        Ok(metadata) => Some(metadata),
        Err(error) => {
            tracing::warn!(%error, "the metadata of a handler's answer is left out");
            None
        }
    }
}
