//! What a recipient must be able to read, whatever was published.

use hubwire_protocol::websocket::{Opcode, write_frame_header};
use hubwire_protocol::{
    Data, JsonForm, Message, Publication, Request, Sender, StreamEnd, StreamError, StreamPosition,
    Subprotocol,
};
use serde::de::IgnoredAny;

/// A sequence id that neither a double nor a short varint can hold.
const SEQUENCE_ID: u64 = 9_007_199_254_740_993;

/// Shows what a request publishes to recipients of every kind. Answers its payload.
pub(crate) fn deliver(request: Request) -> Option<Data> {
    let (message, data) = match request {
        Request::SendToGroup { publication: Publication { group, data, metadata, .. }, .. } => {
            (Message::new(Sender::Group { group, user: None }, data.clone(), metadata), data)
        }
        Request::Event { data, metadata, .. } => (Message::new(Sender::Server, data.clone(), metadata), data),
        Request::Invoke(request) => {
            let data = request.data?;
            (Message::new(Sender::Server, data.clone(), request.metadata), data)
        }
        Request::StreamData { stream_id, sequence_id, data } => {
            let position = StreamPosition { stream_id, sequence_id, end: None };
            (of_stream(data.clone(), position), data)
        }
        Request::StreamEnd { stream_id, error } => {
            let error = error?;
            let end = StreamEnd::Broken(StreamError::user(error.message, error.user_error_code));
            let position = StreamPosition { stream_id, sequence_id: 1, end: Some(end) };
            check(&of_stream(Data::Text("".into()), position));
            return None;
        }
        _ => return None,
    };
    check(&message);
    Some(data)
}

fn of_stream(data: Data, position: StreamPosition) -> Message {
    Message { stream: Some(Box::new(position)), ..Message::new(Sender::Server, data, None) }
}

/// Each form is whole, its header tells the truth, and a numbered message is a plain one with its number in front.
fn check(message: &Message) {
    for (plain, reliable, opcode) in [
        (Subprotocol::Json, Subprotocol::JsonReliable, Opcode::Text),
        (Subprotocol::Protobuf, Subprotocol::ProtobufReliable, Opcode::Binary),
    ] {
        let frame = plain.message(message, JsonForm::Json);
        let tail = reliable.message(message, JsonForm::Json);
        let mut numbered = Vec::new();
        reliable.message_head().write(&mut numbered, SEQUENCE_ID, tail.len());
        numbered.extend_from_slice(&tail);
        assert!(frame.ends_with(&tail), "a numbered message has another tail than a plain one");
        for frame in [&frame[..], &numbered] {
            let payload = unframed(frame, opcode);
            match opcode {
                Opcode::Text => assert_json(payload),
                _ => assert_protobuf(payload),
            }
        }
    }
}

/// The payload of a frame that the service made.
fn unframed(frame: &[u8], opcode: Opcode) -> &[u8] {
    let header_bytes = match frame[1] {
        127 => 10,
        126 => 4,
        _ => 2,
    };
    let payload = &frame[header_bytes..];
    let mut header = Vec::new();
    write_frame_header(&mut header, opcode, payload.len());
    assert_eq!(header, frame[..header_bytes], "a frame's header does not fit its payload");
    payload
}

fn assert_json(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("a text frame holds text");
    let read = serde_json::from_str::<IgnoredAny>(text);
    assert!(read.is_ok(), "a recipient is sent what is not JSON: {text}");
}

/// One `data_message` whose fields fill it exactly.
fn assert_protobuf(bytes: &[u8]) {
    let (key, rest) = varint(bytes).expect("there is a member");
    let (length, mut fields) = varint(rest).expect("the member has a length");
    assert_eq!(
        (key, length as usize),
        (2 << 3 | 2, fields.len()),
        "the member is data_message and all there is"
    );
    while !fields.is_empty() {
        let (key, rest) = varint(fields).expect("a field has a key");
        let (value, rest) = varint(rest).expect("a field has a value");
        fields = match key & 7 {
            0 => rest,
            2 => rest.get(value as usize..).expect("a field ends inside the message"),
            other => panic!("a field of the wire type {other}"),
        };
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let last = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    let value = bytes[..=last].iter().rev().fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, &bytes[last + 1..]))
}
