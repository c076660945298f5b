use bytes::Bytes;
use prost::Message as _;
use serde_json::value::RawValue;

use super::schema::{
    Any, Event, InvokeEvent, MessageData, Payload, SendToGroup, SetGroupState, StreamData, StreamEnd,
    Upstream, UpstreamMessage,
};
use crate::json::{DATA_DEPTH_MAX, is_deeper};
use crate::request::TTL_S_MAX;
use crate::{
    Data, EventName, GroupName, GroupState, InvocationRequest, Metadata, MetadataError, NameError,
    Publication, Request, StreamEndError, StreamStart,
};

/// Why a client message is not valid; the connection is then closed with 1007, and this text says what was wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not a message of the schema.
    #[error("not an UpstreamMessage: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// No member is set that the service knows.
    #[error("no known member is set")]
    Empty,
    /// A field that the message needs is missing.
    #[error("field '{0}' is missing")]
    Missing(&'static str),
    /// A field has a value that is not allowed there.
    #[error("field '{0}' has a wrong value")]
    Wrong(&'static str),
    /// A group or event name breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The metadata breaks a rule.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

type Result<T> = std::result::Result<T, DecodeError>;

/// Reads one client message. Unknown fields are ignored.
///
/// # Errors
/// [`DecodeError`] if the message is invalid; the service closes the connection then and sends no error acknowledgement.
pub fn decode(bytes: &[u8]) -> Result<Request> {
    let message = UpstreamMessage::decode(bytes)?.message.ok_or(DecodeError::Empty)?;
    Ok(match message {
        Upstream::SendToGroup(message) => send_to_group(message)?,
        Upstream::Event(message) => event(message)?,
        Upstream::JoinGroup(message) => {
            Request::JoinGroup { group: GroupName::parse(&message.group)?, ack_id: message.ack_id }
        }
        Upstream::LeaveGroup(message) => {
            Request::LeaveGroup { group: GroupName::parse(&message.group)?, ack_id: message.ack_id }
        }
        Upstream::SequenceAck(message) => Request::SequenceAck(message.sequence_id),
        Upstream::Ping(_) => Request::Ping,
        Upstream::InvokeEvent(message) => Request::Invoke(invocation(message)?),
        Upstream::CancelInvocation(message) => {
            Request::CancelInvocation { invocation_id: message.invocation_id.into() }
        }
        Upstream::StreamData(message) => stream_data(message)?,
        Upstream::StreamEnd(message) => stream_end(message),
        Upstream::SetGroupState(message) => set_group_state(message)?,
        Upstream::SubscribeGroupState(message) => {
            Request::SubscribeGroupState { group: GroupName::parse(&message.group)?, ack_id: message.ack_id }
        }
        Upstream::UnsubscribeGroupState(message) => Request::UnsubscribeGroupState {
            group: GroupName::parse(&message.group)?,
            ack_id: message.ack_id,
        },
    })
}

/// Whether bytes are a `google.protobuf.Any`.
pub fn is_any(bytes: &[u8]) -> bool {
    Any::decode(bytes).is_ok()
}

fn send_to_group(message: SendToGroup) -> Result<Request> {
    let SendToGroup { group, ack_id, data, no_echo, ttl_seconds, metadata: entries, stream } = message;
    let group = GroupName::parse(&group)?;
    let metadata = metadata(entries)?;
    let no_echo = no_echo.unwrap_or(false);
    let ttl_s = ttl(ttl_seconds)?;
    let Some(stream) = stream else {
        let data = required_payload(data, metadata.is_some())?;
        let publication = Publication { group, data, metadata, no_echo, ttl_s };
        return Ok(Request::SendToGroup { publication, ack_id });
    };
    // A stream begins without a payload: each of its messages brings its own.
    if data.is_some() {
        return Err(DecodeError::Wrong("data"));
    }
    let (stream_id, idle_timeout_ms) = (stream.stream_id.into(), stream.idle_timeout_ms);
    let stream = StreamStart { stream_id, idle_timeout_ms, group, metadata, no_echo, ttl_s };
    Ok(Request::StartStream { stream, ack_id })
}

fn event(message: Event) -> Result<Request> {
    // Streams lead to groups only.
    if message.stream.is_some() {
        return Err(DecodeError::Wrong("stream"));
    }
    let event = EventName::parse(&message.event)?;
    let metadata = metadata(message.metadata)?;
    let data = required_payload(message.data, metadata.is_some())?;
    Ok(Request::Event { event, data, metadata, ack_id: message.ack_id })
}

fn invocation(message: InvokeEvent) -> Result<InvocationRequest> {
    if message.stream.is_some() {
        return Err(DecodeError::Wrong("stream"));
    }
    Ok(InvocationRequest {
        invocation_id: message.invocation_id.into(),
        event: EventName::parse(&message.event)?,
        data: message.data.map(payload).transpose()?,
        metadata: metadata(message.metadata)?,
    })
}

fn stream_data(message: StreamData) -> Result<Request> {
    let stream_id = message.stream_id.into();
    match (message.stream_sequence_id, message.data) {
        (None, None) => Ok(Request::StreamKeepAlive { stream_id }),
        (Some(sequence_id), Some(data)) => {
            Ok(Request::StreamData { stream_id, sequence_id, data: payload(data)? })
        }
        (None, Some(_)) => Err(DecodeError::Missing("stream_sequence_id")),
        (Some(_), None) => Err(DecodeError::Missing("data")),
    }
}

fn stream_end(message: StreamEnd) -> Request {
    let error = message.error.map(|error| StreamEndError {
        message: error.message.map(Into::into),
        user_error_code: error.user_error_code.map(Into::into),
    });
    Request::StreamEnd { stream_id: message.stream_id.into(), error }
}

fn set_group_state(message: SetGroupState) -> Result<Request> {
    Ok(Request::SetGroupState {
        group: GroupName::parse(&message.group)?,
        state: message.state.map(|state| GroupState::new(state.entries)),
        ack_id: message.ack_id,
    })
}

fn ttl(seconds: Option<u32>) -> Result<u16> {
    let seconds = u16::try_from(seconds.unwrap_or(0)).ok().filter(|seconds| *seconds <= TTL_S_MAX);
    seconds.ok_or(DecodeError::Wrong("ttl_seconds"))
}

/// An empty map is the same as none on this wire.
fn metadata(entries: std::collections::BTreeMap<String, String>) -> Result<Option<Metadata>> {
    if entries.is_empty() { Ok(None) } else { Ok(Some(Metadata::new(entries)?)) }
}

/// The payload may be missing only where there is metadata; then it is empty text.
fn required_payload(data: Option<MessageData>, has_metadata: bool) -> Result<Data> {
    match data {
        Some(data) => payload(data),
        None if has_metadata => Ok(Data::Text(Bytes::new())),
        None => Err(DecodeError::Missing("data")),
    }
}

fn payload(data: MessageData) -> Result<Data> {
    match data.data.ok_or(DecodeError::Missing("data"))? {
        Payload::Text(text) if std::str::from_utf8(&text).is_ok() => Ok(Data::Text(text)),
        Payload::Text(_) => Err(DecodeError::Wrong("text_data")),
        Payload::Binary(bytes) => Ok(Data::Binary(bytes)),
        Payload::Protobuf(any) if is_any(&any) => Ok(Data::Protobuf(any)),
        Payload::Protobuf(_) => Err(DecodeError::Wrong("protobuf_data")),
        Payload::Json(json) if is_json(&json) => Ok(Data::Json(json)),
        Payload::Json(_) => Err(DecodeError::Wrong("json_data")),
    }
}

/// Whether a payload can stand inside a JSON client's message. A broken one, a null, or one that is too deep would take the client down.
fn is_json(json: &[u8]) -> bool {
    !is_deeper(json, DATA_DEPTH_MAX)
        && serde_json::from_slice::<&RawValue>(json).is_ok_and(|value| value.get() != "null")
}
