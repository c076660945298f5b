use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::codes::AckError;
use crate::websocket::{FrameBuilder, Opcode, write_frame_header};
use crate::{ConnectionId, Data, Message, Metadata, Sender, UserId};

/// What stands between the opening of a sequenced message and its id.
const SEQUENCE_KEY: &[u8] = b"{\"sequenceId\":";
/// Room for the members around a payload, so that most messages are written without growing.
const ENVELOPE_BYTES: usize = 128;

/// The frame that greets a client. `reconnection_token` is for reliable clients; a plain client's message has no such member.
pub fn connected(connection: ConnectionId, user: Option<&UserId>, reconnection_token: Option<&str>) -> Bytes {
    let mut frame = FrameBuilder::with_capacity(ENVELOPE_BYTES);
    let out = frame.payload();
    out.extend_from_slice(b"{\"type\":\"system\",\"event\":\"connected\",\"userId\":");
    write_optional(out, user);
    out.extend_from_slice(b",\"connectionId\":\"");
    out.extend_from_slice(connection.digits().as_str().as_bytes());
    out.push(b'"');
    if let Some(token) = reconnection_token {
        out.extend_from_slice(b",\"reconnectionToken\":");
        write_text(out, token);
    }
    out.push(b'}');
    frame.finish(Opcode::Text)
}

/// The frame that tells a client why it is about to be disconnected.
pub fn disconnected(message: &str) -> Bytes {
    let mut frame = FrameBuilder::with_capacity(ENVELOPE_BYTES);
    let out = frame.payload();
    out.extend_from_slice(b"{\"type\":\"system\",\"event\":\"disconnected\",\"message\":");
    write_text(out, message);
    out.push(b'}');
    frame.finish(Opcode::Text)
}

/// The answer to a ping.
pub fn pong() -> Bytes {
    /// A frame header and `{"type":"pong"}`, the same for everyone.
    const PONG: &[u8] = b"\x81\x0f{\"type\":\"pong\"}";
    Bytes::from_static(PONG)
}

/// The acknowledgement of a request. Success has no `error` member at all, since official clients trip over a null there.
pub fn ack(ack_id: u64, error: Option<&AckError>) -> Bytes {
    let mut frame = FrameBuilder::with_capacity(ENVELOPE_BYTES);
    let out = frame.payload();
    out.extend_from_slice(b"{\"type\":\"ack\",\"ackId\":");
    out.extend_from_slice(itoa::Buffer::new().format(ack_id).as_bytes());
    match error {
        None => out.extend_from_slice(b",\"success\":true"),
        Some(error) => {
            out.extend_from_slice(b",\"success\":false,\"error\":{\"name\":");
            write_text(out, error.name);
            out.extend_from_slice(b",\"message\":");
            write_text(out, &error.message);
            out.push(b'}');
        }
    }
    out.push(b'}');
    frame.finish(Opcode::Text)
}

/// A message as one whole frame, which every recipient of the plain protocol shares.
pub fn message(message: &Message) -> Bytes {
    let mut frame = FrameBuilder::with_capacity(capacity(message));
    frame.payload().push(b'{');
    write_members(frame.payload(), message);
    frame.finish(Opcode::Text)
}

/// All of a message but its opening and its sequence id: what every recipient of the reliable protocol shares.
///
/// [`sequenced_head`] is what each of them gets in front of it.
pub fn sequenced_tail(message: &Message) -> Bytes {
    let mut tail = Vec::with_capacity(capacity(message));
    write_members(&mut tail, message);
    tail.into()
}

/// Appends one recipient's head of a sequenced message: frame header, opening of the object, sequence id.
pub fn sequenced_head(out: &mut Vec<u8>, sequence_id: u64, tail_bytes: usize) {
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
fn write_members(out: &mut Vec<u8>, message: &Message) {
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
    out.extend_from_slice(b",\"metadata\":{");
    for (index, (key, value)) in metadata.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(out, key);
        out.push(b':');
        write_text(out, value);
    }
    out.push(b'}');
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
