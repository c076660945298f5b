//! Service messages from JSON.
//!
//! The rules are those of the official clients: members may come in any order, unknown members are passed over, and a frame with an
//! unknown `type`, `event`, `from` or `dataType` is not for this version.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    data::{Data, Metadata},
    error::ErrorDetail,
    event::{GroupMessage, GroupState, GroupStateItem, GroupStates, ServerMessage, StreamError, StreamInfo},
    wire::{DecodeError, ServiceMessage},
};

/// Every member of every kind of message; which of them must be there depends on the kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow)]
    from: Option<Cow<'a, str>>,
    group: Option<String>,
    from_user_id: Option<String>,
    sequence_id: Option<u64>,
    #[serde(borrow)]
    data_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    metadata: Option<Metadata>,
    stream: Option<Stream>,
    ack_id: Option<u64>,
    // An answer whose `success` is no boolean is told to the application as a failure of its invocation, not as a broken frame.
    #[serde(borrow)]
    success: Option<&'a RawValue>,
    error: Option<ErrorObject>,
    connection_id: Option<String>,
    user_id: Option<String>,
    reconnection_token: Option<String>,
    message: Option<String>,
    invocation_id: Option<String>,
    stream_id: Option<String>,
    expected_sequence_id: Option<u64>,
    name: Option<String>,
    items: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(default)]
    name: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stream {
    stream_id: String,
    stream_sequence_id: u64,
    #[serde(default)]
    end_of_stream: Option<bool>,
    error: Option<StreamErrorObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamErrorObject {
    name: String,
    #[serde(default)]
    message: Option<String>,
    user_error_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    connection_id: String,
    user_id: Option<String>,
    state: Option<GroupState>,
    #[serde(default)]
    updated_at: i64,
}

pub(crate) fn decode(text: &[u8]) -> Result<ServiceMessage, DecodeError> {
    let object: Object<'_> =
        serde_json::from_slice(text).map_err(|error| DecodeError(format!("not a message: {error}")))?;
    match &*object.r#type {
        "message" => data_message(object),
        "ack" => ack(object),
        "pong" => Ok(ServiceMessage::Pong),
        "system" => system(object),
        "invokeResponse" => invoke_response(object),
        "streamAck" | "streamNack" | "streamClosed" => stream_answer(object),
        "groupStateSnapshot" => group_states(object).map(ServiceMessage::GroupStateSnapshot),
        "groupStateUpdate" => group_states(object).map(ServiceMessage::GroupStateUpdate),
        _ => Ok(ServiceMessage::Unrecognized { sequence_id: object.sequence_id }),
    }
}

fn data_message(object: Object<'_>) -> Result<ServiceMessage, DecodeError> {
    let Object { sequence_id, metadata, data_type, data, .. } = object;
    let metadata = metadata.unwrap_or_default();
    let Some(data) = payload(data_type.as_deref(), data)? else {
        return Ok(ServiceMessage::Unrecognized { sequence_id });
    };
    match object.from.as_deref() {
        Some("group") => Ok(ServiceMessage::Group(GroupMessage {
            group: required(object.group, "group")?,
            from_user_id: object.from_user_id,
            data,
            sequence_id,
            metadata,
            stream: object.stream.map(StreamInfo::from),
        })),
        Some("server") => Ok(ServiceMessage::Server(ServerMessage { data, sequence_id, metadata })),
        _ => Ok(ServiceMessage::Unrecognized { sequence_id }),
    }
}

fn payload(kind: Option<&str>, data: Option<&RawValue>) -> Result<Option<Data>, DecodeError> {
    let (Some(kind), Some(raw)) = (kind, data) else { return Ok(None) };
    Ok(match kind {
        "text" => Some(Data::Text(string(raw)?.into_owned())),
        "json" => Some(Data::Json(raw.to_owned())),
        "binary" => Some(Data::Binary(bytes(raw)?)),
        "protobuf" => Some(Data::Protobuf(bytes(raw)?)),
        _ => None,
    })
}

fn string(raw: &RawValue) -> Result<Cow<'_, str>, DecodeError> {
    // Borrowed when the text has no escapes, which is the common case.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let text: Text<'_> =
        serde_json::from_str(raw.get()).map_err(|_| DecodeError("the data is not a string".to_owned()))?;
    Ok(text.0)
}

fn bytes(raw: &RawValue) -> Result<Bytes, DecodeError> {
    let text = string(raw)?;
    STANDARD.decode(&*text).map(Bytes::from).map_err(|_| DecodeError("the data is not base64".to_owned()))
}

fn ack(object: Object<'_>) -> Result<ServiceMessage, DecodeError> {
    Ok(ServiceMessage::Ack {
        ack_id: required(object.ack_id, "ackId")?,
        success: required(boolean(object.success), "success")?,
        error: object.error.map(ErrorDetail::from),
    })
}

fn boolean(raw: Option<&RawValue>) -> Option<bool> {
    match raw?.get() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn system(object: Object<'_>) -> Result<ServiceMessage, DecodeError> {
    match object.event.as_deref() {
        Some("connected") => Ok(ServiceMessage::Connected {
            connection_id: required(object.connection_id, "connectionId")?,
            user_id: object.user_id,
            reconnection_token: object.reconnection_token,
        }),
        Some("disconnected") => {
            Ok(ServiceMessage::Disconnected { message: object.message.unwrap_or_default() })
        }
        _ => Ok(ServiceMessage::Unrecognized { sequence_id: object.sequence_id }),
    }
}

fn invoke_response(object: Object<'_>) -> Result<ServiceMessage, DecodeError> {
    Ok(ServiceMessage::InvokeResponse {
        invocation_id: required(object.invocation_id, "invocationId")?,
        success: boolean(object.success),
        data: payload(object.data_type.as_deref(), object.data)?,
        error: object.error.map(ErrorDetail::from),
        metadata: object.metadata.unwrap_or_default(),
    })
}

fn stream_answer(object: Object<'_>) -> Result<ServiceMessage, DecodeError> {
    let stream_id = required(object.stream_id, "streamId")?;
    if object.r#type == "streamClosed" {
        return Ok(ServiceMessage::StreamClosed { stream_id, error: object.error.map(ErrorDetail::from) });
    }
    let expected_sequence_id = required(object.expected_sequence_id, "expectedSequenceId")?;
    if object.r#type == "streamAck" {
        return Ok(ServiceMessage::StreamAck { stream_id, expected_sequence_id });
    }
    let error =
        ErrorDetail { name: object.name.unwrap_or_default(), message: object.message.unwrap_or_default() };
    Ok(ServiceMessage::StreamNack { stream_id, expected_sequence_id, error })
}

fn group_states(object: Object<'_>) -> Result<GroupStates, DecodeError> {
    let items = object.items.unwrap_or_default();
    Ok(GroupStates {
        group: required(object.group, "group")?,
        items: items.into_iter().map(GroupStateItem::from).collect(),
        sequence_id: object.sequence_id,
    })
}

fn required<T>(value: Option<T>, member: &str) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError(format!("the message has no {member}")))
}

impl From<ErrorObject> for ErrorDetail {
    fn from(error: ErrorObject) -> Self {
        Self { name: error.name, message: error.message }
    }
}

impl From<Stream> for StreamInfo {
    fn from(stream: Stream) -> Self {
        Self {
            stream_id: stream.stream_id,
            sequence_id: stream.stream_sequence_id,
            end_of_stream: stream.end_of_stream.unwrap_or(false),
            error: stream.error.map(|error| StreamError {
                name: error.name,
                message: error.message.unwrap_or_default(),
                user_error_code: error.user_error_code,
            }),
        }
    }
}

impl From<Item> for GroupStateItem {
    fn from(item: Item) -> Self {
        Self {
            connection_id: item.connection_id,
            user_id: item.user_id,
            state: item.state,
            updated_at_ms: item.updated_at,
        }
    }
}
