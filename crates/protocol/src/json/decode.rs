use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::value::RawValue;

use super::fields::{Entries, Fields, Text};
use super::{DEPTH_MAX, is_deeper};
use crate::request::TTL_S_MAX;
use crate::{
    Data, EventName, GroupName, GroupState, InvocationRequest, Metadata, MetadataError, NameError,
    Publication, Request, StreamEndError, StreamStart, protobuf,
};

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
    } else if is("invoke") {
        Ok(Request::Invoke(invocation(&fields)?))
    } else if is("cancelInvocation") {
        Ok(Request::CancelInvocation { invocation_id: boxed(fields.invocation_id, "invocationId")? })
    } else if is("streamData") {
        stream_data(&fields)
    } else if is("streamEnd") {
        stream_end(&fields)
    } else if is("setGroupState") {
        Ok(Request::SetGroupState { group: group(&fields)?, state: state(&fields)?, ack_id })
    } else if is("subscribeGroupState") {
        Ok(Request::SubscribeGroupState { group: group(&fields)?, ack_id })
    } else if is("unsubscribeGroupState") {
        Ok(Request::UnsubscribeGroupState { group: group(&fields)?, ack_id })
    } else {
        Err(DecodeError::UnknownType(kind.into_owned()))
    }
}

fn send_to_group(fields: &Fields<'_>, ack_id: Option<u64>) -> Result<Request> {
    let group = group(fields)?;
    let metadata = metadata(fields)?;
    let no_echo = fields.no_echo.map_or(Ok(false), |raw| boolean(raw, "noEcho"))?;
    let ttl_s = ttl(fields)?;
    let Some(stream) = present(fields.stream) else {
        let data = data(fields, metadata.is_some())?;
        let publication = Publication { group, data, metadata, no_echo, ttl_s };
        return Ok(Request::SendToGroup { publication, ack_id });
    };
    // A stream begins without a payload: each of its messages brings its own.
    if fields.data.is_some() || fields.data_type.is_some() {
        return Err(DecodeError::Wrong("data"));
    }
    let options = object(stream, "stream")?;
    let stream_id = boxed(options.stream_id, "streamId")?;
    let idle_timeout_ms = unsigned(options.idle_timeout_ms, "idleTimeoutMs")?
        .map(|timeout_ms| u32::try_from(timeout_ms).map_err(|_| DecodeError::Wrong("idleTimeoutMs")))
        .transpose()?;
    let stream = StreamStart { stream_id, idle_timeout_ms, group, metadata, no_echo, ttl_s };
    Ok(Request::StartStream { stream, ack_id })
}

fn event(fields: &Fields<'_>, ack_id: Option<u64>) -> Result<Request> {
    let event = event_name(fields)?;
    let metadata = metadata(fields)?;
    Ok(Request::Event { event, data: data(fields, metadata.is_some())?, metadata, ack_id })
}

fn invocation(fields: &Fields<'_>) -> Result<InvocationRequest> {
    // Events are all that can be invoked.
    if !required_text(fields.target, "target")?.eq_ignore_ascii_case("event") {
        return Err(DecodeError::Wrong("target"));
    }
    let data = match (fields.data, fields.data_type) {
        (None, None) => None,
        _ => Some(data(fields, false)?),
    };
    Ok(InvocationRequest {
        invocation_id: boxed(fields.invocation_id, "invocationId")?,
        event: event_name(fields)?,
        data,
        metadata: metadata(fields)?,
    })
}

/// Streams lead to groups only.
fn event_name(fields: &Fields<'_>) -> Result<EventName> {
    if present(fields.stream).is_some() {
        return Err(DecodeError::Wrong("stream"));
    }
    Ok(EventName::parse(&required_text(fields.event, "event")?)?)
}

fn stream_data(fields: &Fields<'_>) -> Result<Request> {
    let stream_id = boxed(fields.stream_id, "streamId")?;
    let sequence_id = unsigned(fields.stream_sequence_id, "streamSequenceId")?;
    match (sequence_id, fields.data, fields.data_type) {
        (None, None, None) => Ok(Request::StreamKeepAlive { stream_id }),
        (None, ..) => Err(DecodeError::Missing("streamSequenceId")),
        (Some(sequence_id), ..) => {
            Ok(Request::StreamData { stream_id, sequence_id, data: data(fields, false)? })
        }
    }
}

fn stream_end(fields: &Fields<'_>) -> Result<Request> {
    let stream_id = boxed(fields.stream_id, "streamId")?;
    let error = match present(fields.error) {
        None => None,
        Some(error) => {
            let error = object(error, "error")?;
            let optional = |raw, name| present(raw).map(|raw| boxed(Some(raw), name)).transpose();
            let message = optional(error.message, "message")?;
            let user_error_code = optional(error.user_error_code, "userErrorCode")?;
            Some(StreamEndError { message, user_error_code })
        }
    };
    Ok(Request::StreamEnd { stream_id, error })
}

fn state(fields: &Fields<'_>) -> Result<Option<GroupState>> {
    let Some(raw) = present(fields.state) else {
        return Ok(None);
    };
    let Entries(entries) = serde_json::from_str(raw.get()).map_err(|_| DecodeError::Wrong("state"))?;
    Ok(Some(GroupState::new(entries)))
}

fn object<'a>(raw: &'a RawValue, name: &'static str) -> Result<Fields<'a>> {
    serde_json::from_str(raw.get()).map_err(|_| DecodeError::Wrong(name))
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
        let known = ["json", "text", "binary", "protobuf"].iter().any(|name| kind.eq_ignore_ascii_case(name));
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
        Ok(Data::Binary(base64(raw)?))
    } else if kind.eq_ignore_ascii_case("protobuf") {
        let any = base64(raw)?;
        if protobuf::is_any(&any) { Ok(Data::Protobuf(any)) } else { Err(DecodeError::Wrong("data")) }
    } else {
        Err(DecodeError::Wrong("dataType"))
    }
}

fn base64(raw: &RawValue) -> Result<Bytes> {
    let decoded = STANDARD.decode(text(raw, "data")?.as_bytes());
    Ok(decoded.map_err(|_| DecodeError::Wrong("data"))?.into())
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

fn boxed(raw: Option<&RawValue>, name: &'static str) -> Result<Box<str>> {
    Ok(required_text(raw, name)?.into())
}

fn required_text<'a>(raw: Option<&'a RawValue>, name: &'static str) -> Result<Cow<'a, str>> {
    text(raw.ok_or(DecodeError::Missing(name))?, name)
}
