//! Client messages as Protocol Buffers.

use bytes::Bytes;
use prost::Message as _;

use super::schema::{self, GroupRequest, MessageData, Payload, Upstream, UpstreamMessage, UserError};
use crate::{
    data::Data,
    wire::{ClientMessage, StreamEndError},
};

pub(crate) fn encode(message: &ClientMessage) -> Bytes {
    UpstreamMessage { message: Some(upstream(message)) }.encode_to_vec().into()
}

fn upstream(message: &ClientMessage) -> Upstream {
    use ClientMessage as M;
    match message.clone() {
        M::JoinGroup { group, ack_id } => Upstream::JoinGroup(GroupRequest { group, ack_id }),
        M::LeaveGroup { group, ack_id } => Upstream::LeaveGroup(GroupRequest { group, ack_id }),
        M::SendToGroup { group, ack_id, data, no_echo, ttl_seconds, metadata } => {
            let data = Some(data.into());
            let no_echo = no_echo.then_some(true);
            let send =
                schema::SendToGroup { group, ack_id, data, no_echo, ttl_seconds, metadata, stream: None };
            Upstream::SendToGroup(send)
        }
        M::Event { event, ack_id, data, metadata } => {
            let data = Some(data.into());
            Upstream::Event(schema::Event { event, data, ack_id, metadata, stream: None })
        }
        M::SequenceAck { sequence_id } => Upstream::SequenceAck(schema::SequenceAck { sequence_id }),
        M::Ping => Upstream::Ping(schema::Empty {}),
        M::Invoke { invocation_id, event, data, metadata } => {
            let data = data.map(MessageData::from);
            Upstream::InvokeEvent(schema::InvokeEvent { event, invocation_id, data, metadata, stream: None })
        }
        M::CancelInvocation { invocation_id } => {
            Upstream::CancelInvocation(schema::CancelInvocation { invocation_id })
        }
        M::StreamStart { group, stream_id, no_echo, idle_timeout_ms } => {
            let no_echo = no_echo.then_some(true);
            let stream = Some(schema::StreamStartInfo { stream_id, idle_timeout_ms });
            Upstream::SendToGroup(schema::SendToGroup { group, no_echo, stream, ..Default::default() })
        }
        M::StreamData { stream_id, sequence_id, data } => {
            let (stream_sequence_id, data) = (Some(sequence_id), Some(data.into()));
            Upstream::StreamData(schema::StreamData { stream_id, stream_sequence_id, data })
        }
        M::StreamKeepAlive { stream_id } => {
            Upstream::StreamData(schema::StreamData { stream_id, ..Default::default() })
        }
        M::StreamEnd { stream_id, error } => {
            let error = error.map(UserError::from);
            Upstream::StreamEnd(schema::StreamEnd { stream_id, error })
        }
        M::SetGroupState { group, ack_id, state } => {
            let state = state.map(|entries| schema::GroupState { entries });
            Upstream::SetGroupState(schema::SetGroupState { group, ack_id, state })
        }
        M::SubscribeGroupState { group, ack_id } => {
            Upstream::SubscribeGroupState(GroupRequest { group, ack_id })
        }
        M::UnsubscribeGroupState { group, ack_id } => {
            Upstream::UnsubscribeGroupState(GroupRequest { group, ack_id })
        }
    }
}

impl From<StreamEndError> for UserError {
    fn from(error: StreamEndError) -> Self {
        Self { message: error.message, user_error_code: error.user_error_code }
    }
}

impl From<Data> for MessageData {
    fn from(data: Data) -> Self {
        Self {
            data: Some(match data {
                Data::Text(text) => Payload::Text(text),
                Data::Json(raw) => Payload::Json(raw.get().to_owned()),
                Data::Binary(bytes) => Payload::Binary(bytes),
                Data::Protobuf(bytes) => Payload::Protobuf(bytes),
            }),
        }
    }
}
