//! Keys and tokens that the tests share.
#![allow(clippy::unwrap_used, reason = "a helper of tests may fail its test")]
#![allow(dead_code, reason = "every test file uses another part of it")]

use hubwire_auth::{AccessKey, AccessKeys, Claims, DEVELOPMENT_KEY, verify};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

pub(crate) const NOW_S: u64 = 1_700_000_000;
pub(crate) const OTHER_KEY: &str = "the-other-key-the-other-key-the-other-key";

pub(crate) fn keys() -> AccessKeys {
    AccessKeys { primary: AccessKey::new(DEVELOPMENT_KEY).unwrap(), secondary: None }
}

pub(crate) fn both_keys() -> AccessKeys {
    AccessKeys { secondary: Some(AccessKey::new(OTHER_KEY).unwrap()), ..keys() }
}

pub(crate) fn signed_with(key: &str, algorithm: Algorithm, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key.as_bytes())).unwrap()
}

pub(crate) fn signed(claims: &Value) -> String {
    signed_with(DEVELOPMENT_KEY, Algorithm::HS256, claims)
}

/// The claims of a token for the given audiences (a string or an array).
pub(crate) fn claims_for(audience: Value) -> Claims {
    verify(&keys(), &signed(&json!({ "aud": audience, "exp": NOW_S + 60 })), NOW_S).unwrap()
}
