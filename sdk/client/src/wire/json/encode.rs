//! Client messages as JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Serialize, Serializer};

use crate::{
    data::{Data, Metadata},
    event::GroupState,
    wire::{ClientMessage, StreamEndError},
};

/// One message. Members stand in the order in which they are written; those without a value are left out.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack_id: Option<u64>,
    #[serde(skip_serializing_if = "is_false")]
    no_echo: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_sequence_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Payload<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<StreamStart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<EndError<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a GroupState>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamStart<'a> {
    stream_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout_ms: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EndError<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_error_code: Option<&'a str>,
}

/// A payload: JSON as it is, bytes in base64.
struct Payload<'a>(&'a Data);

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Data::Text(text) => serializer.serialize_str(text),
            Data::Json(raw) => raw.serialize(serializer),
            Data::Binary(bytes) | Data::Protobuf(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl<'a> Object<'a> {
    fn new(r#type: &'static str) -> Self {
        Self { r#type, ..Self::default() }
    }

    fn of_group(r#type: &'static str, group: &'a str, ack_id: Option<u64>) -> Self {
        Self { group: Some(group), ack_id, ..Self::new(r#type) }
    }

    fn of_stream(r#type: &'static str, stream_id: &'a str) -> Self {
        Self { stream_id: Some(stream_id), ..Self::new(r#type) }
    }

    fn with_data(self, data: &'a Data) -> Self {
        Self { data_type: Some(data.kind()), data: Some(Payload(data)), ..self }
    }

    fn with_metadata(self, metadata: &'a Metadata) -> Self {
        Self { metadata: (!metadata.is_empty()).then_some(metadata), ..self }
    }
}

impl<'a> From<&'a StreamEndError> for EndError<'a> {
    fn from(error: &'a StreamEndError) -> Self {
        Self { message: error.message.as_deref(), user_error_code: error.user_error_code.as_deref() }
    }
}

pub(crate) fn encode(message: &ClientMessage) -> Bytes {
    let object = object(message);
    // The object holds text, numbers and JSON that was checked when its payload was made, none of which can fail to serialise.
    serde_json::to_vec(&object).expect("a message is always JSON").into()
}

fn object(message: &ClientMessage) -> Object<'_> {
    match message {
        ClientMessage::JoinGroup { group, ack_id } => Object::of_group("joinGroup", group, *ack_id),
        ClientMessage::LeaveGroup { group, ack_id } => Object::of_group("leaveGroup", group, *ack_id),
        ClientMessage::SendToGroup { group, ack_id, data, no_echo, ttl_seconds, metadata } => Object {
            no_echo: *no_echo,
            ttl_seconds: *ttl_seconds,
            ..Object::of_group("sendToGroup", group, *ack_id).with_data(data).with_metadata(metadata)
        },
        ClientMessage::Event { event, ack_id, data, metadata } => {
            Object { event: Some(event), ack_id: *ack_id, ..Object::new("event") }
                .with_data(data)
                .with_metadata(metadata)
        }
        ClientMessage::SequenceAck { sequence_id } => {
            Object { sequence_id: Some(*sequence_id), ..Object::new("sequenceAck") }
        }
        ClientMessage::Ping => Object::new("ping"),
        ClientMessage::Invoke { invocation_id, event, data, metadata } => {
            let object = Object {
                invocation_id: Some(invocation_id),
                target: Some("event"),
                event: Some(event),
                ..Object::new("invoke")
            };
            let object = object.with_metadata(metadata);
            data.iter().fold(object, Object::with_data)
        }
        ClientMessage::CancelInvocation { invocation_id } => {
            Object { invocation_id: Some(invocation_id), ..Object::new("cancelInvocation") }
        }
        ClientMessage::StreamStart { group, stream_id, no_echo, idle_timeout_ms } => Object {
            no_echo: *no_echo,
            stream: Some(StreamStart { stream_id, idle_timeout_ms: *idle_timeout_ms }),
            ..Object::of_group("sendToGroup", group, None)
        },
        ClientMessage::StreamData { stream_id, sequence_id, data } => {
            Object { stream_sequence_id: Some(*sequence_id), ..Object::of_stream("streamData", stream_id) }
                .with_data(data)
        }
        ClientMessage::StreamKeepAlive { stream_id } => Object::of_stream("streamData", stream_id),
        ClientMessage::StreamEnd { stream_id, error } => {
            Object { error: error.as_ref().map(EndError::from), ..Object::of_stream("streamEnd", stream_id) }
        }
        ClientMessage::SetGroupState { group, ack_id, state } => {
            Object { state: state.as_ref(), ..Object::of_group("setGroupState", group, *ack_id) }
        }
        ClientMessage::SubscribeGroupState { group, ack_id } => {
            Object::of_group("subscribeGroupState", group, *ack_id)
        }
        ClientMessage::UnsubscribeGroupState { group, ack_id } => {
            Object::of_group("unsubscribeGroupState", group, *ack_id)
        }
    }
}
