//! Service messages from Protocol Buffers.

use bytes::Bytes;
use prost::Message as _;

use super::schema::{self, Downstream, DownstreamMessage, MessageData, Payload, SystemKind};
use crate::{
    data::Data,
    error::ErrorDetail,
    event::{GroupMessage, GroupStateItem, GroupStates, ServerMessage, StreamError, StreamInfo},
    wire::{DecodeError, ServiceMessage},
};

pub(crate) fn decode(bytes: Bytes) -> Result<ServiceMessage, DecodeError> {
    let message = DownstreamMessage::decode(bytes)
        .map_err(|error| DecodeError(format!("not a message of the schema: {error}")))?;
    // A member that the schema here does not have looks like no member at all.
    let Some(message) = message.message else {
        return Ok(ServiceMessage::Unrecognized { sequence_id: None });
    };
    Ok(match message {
        Downstream::Ack(ack) => ServiceMessage::Ack {
            ack_id: ack.ack_id,
            success: ack.success,
            error: ack.error.map(ErrorDetail::from),
        },
        Downstream::Data(message) => return data_message(message),
        Downstream::System(system) => system_message(system),
        Downstream::Pong(_) => ServiceMessage::Pong,
        Downstream::InvokeResponse(response) => return invoke_response(response),
        Downstream::StreamAck(ack) => ServiceMessage::StreamAck {
            stream_id: ack.stream_id,
            expected_sequence_id: ack.expected_sequence_id,
        },
        Downstream::StreamNack(nack) => ServiceMessage::StreamNack {
            stream_id: nack.stream_id,
            expected_sequence_id: nack.expected_sequence_id,
            error: ErrorDetail { name: nack.name, message: nack.message },
        },
        Downstream::StreamClosed(closed) => ServiceMessage::StreamClosed {
            stream_id: closed.stream_id,
            error: closed.error.map(ErrorDetail::from),
        },
        Downstream::GroupStateUpdate(report) => ServiceMessage::GroupStateUpdate(report.into()),
        Downstream::GroupStateSnapshot(report) => ServiceMessage::GroupStateSnapshot(report.into()),
    })
}

fn data_message(message: schema::DataMessage) -> Result<ServiceMessage, DecodeError> {
    let schema::DataMessage { from, group, data, sequence_id, metadata, stream } = message;
    // Metadata may travel without a payload, which then counts as an empty text.
    let data = match data {
        Some(data) => payload(data)?,
        None => Some(Data::Text(String::new())),
    };
    let Some(data) = data else { return Ok(ServiceMessage::Unrecognized { sequence_id }) };
    Ok(match from.as_str() {
        "group" => ServiceMessage::Group(GroupMessage {
            group: group.unwrap_or_default(),
            from_user_id: None,
            data,
            sequence_id,
            metadata,
            stream: stream.map(StreamInfo::from),
        }),
        "server" => ServiceMessage::Server(ServerMessage { data, sequence_id, metadata }),
        _ => ServiceMessage::Unrecognized { sequence_id },
    })
}

fn payload(data: MessageData) -> Result<Option<Data>, DecodeError> {
    Ok(match data.data {
        Some(Payload::Text(text)) => Some(Data::Text(text)),
        Some(Payload::Binary(bytes)) => Some(Data::Binary(bytes)),
        Some(Payload::Protobuf(bytes)) => Some(Data::Protobuf(bytes)),
        Some(Payload::Json(text)) => {
            let raw = serde_json::value::RawValue::from_string(text)
                .map_err(|_| DecodeError("the JSON payload is not JSON".to_owned()))?;
            Some(Data::Json(raw))
        }
        None => None,
    })
}

fn system_message(system: schema::System) -> ServiceMessage {
    match system.message {
        Some(SystemKind::Connected(connected)) => ServiceMessage::Connected {
            connection_id: connected.connection_id,
            // The schema has no other way to say that there is no user.
            user_id: Some(connected.user_id).filter(|user| !user.is_empty()),
            reconnection_token: connected.reconnection_token,
        },
        Some(SystemKind::Disconnected(disconnected)) => {
            ServiceMessage::Disconnected { message: disconnected.reason }
        }
        None => ServiceMessage::Unrecognized { sequence_id: None },
    }
}

fn invoke_response(response: schema::InvokeResponse) -> Result<ServiceMessage, DecodeError> {
    Ok(ServiceMessage::InvokeResponse {
        invocation_id: response.invocation_id,
        success: Some(response.success),
        data: response.data.map(payload).transpose()?.flatten(),
        error: response.error.map(ErrorDetail::from),
        metadata: response.metadata,
    })
}

impl From<schema::ErrorDetail> for ErrorDetail {
    fn from(error: schema::ErrorDetail) -> Self {
        Self { name: error.name, message: error.message }
    }
}

impl From<schema::StreamInfo> for StreamInfo {
    fn from(stream: schema::StreamInfo) -> Self {
        Self {
            stream_id: stream.stream_id,
            sequence_id: stream.stream_sequence_id,
            end_of_stream: stream.end_of_stream.unwrap_or(false),
            error: stream.error.map(|error| StreamError {
                name: error.name,
                message: error.message,
                user_error_code: error.user_error_code,
            }),
        }
    }
}

impl From<schema::GroupStateReport> for GroupStates {
    fn from(report: schema::GroupStateReport) -> Self {
        let item = |item: schema::GroupStateItem| GroupStateItem {
            connection_id: item.connection_id,
            user_id: item.user_id,
            state: item.state.map(|state| state.entries),
            updated_at_ms: item.updated_at,
        };
        Self {
            group: report.group,
            items: report.items.into_iter().map(item).collect(),
            sequence_id: report.sequence_id,
        }
    }
}
