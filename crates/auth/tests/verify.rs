//! Which tokens are good, and what they say.

#![allow(clippy::unwrap_used, reason = "a helper of tests may fail its test")]

mod tokens;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubwire_auth::{CLOCK_SKEW_S, TOKEN_BYTES_MAX, TokenError, bearer_token, verify};
use jsonwebtoken::Algorithm;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokens::{NOW_S, OTHER_KEY, both_keys, keys, signed, signed_with};

/// Made with Python's hmac module by the rule of the official libraries: the key's text is the HMAC key.
const MADE_ELSEWHERE: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJodHRwOi8vbG9jYWxob3N0OjgwODAvY2xpZW50L2h1YnMvY2hhdCIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAzNjAwLCJzdWIiOiJhbGljZSIsInJvbGUiOlsid2VicHVic3ViLnNlbmRUb0dyb3VwIiwid2VicHVic3ViLmpvaW5MZWF2ZUdyb3VwLnJvb20iXSwid2VicHVic3ViLmdyb3VwIjpbInJvb20iXX0.RefB0WVvfHpHcvBnmnK9Jlhtaw0lcIuHhLZV6OUx9qs";

fn refusal(token: &str) -> TokenError {
    verify(&keys(), token, NOW_S).unwrap_err()
}

fn with_header(header: &Value) -> String {
    let token = signed(&json!({ "exp": NOW_S + 60 }));
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[test]
fn a_token_of_an_official_client_is_good() {
    let claims = verify(&keys(), MADE_ELSEWHERE, NOW_S).unwrap();
    assert_eq!(claims.audiences, ["http://localhost:8080/client/hubs/chat"]);
    assert_eq!(claims.user_id.as_deref(), Some("alice"));
    assert_eq!(claims.roles, ["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup.room"]);
    assert_eq!(claims.groups, ["room"]);
    assert_eq!(claims.expires_at_s, NOW_S + 3600);
    assert_eq!(claims.not_before_s, None);
    assert_eq!(claims.all["iat"], ["1700000000"]);
}

#[test]
fn claims_may_be_one_value_or_many_and_have_long_names() {
    let read = |claims: Value| verify(&keys(), &signed(&claims), NOW_S).unwrap();
    let claims = read(json!({
        "aud": ["a", "b"], "exp": NOW_S, "role": "r1", "roles": ["r2"],
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": ["r3", "r4"],
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": "long",
        "webpubsub.group": "g", "text": "t", "number": 1.5, "truth": true,
        "list": ["x", 2, null, ["nested"]], "object": {"a": 1}, "nothing": null,
    }));
    assert_eq!(claims.audiences, ["a", "b"]);
    assert_eq!(claims.roles, ["r1", "r2", "r3", "r4"]);
    assert_eq!(claims.groups, ["g"]);
    assert_eq!(claims.user_id.as_deref(), Some("long"));
    let all = json!({
        "aud": ["a", "b"], "exp": [NOW_S.to_string()], "role": ["r1"], "roles": ["r2"],
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": ["r3", "r4"],
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": ["long"],
        "webpubsub.group": ["g"],
        "text": ["t"], "number": ["1.5"], "truth": ["true"], "list": ["x", "2", "[\"nested\"]"],
        "object": ["{\"a\":1}"], "nothing": [],
    });
    assert_eq!(serde_json::to_value(&claims.all).unwrap(), all);

    let user = |claims: Value| read(claims).user_id;
    assert_eq!(user(json!({"exp": NOW_S})), None);
    assert_eq!(user(json!({"exp": NOW_S, "sub": ""})).as_deref(), Some(""));
    assert_eq!(user(json!({"exp": NOW_S, "nameid": "n"})).as_deref(), Some("n"));
    let both = json!({"exp": NOW_S, "nameid": "n", "sub": ["first", "second"]});
    assert_eq!(user(both).as_deref(), Some("first"));
}

#[test]
fn all_hmac_algorithms_are_good() {
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let token = signed_with(hubwire_auth::DEVELOPMENT_KEY, algorithm, &json!({ "exp": NOW_S }));
        assert!(verify(&keys(), &token, NOW_S).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn no_other_algorithm_is_good() {
    for name in ["none", "None", "hs256", "RS256", "ES256", "PS512", "EdDSA", ""] {
        assert_eq!(refusal(&with_header(&json!({ "alg": name }))), TokenError::Algorithm, "{name}");
    }
    assert_eq!(refusal(&with_header(&json!({ "typ": "JWT" }))), TokenError::Algorithm);
    // A well-made HMAC under a header that names a public key's algorithm.
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    let payload = URL_SAFE_NO_PAD.encode(json!({ "exp": NOW_S }).to_string());
    let message = format!("{header}.{payload}");
    let key = jsonwebtoken::EncodingKey::from_secret(hubwire_auth::DEVELOPMENT_KEY.as_bytes());
    let mac = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    assert_eq!(refusal(&format!("{message}.{mac}")), TokenError::Algorithm);
    // The usual shape of a token without any signature.
    let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
    assert_eq!(refusal(&unsigned), TokenError::Algorithm);
}

#[test]
fn a_header_with_a_critical_extension_is_refused() {
    let token = with_header(&json!({ "alg": "HS256", "crit": ["b64"], "b64": false }));
    assert_eq!(refusal(&token), TokenError::Malformed);
}

#[test]
fn both_keys_of_a_rotation_are_good_and_no_other() {
    let claims = json!({ "exp": NOW_S });
    let secondary = signed_with(OTHER_KEY, Algorithm::HS256, &claims);
    assert_eq!(refusal(&secondary), TokenError::Signature);
    assert!(verify(&both_keys(), &secondary, NOW_S).is_ok());
    assert!(verify(&both_keys(), &signed(&claims), NOW_S).is_ok());
    let third = signed_with(&"z".repeat(44), Algorithm::HS256, &claims);
    assert_eq!(verify(&both_keys(), &third, NOW_S), Err(TokenError::Signature));
}

#[test]
fn a_changed_token_is_refused() {
    let (head, signature) = MADE_ELSEWHERE.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let forged = URL_SAFE_NO_PAD.encode(r#"{"exp":1700003600,"sub":"mallory"}"#);
    assert_eq!(refusal(&format!("{header}.{forged}.{signature}")), TokenError::Signature);
    assert_eq!(refusal(&format!("{head}.")), TokenError::Signature);
    assert_eq!(refusal(&format!("{head}.{}", &signature[..40])), TokenError::Signature);
}

#[test]
fn an_expired_token_is_tolerated_for_five_minutes() {
    let at = |expires_at_s| verify(&keys(), &signed(&json!({ "exp": expires_at_s })), NOW_S).map(drop);
    let expired = |expires_at_s| Err(TokenError::Expired { expires_at_s, now_s: NOW_S });
    assert_eq!(at(NOW_S), Ok(()));
    assert_eq!(at(NOW_S - CLOCK_SKEW_S), Ok(()));
    assert_eq!(at(NOW_S - CLOCK_SKEW_S - 1), expired(NOW_S - CLOCK_SKEW_S - 1));
    assert_eq!(at(0), expired(0));
    assert_eq!(at(u64::MAX), Ok(()));
}

#[test]
fn a_token_that_never_expires_is_refused() {
    assert_eq!(refusal(&signed(&json!({ "aud": "a" }))), TokenError::ExpiryMissing);
    for wrong in [json!("soon"), json!(null), json!([NOW_S]), json!(true)] {
        assert_eq!(refusal(&signed(&json!({ "exp": wrong }))), TokenError::Malformed);
    }
    assert!(verify(&keys(), &signed(&json!({ "exp": 1_700_000_000.75 })), NOW_S).is_ok());
    assert!(matches!(refusal(&signed(&json!({ "exp": -5 }))), TokenError::Expired { expires_at_s: 0, .. }));
}

#[test]
fn a_token_for_later_is_tolerated_five_minutes_early() {
    let at = |nbf: u64| {
        verify(&keys(), &signed(&json!({ "nbf": nbf, "exp": NOW_S + 900 })), NOW_S)
            .map(|claims| claims.not_before_s)
    };
    assert_eq!(at(NOW_S + CLOCK_SKEW_S), Ok(Some(NOW_S + CLOCK_SKEW_S)));
    let late = NOW_S + CLOCK_SKEW_S + 1;
    assert_eq!(at(late), Err(TokenError::NotYetValid { not_before_s: late, now_s: NOW_S }));
    assert_eq!(at(NOW_S + 901), Err(TokenError::NeverValid));
    assert_eq!(refusal(&signed(&json!({ "nbf": "x", "exp": NOW_S }))), TokenError::Malformed);
}

#[test]
fn a_missing_or_senseless_token_is_refused_in_words() {
    assert_eq!(refusal(""), TokenError::Missing);
    let not_an_object = signed(&json!(["exp"]));
    for token in ["x", "a.b", "...", "a.b.c", "a.b.c.d", "ü.ü.ü", "e30.e30", "e30=.e30=.e30=", &not_an_object]
    {
        assert_eq!(refusal(token), TokenError::Malformed, "{token}");
    }
}

#[test]
fn an_oversized_token_is_refused_before_it_is_read() {
    let fill = |length: usize| signed(&json!({ "exp": NOW_S, "fill": "x".repeat(length) }));
    let small = fill(11_000);
    assert!(small.len() <= TOKEN_BYTES_MAX);
    assert!(verify(&keys(), &small, NOW_S).is_ok());
    assert_eq!(refusal(&fill(13_000)), TokenError::TooLarge);
    assert_eq!(refusal(&"x".repeat(TOKEN_BYTES_MAX + 1)), TokenError::TooLarge);
}

#[test]
fn refusals_never_repeat_the_token() {
    let token = signed_with(OTHER_KEY, Algorithm::HS256, &json!({ "exp": NOW_S, "sub": "alice" }));
    let error = refusal(&token);
    let signature = token.rsplit('.').next().unwrap();
    for printed in [error.to_string(), format!("{error:?}")] {
        assert!(!printed.contains(signature) && !printed.contains("alice") && !printed.contains(OTHER_KEY));
    }
}

#[test]
fn the_bearer_token_of_a_header_is_found() {
    assert_eq!(bearer_token(Some("Bearer abc")), Ok("abc"));
    assert_eq!(bearer_token(Some("  bEARER   abc ")), Ok("abc"));
    for missing in
        [None, Some(""), Some("Bearer"), Some("Bearer "), Some("Basic abc"), Some("Bearerabc"), Some("abc")]
    {
        assert_eq!(bearer_token(missing), Err(TokenError::Missing), "{missing:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_verification_panic(text in any::<String>(), now_s in any::<u64>()) {
        prop_assert!(verify(&both_keys(), &text, now_s).is_err());
    }

    #[test]
    fn no_parts_make_verification_panic(parts in prop::collection::vec("\\PC{0,40}", 1..5)) {
        let encoded: Vec<_> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
        prop_assert!(verify(&keys(), &encoded.join("."), NOW_S).is_err());
        prop_assert!(verify(&keys(), &parts.join("."), NOW_S).is_err());
    }

    #[test]
    fn no_signed_times_make_verification_panic(exp in any::<f64>(), nbf in any::<i64>(), now_s in any::<u64>()) {
        let _outcome = verify(&keys(), &signed(&json!({ "exp": exp, "nbf": nbf })), now_s);
    }

    #[test]
    fn no_change_of_one_byte_leaves_a_token_good(at in 0..MADE_ELSEWHERE.len(), byte in b'!'..b'~') {
        let mut bytes = MADE_ELSEWHERE.as_bytes().to_vec();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert!(verify(&keys(), &String::from_utf8(bytes).unwrap(), NOW_S).is_err());
    }
}
