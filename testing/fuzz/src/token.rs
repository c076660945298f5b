use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubwire_auth::{
    AccessKey, AccessKeys, CLOCK_SKEW_S, Claims, DEVELOPMENT_KEY, Permission, Permissions, TokenCache,
    TokenError, bearer_token, client_audience_allows, rest_audience_allows, verify,
};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};

/// The time at which tokens are judged, in unix seconds.
const NOW_S: u64 = 1_750_000_000;

/// Any token is judged without a panic, the same way with a cache as without, and none passes that is not signed or has expired.
///
/// The first byte of the input says what the rest is: the text of a token (even), or the payload of a token that the target signs (odd),
/// so that what comes after the signature is reached too.
pub fn token(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    let keys = keys();
    let text = if kind % 2 == 0 {
        match std::str::from_utf8(rest) {
            Ok(text) => text.to_owned(),
            Err(_) => return,
        }
    } else {
        signed(rest)
    };
    let verdict = verify(&keys, &text, NOW_S);
    assert_cached(&keys, &text, &verdict);
    assert_signature_matters(&text);
    if let Ok(claims) = &verdict {
        judge(claims);
    }
    if let Ok(token) = bearer_token(Some(&text)) {
        assert!(text.contains(token), "a bearer token was made up");
    }
}

fn keys() -> AccessKeys {
    AccessKeys {
        primary: AccessKey::new(DEVELOPMENT_KEY).expect("the development key is valid"),
        secondary: None,
    }
}

fn signed(payload: &[u8]) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_secret(DEVELOPMENT_KEY.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("signing works");
    format!("{message}.{signature}")
}

/// A cache answers what a check answers: the first time, and the second time from memory.
fn assert_cached(keys: &AccessKeys, text: &str, verdict: &Result<Claims, TokenError>) {
    let mut cache = TokenCache::new();
    for _ in 0..2 {
        match (cache.verify(keys, 1, text, NOW_S), verdict) {
            (Ok(cached), Ok(claims)) => assert_eq!(*cached, *claims, "a cache changed the claims"),
            (Err(cached), Err(error)) => {
                assert_eq!(cached.to_string(), error.to_string(), "a cache refuses in other words")
            }
            (cached, verdict) => panic!("a cache says {cached:?} where a check says {verdict:?}"),
        }
    }
}

/// What one key signed, another key does not open.
fn assert_signature_matters(text: &str) {
    let other =
        AccessKey::new("another key that is long enough, but not the same").expect("the key is valid");
    let keys = AccessKeys { primary: other, secondary: None };
    assert!(verify(&keys, text, NOW_S).is_err(), "a token passed that nobody signed: {text}");
}

fn judge(claims: &Claims) {
    assert!(claims.expires_at_s.saturating_add(CLOCK_SKEW_S) >= NOW_S, "a token passed that has expired");
    let (mut permissions, ignored) = Permissions::from_roles(claims.roles.iter().map(String::as_str));
    assert!(ignored.len() <= claims.roles.len(), "more roles were ignored than there are");
    for group in claims.groups.iter().chain(&claims.roles) {
        for permission in [Permission::SendToGroup, Permission::JoinLeaveGroup] {
            if permissions.grant(permission, group).is_ok() {
                assert!(permissions.allows(permission, group), "what was granted is not allowed");
            }
            if permissions.revoke(permission, group).is_ok() {
                assert!(!permissions.allows(permission, group), "what was revoked is allowed");
            }
        }
    }
    let authorities = ["localhost:8080", "realtime.example.com"];
    for verdict in [
        rest_audience_allows(claims, &authorities, "/api/hubs/chat/:send"),
        client_audience_allows(claims, &authorities, "/client/hubs/chat", "chat"),
    ] {
        if verdict.is_ok() {
            assert!(!claims.audiences.is_empty(), "a token without an audience fits one");
        }
    }
}
