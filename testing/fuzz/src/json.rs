use hubwire_protocol::json::{self, sequenced_head, sequenced_tail};
use hubwire_protocol::websocket::{Opcode, write_frame_header};
use hubwire_protocol::{Data, Message, Request, Sender, TTL_S_MAX};
use serde::de::IgnoredAny;

/// Any text is a valid request or refused in words; what a valid one carries keeps its bounds, and can be shown to recipients as valid
/// JSON in frames whose headers tell the truth.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match json::decode(text) {
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal says nothing"),
        Ok(Request::SendToGroup { group, data, metadata, ttl_s, .. }) => {
            assert!(ttl_s <= TTL_S_MAX, "a time to live of {ttl_s} s passed");
            assert_taken_over(text, &data);
            deliver(&Message { sender: Sender::Group { group, user: None }, data, metadata });
        }
        Ok(Request::Event { data, metadata, .. }) => {
            assert_taken_over(text, &data);
            deliver(&Message { sender: Sender::Server, data, metadata });
        }
        Ok(_) => {}
    }
}

/// JSON payloads are taken over byte for byte.
fn assert_taken_over(text: &str, data: &Data) {
    if let Data::Json(bytes) = data {
        let payload = std::str::from_utf8(bytes).expect("a JSON payload is text");
        assert!(text.contains(payload), "a JSON payload was rewritten");
    }
}

fn deliver(message: &Message) {
    let frame = json::message(message);
    let plain = unframed(&frame);
    assert_json(plain);
    let tail = sequenced_tail(message);
    let mut numbered = Vec::new();
    sequenced_head(&mut numbered, 9_007_199_254_740_993, tail.len());
    numbered.extend_from_slice(&tail);
    assert_json(unframed(&numbered));
    assert!(plain.ends_with(&tail), "a numbered message has another tail than a plain one");
}

/// The payload of a frame that the service made.
fn unframed(frame: &[u8]) -> &[u8] {
    let header_bytes = match frame[1] {
        127 => 10,
        126 => 4,
        _ => 2,
    };
    let payload = &frame[header_bytes..];
    let mut header = Vec::new();
    write_frame_header(&mut header, Opcode::Text, payload.len());
    assert_eq!(header, frame[..header_bytes], "a frame's header does not fit its payload");
    payload
}

fn assert_json(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("a text frame holds text");
    let read = serde_json::from_str::<IgnoredAny>(text);
    assert!(read.is_ok(), "a recipient is sent what is not JSON: {text}");
}
