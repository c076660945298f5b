//! What a protobuf client makes of the same requests and messages: JSON here, protobuf on the wire, by the numbers of the published schema
//! and without any code of the service.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A request as an `UpstreamMessage`. A type that nobody knows becomes a message without a member.
pub(crate) fn request(text: &str) -> Vec<u8> {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let group = || field(1, value["group"].as_str().unwrap_or_default().as_bytes());
    let ack_id = |number_of: u64| value["ackId"].as_u64().map_or(Vec::new(), |id| number(number_of, id));
    match value["type"].as_str() {
        Some("sendToGroup") => {
            let no_echo = number(4, u64::from(value["noEcho"] == true));
            let ttl_s = number(5, value["ttlSeconds"].as_u64().unwrap_or(0));
            field(1, &[group(), ack_id(2), field(3, &data(&value, text)), no_echo, ttl_s].concat())
        }
        Some("event") => {
            let event = field(1, value["event"].as_str().unwrap_or_default().as_bytes());
            field(5, &[event, field(2, &data(&value, text)), ack_id(3)].concat())
        }
        Some("joinGroup") => field(6, &[group(), ack_id(2)].concat()),
        Some("leaveGroup") => field(7, &[group(), ack_id(2)].concat()),
        Some("sequenceAck") => field(8, &number(1, value["sequenceId"].as_u64().unwrap_or(0))),
        Some("ping") => field(9, b""),
        _ => Vec::new(),
    }
}

/// The payload, where JSON keeps the bytes that it has in the request.
fn data(value: &Value, text: &str) -> Vec<u8> {
    let payload = value["data"].as_str().unwrap_or_default();
    match value["dataType"].as_str() {
        Some("text") => field(1, payload.as_bytes()),
        Some("binary") => field(2, &STANDARD.decode(payload).unwrap_or_default()),
        _ => {
            // The last member of every request that has a payload.
            let raw = text.split_once("\"data\":").map_or("", |(_, rest)| &rest[..rest.len() - 1]);
            field(4, raw.as_bytes())
        }
    }
}

/// A `DownstreamMessage` as the JSON message that says the same; null if it is none.
pub(crate) fn message(bytes: &[u8]) -> Value {
    let Some(&(member, Part::Bytes(inner))) = parts(bytes).first() else {
        return Value::Null;
    };
    let inner = parts(inner);
    let text = |of: u64| inner.iter().find(|part| part.0 == of).map(|part| part.1.text());
    let count = |of: u64| inner.iter().find(|part| part.0 == of).map(|part| part.1.number());
    match member {
        1 if count(2) == Some(1) => json!({ "type": "ack", "ackId": count(1), "success": true }),
        1 => {
            let error =
                inner.iter().find(|part| part.0 == 3).map(|part| parts(part.1.bytes())).unwrap_or_default();
            let error_text = |of: u64| error.iter().find(|part| part.0 == of).map(|part| part.1.text());
            json!({ "type": "ack", "ackId": count(1).unwrap_or(0), "success": false,
                "error": { "name": error_text(1), "message": error_text(2) } })
        }
        2 => {
            let payload = inner.iter().find(|part| part.0 == 3).map(|part| parts(part.1.bytes()));
            let (kind, data) = match payload.as_deref() {
                Some([(1, text)]) => ("text", Value::from(text.text())),
                Some([(2, bytes)]) => ("binary", Value::from(STANDARD.encode(bytes.bytes()))),
                Some([(4, json)]) => ("json", serde_json::from_slice(json.bytes()).unwrap_or_default()),
                _ => ("nothing", Value::Null),
            };
            let mut message = json!({ "type": "message", "from": text(1), "dataType": kind, "data": data });
            if let Some(sequence_id) = count(4) {
                message["sequenceId"] = sequence_id.into();
            }
            message
        }
        3 => match inner.first() {
            Some((1, connected)) => {
                let id = parts(connected.bytes()).first().map(|part| part.1.text());
                json!({ "type": "system", "event": "connected", "connectionId": id })
            }
            _ => json!({ "type": "system", "event": "disconnected" }),
        },
        4 => json!({ "type": "pong" }),
        _ => Value::Null,
    }
}

fn field(number_of: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_varint(&mut out, number_of << 3 | 2);
    write_varint(&mut out, bytes.len() as u64);
    out.extend_from_slice(bytes);
    out
}

fn number(number_of: u64, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write_varint(&mut out, number_of << 3);
    write_varint(&mut out, value);
    out
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// One field of a message.
#[derive(Clone, Copy)]
enum Part<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Part<'a> {
    fn number(self) -> u64 {
        if let Self::Number(number) = self { number } else { 0 }
    }

    fn bytes(self) -> &'a [u8] {
        if let Self::Bytes(bytes) = self { bytes } else { &[] }
    }

    fn text(self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}

/// The fields of a message in their order; nothing at all if one of them is broken.
fn parts(mut bytes: &[u8]) -> Vec<(u64, Part<'_>)> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let Some(part) = next_part(&mut bytes) else {
            return Vec::new();
        };
        parts.push(part);
    }
    parts
}

fn next_part<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Part<'a>)> {
    let key = next_varint(bytes)?;
    let value = next_varint(bytes)?;
    if key & 7 == 0 {
        return Some((key >> 3, Part::Number(value)));
    }
    let (part, rest) = bytes.split_at_checked(value as usize).filter(|_| key & 7 == 2)?;
    *bytes = rest;
    Some((key >> 3, Part::Bytes(part)))
}

fn next_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
