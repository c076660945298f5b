use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::codes::RequestError;
use crate::websocket::{FrameBuilder, Opcode, write_frame_header};
use crate::{
    Data, GroupStateItem, GroupStateReport, GroupStateScope, Message, Metadata, Notice, Sender, StreamEnd,
    StreamPosition, UserId,
};

/// What stands between the opening of a sequenced message and its id.
const SEQUENCE_KEY: &[u8] = b"{\"sequenceId\":";
/// Room for the members around a payload, so that most messages are written without growing.
const ENVELOPE_BYTES: usize = 128;

/// A notice as a frame.
pub(crate) fn notice(notice: &Notice<'_>) -> Bytes {
    /// A frame header and `{"type":"pong"}`, the same for everyone.
    const PONG: &[u8] = b"\x81\x0f{\"type\":\"pong\"}";
    if matches!(notice, Notice::Pong) {
        return Bytes::from_static(PONG);
    }
    let mut frame = FrameBuilder::with_capacity(ENVELOPE_BYTES);
    write_notice(frame.payload(), notice);
    frame.finish(Opcode::Text)
}

fn write_notice(out: &mut Vec<u8>, notice: &Notice<'_>) {
    match *notice {
        Notice::Pong => out.extend_from_slice(b"{\"type\":\"pong\""),
        Notice::Connected { connection, user, reconnection_token } => {
            out.extend_from_slice(b"{\"type\":\"system\",\"event\":\"connected\",\"userId\":");
            write_optional(out, user);
            out.extend_from_slice(b",\"connectionId\":\"");
            out.extend_from_slice(connection.digits().as_str().as_bytes());
            out.push(b'"');
            if let Some(token) = reconnection_token {
                write_text_member(out, b",\"reconnectionToken\":", token);
            }
        }
        Notice::Disconnected(reason) => {
            write_text_member(out, b"{\"type\":\"system\",\"event\":\"disconnected\",\"message\":", reason);
        }
        Notice::Ack { ack_id, error } => {
            write_number_member(out, b"{\"type\":\"ack\",\"ackId\":", ack_id);
            // Success has no `error` member at all, since official clients trip over a null there.
            write_success(out, error);
        }
        Notice::InvokeResponse { invocation_id, outcome, metadata } => {
            write_text_member(out, b"{\"type\":\"invokeResponse\",\"invocationId\":", invocation_id);
            write_success(out, outcome.err());
            if let Ok(Some(data)) = outcome {
                out.extend_from_slice(b",\"dataType\":");
                write_data(out, data);
            }
            if let Some(metadata) = metadata {
                write_metadata(out, metadata);
            }
        }
        Notice::StreamAck { stream_id, expected_sequence_id } => {
            write_text_member(out, b"{\"type\":\"streamAck\",\"streamId\":", stream_id);
            write_number_member(out, b",\"expectedSequenceId\":", expected_sequence_id);
        }
        Notice::StreamNack { stream_id, expected_sequence_id, error } => {
            write_text_member(out, b"{\"type\":\"streamNack\",\"streamId\":", stream_id);
            write_number_member(out, b",\"expectedSequenceId\":", expected_sequence_id);
            write_text_member(out, b",\"name\":", &error.name);
            write_text_member(out, b",\"message\":", &error.message);
        }
        Notice::StreamClosed { stream_id, error } => {
            write_text_member(out, b"{\"type\":\"streamClosed\",\"streamId\":", stream_id);
            write_error(out, error);
        }
    }
    out.push(b'}');
}

fn write_success(out: &mut Vec<u8>, error: Option<&RequestError>) {
    out.extend_from_slice(if error.is_none() { b",\"success\":true" } else { b",\"success\":false" });
    write_error(out, error);
}

/// The `error` member, with exactly the two members that every official client expects in it.
fn write_error(out: &mut Vec<u8>, error: Option<&RequestError>) {
    if let Some(error) = error {
        write_text_member(out, b",\"error\":{\"name\":", &error.name);
        write_text_member(out, b",\"message\":", &error.message);
        out.push(b'}');
    }
}

/// A message as one whole frame, which every recipient of the plain protocol shares.
pub(crate) fn message(message: &Message) -> Bytes {
    whole(capacity(message), |out| write_message(out, message))
}

/// All of a message but its opening and its sequence id: what every recipient of the reliable protocol shares.
///
/// [`write_head`] is what each of them gets in front of it.
pub(crate) fn message_tail(message: &Message) -> Bytes {
    let mut tail = Vec::with_capacity(capacity(message));
    write_message(&mut tail, message);
    tail.into()
}

/// A report on group states as one whole frame.
pub(crate) fn report(report: &GroupStateReport) -> Bytes {
    whole(ENVELOPE_BYTES, |out| write_report(out, report))
}

/// All of a report but its opening and its sequence id.
pub(crate) fn report_tail(report: &GroupStateReport) -> Bytes {
    let mut tail = Vec::with_capacity(ENVELOPE_BYTES);
    write_report(&mut tail, report);
    tail.into()
}

fn whole(capacity: usize, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut frame = FrameBuilder::with_capacity(capacity);
    frame.payload().push(b'{');
    write(frame.payload());
    frame.finish(Opcode::Text)
}

/// Appends one recipient's head of a numbered frame: frame header, opening of the object, sequence id.
pub(crate) fn write_head(out: &mut Vec<u8>, sequence_id: u64, tail_bytes: usize) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(sequence_id).as_bytes();
    let payload_bytes = SEQUENCE_KEY.len() + digits.len() + 1 + tail_bytes;
    write_frame_header(out, Opcode::Text, payload_bytes);
    out.extend_from_slice(SEQUENCE_KEY);
    out.extend_from_slice(digits);
    out.push(b',');
}

fn capacity(message: &Message) -> usize {
    let payload = message.data.bytes().len();
    let encoded = match message.data {
        Data::Text(_) | Data::Json(_) => payload,
        Data::Binary(_) | Data::Protobuf(_) => payload.div_ceil(3) * 4,
    };
    let metadata =
        message.metadata.iter().flat_map(Metadata::iter).map(|(key, value)| key.len() + value.len() + 6);
    ENVELOPE_BYTES + encoded + metadata.sum::<usize>()
}

/// The members of a message and the closing brace.
fn write_message(out: &mut Vec<u8>, message: &Message) {
    match &message.sender {
        Sender::Server => out.extend_from_slice(b"\"type\":\"message\",\"from\":\"server\",\"dataType\":"),
        Sender::Group { group, user } => {
            out.extend_from_slice(b"\"type\":\"message\",\"from\":\"group\",\"group\":");
            write_text(out, group.as_str());
            out.extend_from_slice(b",\"fromUserId\":");
            write_optional(out, user.as_ref());
            out.extend_from_slice(b",\"dataType\":");
        }
    }
    write_data(out, &message.data);
    if let Some(metadata) = &message.metadata {
        write_metadata(out, metadata);
    }
    if let Some(position) = &message.stream {
        write_position(out, position);
    }
    out.push(b'}');
}

fn write_position(out: &mut Vec<u8>, position: &StreamPosition) {
    write_text_member(out, b",\"stream\":{\"streamId\":", &position.stream_id);
    write_number_member(out, b",\"streamSequenceId\":", position.sequence_id);
    if let Some(end) = &position.end {
        out.extend_from_slice(b",\"endOfStream\":true");
        if let StreamEnd::Broken(error) = end {
            write_text_member(out, b",\"error\":{\"name\":", error.name);
            write_text_member(out, b",\"message\":", &error.message);
            if let Some(code) = &error.user_error_code {
                write_text_member(out, b",\"userErrorCode\":", code);
            }
            out.push(b'}');
        }
    }
    out.push(b'}');
}

/// The members of a report and the closing brace.
fn write_report(out: &mut Vec<u8>, report: &GroupStateReport) {
    out.extend_from_slice(match report.scope {
        GroupStateScope::Snapshot => b"\"type\":\"groupStateSnapshot\"",
        GroupStateScope::Update => b"\"type\":\"groupStateUpdate\"",
    });
    write_text_member(out, b",\"group\":", report.group.as_str());
    out.extend_from_slice(b",\"items\":[");
    for (index, item) in report.items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_item(out, item);
    }
    out.extend_from_slice(b"]}");
}

fn write_item(out: &mut Vec<u8>, item: &GroupStateItem) {
    out.extend_from_slice(b"{\"connectionId\":\"");
    out.extend_from_slice(item.connection.digits().as_str().as_bytes());
    out.push(b'"');
    if let Some(user) = &item.user {
        write_text_member(out, b",\"userId\":", user.as_str());
    }
    if let Some(state) = &item.state {
        out.extend_from_slice(b",\"state\":");
        write_entries(out, state.iter());
    }
    out.extend_from_slice(b",\"updatedAt\":");
    out.extend_from_slice(itoa::Buffer::new().format(item.updated_at_ms).as_bytes());
    out.push(b'}');
}

fn write_data(out: &mut Vec<u8>, data: &Data) {
    match data {
        Data::Json(json) => {
            out.extend_from_slice(b"\"json\",\"data\":");
            out.extend_from_slice(json);
        }
        Data::Text(text) => {
            out.extend_from_slice(b"\"text\",\"data\":");
            write_text(out, &String::from_utf8_lossy(text));
        }
        Data::Binary(bytes) => {
            out.extend_from_slice(b"\"binary\",\"data\":\"");
            write_base64(out, bytes);
        }
        Data::Protobuf(bytes) => {
            out.extend_from_slice(b"\"protobuf\",\"data\":\"");
            write_base64(out, bytes);
        }
    }
}

fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or_default();
    out.truncate(start + written);
    out.push(b'"');
}

fn write_metadata(out: &mut Vec<u8>, metadata: &Metadata) {
    out.extend_from_slice(b",\"metadata\":");
    write_entries(out, metadata.iter());
}

fn write_entries<'a>(out: &mut Vec<u8>, entries: impl Iterator<Item = (&'a str, &'a str)>) {
    out.push(b'{');
    for (index, (key, value)) in entries.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(out, key);
        write_text_member(out, b":", value);
    }
    out.push(b'}');
}

/// Appends a member's opening, as it stands, and its value.
fn write_text_member(out: &mut Vec<u8>, opening: &[u8], value: &str) {
    out.extend_from_slice(opening);
    write_text(out, value);
}

fn write_number_member(out: &mut Vec<u8>, opening: &[u8], value: u64) {
    out.extend_from_slice(opening);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn write_optional(out: &mut Vec<u8>, user: Option<&UserId>) {
    match user {
        Some(user) => write_text(out, user.as_str()),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends a JSON string. Writing text into memory has no way to fail.
fn write_text(out: &mut Vec<u8>, text: &str) {
    let written = serde_json::to_writer(out, text);
    debug_assert!(written.is_ok(), "text always serialises");
}
