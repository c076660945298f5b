use std::fmt::Write as _;

use aws_lc_rs::hmac;
use hubwire_auth::AccessKeys;

/// What proves to a handler that an event comes from a service that has its access key: for each key, `sha256=` and the HMAC of the
/// connection's id in lower-case hexadecimal digits.
pub(crate) fn signature(keys: &AccessKeys, connection: &str) -> String {
    let mut signature = String::with_capacity(2 * 72);
    for key in keys.iter() {
        if !signature.is_empty() {
            signature.push(',');
        }
        signature.push_str("sha256=");
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
        for byte in hmac::sign(&key, connection.as_bytes()).as_ref() {
            // Writing into a text cannot fail.
            let _written = write!(signature, "{byte:02x}");
        }
    }
    signature
}
