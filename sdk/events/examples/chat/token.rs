//! Client URLs, signed here. The crate `webpubsub` makes them with every option.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::json;

/// How long a page may take to connect. An open connection outlives its token.
const LIFE: Duration = Duration::from_secs(5 * 60);

/// Makes client URLs of a hub.
#[derive(Clone)]
pub(crate) struct ClientUrls {
    /// `http(s)://host/client/hubs/{hub}`
    audience: String,
    key: hmac::Key,
}

impl ClientUrls {
    pub(crate) fn new(connection_string: &str, hub: &str) -> Option<Self> {
        let part =
            |name| connection_string.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let endpoint = part("Endpoint")?.trim_end_matches('/');
        Some(Self {
            audience: format!("{endpoint}/client/hubs/{hub}"),
            key: hmac::Key::new(hmac::HMAC_SHA256, part("AccessKey")?.as_bytes()),
        })
    }

    /// A URL that one user can connect to for some minutes.
    pub(crate) fn for_user(&self, user: &str) -> String {
        let claims = json!({ "aud": self.audience, "sub": user, "exp": now_s() + LIFE.as_secs() });
        let encode = |json: &serde_json::Value| BASE64.encode(json.to_string());
        let signed = format!("{}.{}", encode(&json!({ "alg": "HS256", "typ": "JWT" })), encode(&claims));
        let signature = BASE64.encode(hmac::sign(&self.key, signed.as_bytes()));
        // `http` becomes `ws`, `https` becomes `wss`.
        format!("{}?access_token={signed}.{signature}", self.audience.replacen("http", "ws", 1))
    }
}

#[expect(clippy::disallowed_methods, reason = "a token ends at a time of the real clock")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
