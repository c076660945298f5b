//! The `connect` event: what a handler is shown of a client, and what it decides.

use bytes::Bytes;
use http::HeaderMap;
use hubwire_hub::{Acceptance, Attempt, ClientCertificate};
use hubwire_protocol::GroupName;
use serde_json::{Map, Value, json};

use crate::CallError;
use crate::answer::state;

/// Bodies above this are parsed on another thread, in bytes: about a millisecond of work, for which no client should wait.
const PARSED_IN_PLACE_BYTES_MAX: usize = 256 << 10;

/// What the handler is shown.
pub(crate) fn body(attempt: &Attempt) -> Bytes {
    let object = |entries: &[(String, Vec<String>)]| {
        entries.iter().map(|(name, values)| (name.clone(), json!(values))).collect::<Map<_, _>>()
    };
    let certificate = |certificate: &ClientCertificate| json!({"thumbprint": certificate.thumbprint, "content": certificate.content});
    let certificates: Vec<_> = attempt.certificates.iter().map(certificate).collect();
    let body = json!({
        "claims": object(&attempt.claims),
        "query": object(&attempt.query),
        "headers": object(&attempt.headers),
        "subprotocols": attempt.subprotocols,
        "clientCertificates": certificates,
    });
    body.to_string().into()
}

/// What the handler decided.
pub(crate) async fn acceptance(headers: &HeaderMap, body: Bytes) -> Result<Acceptance, CallError> {
    let state = state(headers);
    let decided = if body.len() <= PARSED_IN_PLACE_BYTES_MAX {
        decided(&body)
    } else {
        let parsed = tokio::task::spawn_blocking(move || decided(&body)).await;
        parsed.unwrap_or_else(|_| Err(malformed("its body could not be read")))
    };
    Ok(Acceptance { state, ..decided? })
}

/// A handler cannot choose a subprotocol that the client did not offer: the client would break off the handshake.
pub(crate) fn offered(acceptance: Acceptance, attempt: &Attempt) -> Result<Acceptance, CallError> {
    match &acceptance.subprotocol {
        Some(chosen) if !attempt.subprotocols.contains(chosen) => {
            Err(malformed(&format!("its subprotocol `{chosen}` is none that the client offers")))
        }
        _ => Ok(acceptance),
    }
}

fn malformed(why: &str) -> CallError {
    CallError::Malformed(why.to_owned())
}

fn decided(body: &[u8]) -> Result<Acceptance, CallError> {
    if body.trim_ascii().is_empty() {
        return Ok(Acceptance::default());
    }
    let decided = match serde_json::from_slice(body) {
        Ok(Value::Null) => return Ok(Acceptance::default()),
        Ok(Value::Object(decided)) => decided,
        Ok(_) => return Err(malformed("its body is JSON, but not an object")),
        Err(_) => return Err(malformed("its body is not JSON")),
    };
    let mut acceptance = Acceptance::default();
    for (name, value) in decided {
        match name.to_ascii_lowercase().as_str() {
            "userid" => acceptance.user = text(value, "userId")?,
            "subprotocol" => acceptance.subprotocol = text(value, "subprotocol")?,
            "roles" => acceptance.roles = texts(value, "roles")?,
            "groups" => acceptance.groups = texts(value, "groups")?.map(groups).transpose()?.flatten(),
            _ => {}
        }
    }
    Ok(acceptance)
}

fn text(value: Value, name: &str) -> Result<Option<String>, CallError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(malformed(&format!("`{name}` is not a text"))),
    }
}

fn texts(value: Value, name: &str) -> Result<Option<Vec<String>>, CallError> {
    let wrong = || malformed(&format!("`{name}` is not a list of texts"));
    let values = match value {
        Value::Null => return Ok(None),
        Value::Array(values) => values,
        _ => return Err(wrong()),
    };
    let texts = values.into_iter().map(|value| match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong()),
    });
    texts.collect::<Result<_, _>>().map(Some)
}

/// No groups at all leave the token's as they are.
fn groups(names: Vec<String>) -> Result<Option<Vec<GroupName>>, CallError> {
    let parsed =
        names.iter().map(|name| GroupName::parse(name).map_err(|error| malformed(&error.to_string())));
    let groups: Vec<_> = parsed.collect::<Result<_, _>>()?;
    Ok(Some(groups).filter(|groups| !groups.is_empty()))
}
