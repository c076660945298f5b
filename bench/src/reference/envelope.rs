//! The frame that a subscriber receives, of the same size as the service's.

use super::publish::Publish;
use crate::frame;
use crate::scenario::Protocol;
use crate::varint;

/// As long as the ids of a run usually are; the reference numbers nothing.
const SEQUENCE_ID: &str = "10000";
/// The same number as a protobuf field.
const SEQUENCE_FIELD: &[u8] = &[4 << 3, 0x90, 0x4e];

/// Replaces `out` by the frame for one publish.
pub(super) fn write(out: &mut Vec<u8>, protocol: Protocol, publish: &Publish) {
    out.clear();
    let (head, tail) = match protocol {
        Protocol::Protobuf => return write_protobuf(out, &[], publish),
        Protocol::ReliableProtobuf => return write_protobuf(out, SEQUENCE_FIELD, publish),
        Protocol::Simple => (String::new(), ""),
        Protocol::Json => (format!(r#"{{{}"#, opening(publish)), r#""}"#),
        Protocol::Reliable => (format!(r#"{{"sequenceId":{SEQUENCE_ID},{}"#, opening(publish)), r#""}"#),
    };
    frame::write_head(out, frame::TEXT, head.len() + publish.payload.len() + tail.len(), false);
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(&publish.payload);
    out.extend_from_slice(tail.as_bytes());
}

/// A `data_message` (2) of a group, with text.
fn write_protobuf(out: &mut Vec<u8>, first: &[u8], publish: &Publish) {
    let group = format!("g{}", publish.group);
    let mut text = Vec::new();
    write_field(&mut text, 1, &publish.payload);
    let mut data = first.to_vec();
    write_field(&mut data, 1, b"group");
    write_field(&mut data, 2, group.as_bytes());
    write_field(&mut data, 3, &text);
    let mut message = Vec::new();
    write_field(&mut message, 2, &data);
    frame::write_head(out, frame::BINARY, message.len(), false);
    out.extend_from_slice(&message);
}

fn write_field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint::write(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn opening(publish: &Publish) -> String {
    let user = if publish.over_rest { "null" } else { r#""publisher""# };
    let group = publish.group;
    format!(
        r#""type":"message","from":"group","group":"g{group}","fromUserId":{user},"dataType":"text","data":""#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_sees_the_payload_in_its_subprotocol() {
        let publish = Publish { group: 7, payload: b"hi".to_vec(), over_rest: true };
        let mut out = Vec::new();
        write(&mut out, Protocol::Simple, &publish);
        assert_eq!(frame::read(&out).unwrap().unwrap().payload, b"hi");
        write(&mut out, Protocol::Json, &publish);
        let json = r#"{"type":"message","from":"group","group":"g7","fromUserId":null,"dataType":"text","data":"hi"}"#;
        assert_eq!(frame::read(&out).unwrap().unwrap().payload, json.as_bytes());
        write(&mut out, Protocol::Protobuf, &publish);
        let protobuf = b"\x12\x11\x0a\x05group\x12\x02g7\x1a\x04\x0a\x02hi";
        assert_eq!(frame::read(&out).unwrap().unwrap().payload, protobuf);
    }
}
