use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::value::RawValue;

use super::fields::{Entries, Fields, Text};
use super::{DEPTH_MAX, is_deeper};
use crate::request::TTL_S_MAX;
use crate::{Data, EventName, GroupName, Metadata, MetadataError, NameError, Request};

/// Why a client message is not valid; the connection is then closed with 1007, and this text says what was wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not one JSON object.
    #[error("not a JSON object: {0}")]
    Json(#[from] serde_json::Error),
    /// Nested deeper than [`super::DEPTH_MAX`].
    #[error("nested deeper than 64 levels")]
    TooDeep,
    /// A member that the message needs is missing.
    #[error("member '{0}' is missing")]
    Missing(&'static str),
    /// A member has a value of the wrong type or out of range.
    #[error("member '{0}' has a wrong value")]
    Wrong(&'static str),
    /// No such `type`.
    #[error("type '{0}' is unknown")]
    UnknownType(String),
    /// A group or event name breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The metadata breaks a rule.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

type Result<T> = std::result::Result<T, DecodeError>;

/// Reads one client message.
///
/// `type` and `dataType` compare ignoring case, since the .NET client capitalises them; member names do not. JSON payloads are taken
/// over byte for byte.
///
/// # Errors
/// [`DecodeError`] if the message is invalid; the service closes the connection then and sends no error acknowledgement.
pub fn decode(text: &str) -> Result<Request> {
    if is_deeper(text.as_bytes(), DEPTH_MAX) {
        return Err(DecodeError::TooDeep);
    }
    let fields: Fields<'_> = serde_json::from_str(text)?;
    let kind = required_text(fields.kind, "type")?;
    // The acknowledgement id is judged on every kind of message, also where it has no meaning.
    let ack_id = unsigned(fields.ack_id, "ackId")?;
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    if is("joinGroup") {
        Ok(Request::JoinGroup { group: group(&fields)?, ack_id })
    } else if is("leaveGroup") {
        Ok(Request::LeaveGroup { group: group(&fields)?, ack_id })
    } else if is("sendToGroup") {
        send_to_group(&fields, ack_id)
    } else if is("event") {
        event(&fields, ack_id)
    } else if is("ping") {
        Ok(Request::Ping)
    } else if is("sequenceAck") {
        Ok(Request::SequenceAck(sequence_id(&fields)?))
    } else {
        Err(DecodeError::UnknownType(kind.into_owned()))
    }
}

fn send_to_group(fields: &Fields<'_>, ack_id: Option<u64>) -> Result<Request> {
    let metadata = metadata(fields)?;
    Ok(Request::SendToGroup {
        group: group(fields)?,
        data: data(fields, metadata.is_some())?,
        metadata,
        no_echo: fields.no_echo.map_or(Ok(false), |raw| boolean(raw, "noEcho"))?,
        ttl_s: ttl(fields)?,
        ack_id,
    })
}

fn event(fields: &Fields<'_>, ack_id: Option<u64>) -> Result<Request> {
    let event = EventName::parse(&required_text(fields.event, "event")?)?;
    let metadata = metadata(fields)?;
    Ok(Request::Event { event, data: data(fields, metadata.is_some())?, metadata, ack_id })
}

fn group(fields: &Fields<'_>) -> Result<GroupName> {
    Ok(GroupName::parse(&required_text(fields.group, "group")?)?)
}

fn ttl(fields: &Fields<'_>) -> Result<u16> {
    let seconds = unsigned(fields.ttl_s, "ttlSeconds")?.unwrap_or(0);
    u16::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds <= TTL_S_MAX)
        .ok_or(DecodeError::Wrong("ttlSeconds"))
}

/// One document of the protocol shows the id as a string, so decimal text counts as well.
fn sequence_id(fields: &Fields<'_>) -> Result<u64> {
    let raw = fields.sequence_id.ok_or(DecodeError::Missing("sequenceId"))?;
    let digits = raw.get().trim_matches('"');
    digits.parse().map_err(|_| DecodeError::Wrong("sequenceId"))
}

fn metadata(fields: &Fields<'_>) -> Result<Option<Metadata>> {
    let Some(raw) = present(fields.metadata) else {
        return Ok(None);
    };
    let Entries(entries) = serde_json::from_str(raw.get()).map_err(|_| DecodeError::Wrong("metadata"))?;
    Ok(Some(Metadata::new(entries)?))
}

/// The payload. It may be missing only where there is metadata; then it is empty text.
fn data(fields: &Fields<'_>, has_metadata: bool) -> Result<Data> {
    let kind = fields.data_type.map_or(Ok(Cow::Borrowed("json")), |raw| text(raw, "dataType"))?;
    let Some(raw) = fields.data else {
        let known = ["json", "text", "binary"].iter().any(|name| kind.eq_ignore_ascii_case(name));
        return match (has_metadata, known) {
            (true, true) => Ok(Data::Text(Bytes::new())),
            (true, false) => Err(DecodeError::Wrong("dataType")),
            (false, _) => Err(DecodeError::Missing("data")),
        };
    };
    if raw.get() == "null" {
        return Err(DecodeError::Wrong("data"));
    }
    if kind.eq_ignore_ascii_case("json") {
        Ok(Data::Json(Bytes::copy_from_slice(raw.get().as_bytes())))
    } else if kind.eq_ignore_ascii_case("text") {
        Ok(Data::Text(text(raw, "data")?.into_owned().into()))
    } else if kind.eq_ignore_ascii_case("binary") {
        let decoded = STANDARD.decode(text(raw, "data")?.as_bytes());
        Ok(Data::Binary(decoded.map_err(|_| DecodeError::Wrong("data"))?.into()))
    } else {
        Err(DecodeError::Wrong("dataType"))
    }
}

/// A member that counts as absent when it is null.
fn present(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

fn unsigned(raw: Option<&RawValue>, name: &'static str) -> Result<Option<u64>> {
    present(raw).map(|raw| raw.get().parse().map_err(|_| DecodeError::Wrong(name))).transpose()
}

fn boolean(raw: &RawValue, name: &'static str) -> Result<bool> {
    raw.get().parse().map_err(|_| DecodeError::Wrong(name))
}

fn text<'a>(raw: &'a RawValue, name: &'static str) -> Result<Cow<'a, str>> {
    let Text(text) = serde_json::from_str(raw.get()).map_err(|_| DecodeError::Wrong(name))?;
    Ok(text)
}

fn required_text<'a>(raw: Option<&'a RawValue>, name: &'static str) -> Result<Cow<'a, str>> {
    text(raw.ok_or(DecodeError::Missing(name))?, name)
}
