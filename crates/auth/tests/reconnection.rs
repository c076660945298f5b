//! Who may claim a connection again.

#![allow(clippy::unwrap_used, reason = "a helper of tests may fail its test")]

mod tokens;

use hubwire_auth::{RECONNECTION_LIFETIME_S, ReconnectionKey, TokenError, verify};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokens::{NOW_S, keys, signed};

const CONNECTION: &str = "0123456789abcdef0123456789abcdef";
const ISSUER: &str = "https://webpubsub.azure.com";

fn key() -> ReconnectionKey {
    ReconnectionKey::new([7; 32])
}

fn issued() -> String {
    key().issue(CONNECTION, "00112233445566778899aabbccddeeff", NOW_S).unwrap()
}

fn made(algorithm: Algorithm, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(&[7; 32])).unwrap()
}

#[test]
fn a_client_may_come_back_for_seven_days_and_more_than_once() {
    let token = issued();
    let last_s = NOW_S + RECONNECTION_LIFETIME_S;
    for now_s in [NOW_S - 5, NOW_S, NOW_S, last_s] {
        assert_eq!(key().verify(&token, CONNECTION, now_s), Ok(()));
    }
    let expired = TokenError::Expired { expires_at_s: last_s, now_s: last_s + 1 };
    assert_eq!(key().verify(&token, CONNECTION, last_s + 1), Err(expired));
}

#[test]
fn a_token_opens_its_own_connection_only() {
    let other = "f".repeat(32);
    let refused = key().verify(&issued(), &other, NOW_S);
    assert_eq!(refused, Err(TokenError::Audience { expected: other, actual: CONNECTION.to_owned() }));
    let wide = json!({ "iss": ISSUER, "aud": [CONNECTION, "x"], "exp": NOW_S });
    assert!(matches!(
        key().verify(&made(Algorithm::HS256, &wide), CONNECTION, NOW_S),
        Err(TokenError::Audience { .. })
    ));
}

#[test]
fn tokens_of_other_keys_and_kinds_are_refused() {
    let claims = json!({ "iss": ISSUER, "aud": CONNECTION, "exp": NOW_S });
    let refused = |token: &str| key().verify(token, CONNECTION, NOW_S).unwrap_err();
    assert_eq!(key().verify(&made(Algorithm::HS256, &claims), CONNECTION, NOW_S), Ok(()));
    // A client token of the same content, since it is signed with an access key.
    assert_eq!(refused(&signed(&claims)), TokenError::Signature);
    assert_eq!(
        ReconnectionKey::new([8; 32]).verify(&issued(), CONNECTION, NOW_S),
        Err(TokenError::Signature)
    );
    assert_eq!(verify(&keys(), &issued(), NOW_S), Err(TokenError::Signature));
    assert_eq!(refused(""), TokenError::Missing);
    assert_eq!(refused("not a token"), TokenError::Malformed);
    let issuers = json!({ "iss": "https://other", "aud": CONNECTION, "exp": NOW_S });
    assert_eq!(refused(&made(Algorithm::HS256, &issuers)), TokenError::Issuer);
    let endless = json!({ "iss": ISSUER, "aud": CONNECTION });
    assert_eq!(refused(&made(Algorithm::HS256, &endless)), TokenError::ExpiryMissing);
}

#[test]
fn two_tokens_of_one_second_differ_by_their_id() {
    let again = key().issue(CONNECTION, "other", NOW_S).unwrap();
    assert_ne!(issued(), again);
    assert!(again.len() < 300);
}

#[test]
fn printing_the_key_does_not_show_it() {
    assert_eq!(format!("{:?}", key()), "ReconnectionKey(redacted)");
}
