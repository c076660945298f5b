use hubwire_protocol::{Data, Request, TTL_S_MAX, json};

use crate::delivery::deliver;

/// Any text is a valid request or refused in words; what a valid one carries keeps its bounds, and can be shown to recipients of every
/// kind in frames whose headers tell the truth.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match json::decode(text) {
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal says nothing"),
        Ok(request) => {
            if let Request::SendToGroup { publication, .. } = &request {
                assert!(publication.ttl_s <= TTL_S_MAX, "a time to live of {} s passed", publication.ttl_s);
            }
            if let Some(data) = deliver(request) {
                assert_taken_over(text, &data);
            }
        }
    }
}

/// JSON payloads are taken over byte for byte.
fn assert_taken_over(text: &str, data: &Data) {
    if let Data::Json(bytes) = data {
        let payload = std::str::from_utf8(bytes).expect("a JSON payload is text");
        assert!(text.contains(payload), "a JSON payload was rewritten");
    }
}
