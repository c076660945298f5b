use bytes::{Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::schema::{
    Ack, Connected, DataMessage, Disconnected, Downstream, DownstreamMessage, Empty, ErrorDetail, GroupState,
    GroupStateItem, InvokeResponse, MessageData, Payload, StreamAck, StreamClosed, StreamErrorDetail,
    StreamInfo, StreamNack, System, SystemKind,
};
use crate::codes::RequestError;
use crate::websocket::{FrameBuilder, Opcode, write_frame_header};
use crate::{
    Data, GroupStateReport, GroupStateScope, JsonForm, Message, Metadata, Notice, Sender, StreamEnd,
    StreamPosition,
};

/// The members of `DownstreamMessage` that carry a sequence id on reliable connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SequencedMember {
    /// `data_message`.
    Data,
    /// `group_state_update_message`.
    GroupStateUpdate,
    /// `group_state_snapshot_message`.
    GroupStateSnapshot,
}

impl SequencedMember {
    pub(crate) fn of(scope: GroupStateScope) -> Self {
        match scope {
            GroupStateScope::Update => Self::GroupStateUpdate,
            GroupStateScope::Snapshot => Self::GroupStateSnapshot,
        }
    }

    /// The key of the member in `DownstreamMessage`: its number and the wire type of a length-delimited value.
    fn key(self) -> u8 {
        match self {
            Self::Data => 2 << 3 | 2,
            Self::GroupStateUpdate => 9 << 3 | 2,
            Self::GroupStateSnapshot => 10 << 3 | 2,
        }
    }

    /// The key of `sequence_id` inside the member: its number and the wire type of a varint.
    fn sequence_key(self) -> u8 {
        match self {
            Self::Data => 4 << 3,
            Self::GroupStateUpdate | Self::GroupStateSnapshot => 3 << 3,
        }
    }
}

/// A notice as a frame.
pub(crate) fn notice(notice: &Notice<'_>) -> Bytes {
    let message = match *notice {
        Notice::Pong => Downstream::Pong(Empty {}),
        Notice::Connected { connection, user, reconnection_token } => {
            let connection_id = connection.digits().as_str().to_owned();
            let user_id = user.map(|user| user.as_str().to_owned()).unwrap_or_default();
            let reconnection_token = reconnection_token.map(str::to_owned);
            system(SystemKind::Connected(Connected { connection_id, user_id, reconnection_token }))
        }
        Notice::Disconnected(reason) => {
            system(SystemKind::Disconnected(Disconnected { reason: reason.to_owned() }))
        }
        Notice::Ack { ack_id, error } => {
            Downstream::Ack(Ack { ack_id, success: error.is_none(), error: error.map(detail) })
        }
        Notice::InvokeResponse { invocation_id, outcome, metadata } => {
            Downstream::InvokeResponse(InvokeResponse {
                invocation_id: invocation_id.to_owned(),
                success: outcome.is_ok(),
                data: outcome.ok().flatten().map(|data| payload(data, JsonForm::Json)),
                error: outcome.err().map(detail),
                metadata: entries(metadata.into_iter().flat_map(Metadata::iter)),
            })
        }
        Notice::StreamAck { stream_id, expected_sequence_id } => {
            Downstream::StreamAck(StreamAck { stream_id: stream_id.to_owned(), expected_sequence_id })
        }
        Notice::StreamNack { stream_id, expected_sequence_id, error } => {
            let ErrorDetail { name, message } = detail(error);
            let stream_id = stream_id.to_owned();
            Downstream::StreamNack(StreamNack { stream_id, name, message, expected_sequence_id })
        }
        Notice::StreamClosed { stream_id, error } => {
            let (stream_id, error) = (stream_id.to_owned(), error.map(detail));
            Downstream::StreamClosed(StreamClosed { stream_id, error })
        }
    };
    frame(&DownstreamMessage { message: Some(message) })
}

/// A message as one whole frame, which every recipient of the plain protocol shares.
pub(crate) fn message(message: &Message, json_form: JsonForm) -> Bytes {
    frame_of(SequencedMember::Data, &data_message(message, json_form))
}

/// All of a message but its opening and its sequence id: what every recipient of the reliable protocol shares.
///
/// The fields of a protobuf message may stand in any order, so the sequence id goes first, as part of the head.
pub(crate) fn message_tail(message: &Message, json_form: JsonForm) -> Bytes {
    data_message(message, json_form).encode_to_vec().into()
}

/// A report on group states as one whole frame.
pub(crate) fn report(report: &GroupStateReport) -> Bytes {
    frame_of(SequencedMember::of(report.scope), &report_message(report))
}

/// All of a report but its opening and its sequence id.
pub(crate) fn report_tail(report: &GroupStateReport) -> Bytes {
    report_message(report).encode_to_vec().into()
}

/// Appends one recipient's head of a numbered frame: frame header, opening of the member, sequence id.
pub(crate) fn write_head(out: &mut Vec<u8>, member: SequencedMember, sequence_id: u64, tail_bytes: usize) {
    let member_bytes = 1 + encoded_len_varint(sequence_id) + tail_bytes;
    let payload_bytes = 1 + encoded_len_varint(member_bytes as u64) + member_bytes;
    write_frame_header(out, Opcode::Binary, payload_bytes);
    out.push(member.key());
    encode_varint(member_bytes as u64, out);
    out.push(member.sequence_key());
    encode_varint(sequence_id, out);
}

fn frame(message: &impl prost::Message) -> Bytes {
    let mut frame = FrameBuilder::with_capacity(message.encoded_len());
    message.encode_raw(frame.payload());
    frame.finish(Opcode::Binary)
}

fn frame_of(member: SequencedMember, message: &impl prost::Message) -> Bytes {
    /// The key and the length of the member.
    const OPENING_BYTES_MAX: usize = 11;
    let bytes = message.encoded_len();
    let mut frame = FrameBuilder::with_capacity(OPENING_BYTES_MAX + bytes);
    frame.payload().push(member.key());
    encode_varint(bytes as u64, frame.payload());
    message.encode_raw(frame.payload());
    frame.finish(Opcode::Binary)
}

fn system(kind: SystemKind) -> Downstream {
    Downstream::System(System { message: Some(kind) })
}

fn detail(error: &RequestError) -> ErrorDetail {
    ErrorDetail { name: error.name.to_string(), message: error.message.to_string() }
}

fn entries<'a>(
    entries: impl Iterator<Item = (&'a str, &'a str)>,
) -> std::collections::BTreeMap<String, String> {
    entries.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn data_message(message: &Message, json_form: JsonForm) -> DataMessage {
    let (from, group) = match &message.sender {
        Sender::Server => ("server", None),
        Sender::Group { group, .. } => ("group", Some(group.as_str().to_owned())),
    };
    DataMessage {
        from: from.to_owned(),
        group,
        data: Some(payload(&message.data, json_form)),
        sequence_id: None,
        metadata: entries(message.metadata.iter().flat_map(Metadata::iter)),
        stream: message.stream.as_deref().map(stream_info),
    }
}

fn payload(data: &Data, json_form: JsonForm) -> MessageData {
    let payload = match (data, json_form) {
        (Data::Text(text), _) => Payload::Text(valid_text(text)),
        (Data::Json(json), JsonForm::Text) => Payload::Text(json.clone()),
        (Data::Json(json), JsonForm::Json) => Payload::Json(json.clone()),
        (Data::Binary(bytes), _) => Payload::Binary(bytes.clone()),
        (Data::Protobuf(any), _) => Payload::Protobuf(any.clone()),
    };
    MessageData { data: Some(payload) }
}

/// Text that no sender's fault can make unreadable: a protobuf parser refuses a whole message for one broken character.
fn valid_text(text: &Bytes) -> Bytes {
    match std::str::from_utf8(text) {
        Ok(_) => text.clone(),
        Err(_) => BytesMut::from(String::from_utf8_lossy(text).as_bytes()).freeze(),
    }
}

fn stream_info(position: &StreamPosition) -> StreamInfo {
    let error = match &position.end {
        Some(StreamEnd::Broken(error)) => Some(StreamErrorDetail {
            name: error.name.to_owned(),
            message: error.message.to_string(),
            user_error_code: error.user_error_code.as_deref().map(str::to_owned),
        }),
        Some(StreamEnd::Complete) | None => None,
    };
    StreamInfo {
        stream_id: position.stream_id.to_string(),
        stream_sequence_id: position.sequence_id,
        end_of_stream: position.end.is_some().then_some(true),
        error,
    }
}

fn report_message(report: &GroupStateReport) -> super::schema::GroupStateReport {
    let items = report.items.iter().map(|item| GroupStateItem {
        connection_id: item.connection.digits().as_str().to_owned(),
        user_id: item.user.as_ref().map(|user| user.as_str().to_owned()),
        state: item.state.as_ref().map(|state| GroupState { entries: entries(state.iter()) }),
        updated_at: item.updated_at_ms,
    });
    super::schema::GroupStateReport {
        group: report.group.as_str().to_owned(),
        items: items.collect(),
        sequence_id: None,
    }
}
