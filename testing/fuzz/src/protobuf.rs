use hubwire_protocol::{Request, TTL_S_MAX, protobuf};

use crate::delivery::deliver;

/// Any bytes are a valid request or refused in words; what a valid one carries keeps its bounds, is the sender's to the byte, and can be
/// shown to recipients of every kind in frames whose headers tell the truth.
pub fn protobuf(data: &[u8]) {
    match protobuf::decode(data) {
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal says nothing"),
        Ok(request) => {
            if let Request::SendToGroup { publication, .. } = &request {
                assert!(publication.ttl_s <= TTL_S_MAX, "a time to live of {} s passed", publication.ttl_s);
            }
            if let Some(payload) = deliver(request) {
                let bytes = payload.bytes();
                let taken_over = bytes.is_empty() || data.windows(bytes.len()).any(|window| window == bytes);
                assert!(taken_over, "a payload was rewritten");
            }
        }
    }
}
