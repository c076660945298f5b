//! A client access URL from a connection string, which is the business of an application's server.
//!
//! An application gets it from its server, which makes it with the crate `webpubsub`. The examples and tests make their own.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

/// A local Hubwire with the public development key.
const LOCAL: &str =
    "Endpoint=http://127.0.0.1:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";

/// The connection string in `WEBPUBSUB_CONNECTION_STRING`, or that of a local Hubwire.
#[allow(dead_code, reason = "tests start a service of their own")]
pub(crate) fn connection_string() -> String {
    std::env::var("WEBPUBSUB_CONNECTION_STRING").unwrap_or_else(|_| LOCAL.to_owned())
}

/// A URL that is good for an hour.
pub(crate) fn access_url(connection_string: &str, hub: &str, user: &str, roles: &[&str]) -> String {
    let part = |name: &str| {
        let mut parts = connection_string.split(';').filter_map(|part| part.split_once('='));
        let part = parts.find(|(key, _)| key.eq_ignore_ascii_case(name));
        part.unwrap_or_else(|| panic!("the connection string has no {name}")).1
    };
    let endpoint = part("Endpoint").trim_end_matches('/');
    let audience = format!("{endpoint}/client/hubs/{hub}");
    let claims = json!({ "aud": audience, "sub": user, "role": roles, "exp": expiry_seconds() });
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encode(&json!({ "alg": "HS256", "typ": "JWT" }));
    let signed = format!("{head}.{}", encode(&claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, part("AccessKey").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    // http becomes ws, and https wss.
    format!("{}?access_token={signed}.{signature}", audience.replacen("http", "ws", 1))
}

#[expect(clippy::disallowed_methods, reason = "a token expires at a time of the real clock")]
fn expiry_seconds() -> u64 {
    const HOUR_SECONDS: u64 = 3600;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    now.as_secs() + HOUR_SECONDS
}
