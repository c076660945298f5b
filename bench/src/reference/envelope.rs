//! The frame that a subscriber receives, of the same size as the service's.

use super::publish::Publish;
use crate::frame;
use crate::scenario::Protocol;

/// As long as the ids of a run usually are; the reference numbers nothing.
const SEQUENCE_ID: &str = "10000";

/// Replaces `out` by the frame for one publish.
pub(super) fn write(out: &mut Vec<u8>, protocol: Protocol, publish: &Publish) {
    out.clear();
    let (head, tail) = match protocol {
        Protocol::Simple => (String::new(), ""),
        Protocol::Json => (format!(r#"{{{}"#, opening(publish)), r#""}"#),
        Protocol::Reliable => (format!(r#"{{"sequenceId":{SEQUENCE_ID},{}"#, opening(publish)), r#""}"#),
    };
    frame::write_head(out, frame::TEXT, head.len() + publish.payload.len() + tail.len(), false);
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(&publish.payload);
    out.extend_from_slice(tail.as_bytes());
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
    }
}
