//! The cache gives the answers of a fresh check, and stays within its bounds.

mod tokens;

use std::sync::Arc;

use hubwire_auth::{
    AccessKey, AccessKeys, CACHED_TOKEN_BYTES_MAX, CACHED_TOKENS_MAX, CLOCK_SKEW_S, TokenCache, TokenError,
};
use jsonwebtoken::Algorithm;
use serde_json::json;
use tokens::{NOW_S, OTHER_KEY, both_keys, keys, signed, signed_with};

#[test]
fn a_token_seen_before_gives_the_same_claims() {
    let mut cache = TokenCache::new();
    let token = signed(&json!({ "exp": NOW_S, "sub": "alice" }));
    let first = cache.verify(&keys(), 1, &token, NOW_S).unwrap();
    let second = cache.verify(&keys(), 1, &token, NOW_S).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(second.user_id.as_deref(), Some("alice"));
    assert_eq!(cache.len(), 1);
}

#[test]
fn a_remembered_token_still_expires_and_still_begins() {
    let mut cache = TokenCache::new();
    let token = signed(&json!({ "nbf": NOW_S, "exp": NOW_S + 60 }));
    let mut at = |now_s| cache.verify(&keys(), 1, &token, now_s).map(drop);
    assert_eq!(at(NOW_S), Ok(()));
    assert_eq!(at(NOW_S + 60 + CLOCK_SKEW_S), Ok(()));
    let late_s = NOW_S + 61 + CLOCK_SKEW_S;
    assert_eq!(at(late_s), Err(TokenError::Expired { expires_at_s: NOW_S + 60, now_s: late_s }));
    let early_s = NOW_S - CLOCK_SKEW_S - 1;
    assert_eq!(at(early_s), Err(TokenError::NotYetValid { not_before_s: NOW_S, now_s: early_s }));
}

#[test]
fn expired_tokens_make_room_for_the_next() {
    let mut cache = TokenCache::new();
    for user in 0..10 {
        let token = signed(&json!({ "exp": NOW_S, "sub": user }));
        cache.verify(&keys(), 1, &token, NOW_S).unwrap();
    }
    assert_eq!(cache.len(), 10);
    let later_s = NOW_S + CLOCK_SKEW_S + 1;
    cache.verify(&keys(), 1, &signed(&json!({ "exp": later_s })), later_s).unwrap();
    assert_eq!(cache.len(), 1);
}

#[test]
fn a_withdrawn_key_opens_nothing_any_more() {
    let mut cache = TokenCache::new();
    let token = signed_with(OTHER_KEY, Algorithm::HS256, &json!({ "exp": NOW_S }));
    assert!(cache.verify(&both_keys(), 1, &token, NOW_S).is_ok());
    assert_eq!(cache.verify(&keys(), 2, &token, NOW_S), Err(TokenError::Signature));
    let swapped = AccessKeys { primary: AccessKey::new(OTHER_KEY).unwrap(), secondary: None };
    assert!(cache.verify(&swapped, 3, &token, NOW_S).is_ok());
}

#[test]
fn refused_tokens_are_not_remembered() {
    let mut cache = TokenCache::new();
    assert_eq!(cache.verify(&keys(), 1, "a.b.c", NOW_S), Err(TokenError::Malformed));
    let forged = signed_with(OTHER_KEY, Algorithm::HS256, &json!({ "exp": NOW_S }));
    assert_eq!(cache.verify(&keys(), 1, &forged, NOW_S), Err(TokenError::Signature));
    assert!(cache.is_empty());
}

#[test]
fn a_full_cache_forgets_the_oldest() {
    let mut cache = TokenCache::new();
    let token = |user: usize| signed(&json!({ "exp": NOW_S, "sub": user }));
    let first = cache.verify(&keys(), 1, &token(0), NOW_S).unwrap();
    for user in 1..CACHED_TOKENS_MAX {
        cache.verify(&keys(), 1, &token(user), NOW_S).unwrap();
    }
    let second = cache.verify(&keys(), 1, &token(1), NOW_S).unwrap();
    assert!(Arc::ptr_eq(&first, &cache.verify(&keys(), 1, &token(0), NOW_S).unwrap()));
    cache.verify(&keys(), 1, &token(CACHED_TOKENS_MAX), NOW_S).unwrap();
    assert_eq!(cache.len(), CACHED_TOKENS_MAX);
    assert!(Arc::ptr_eq(&second, &cache.verify(&keys(), 1, &token(1), NOW_S).unwrap()));
    assert!(!Arc::ptr_eq(&first, &cache.verify(&keys(), 1, &token(0), NOW_S).unwrap()));
}

#[test]
fn long_tokens_fill_the_cache_sooner() {
    let mut cache = TokenCache::new();
    let token = |user: usize| signed(&json!({ "exp": NOW_S, "sub": user, "fill": "x".repeat(11_000) }));
    let room = CACHED_TOKEN_BYTES_MAX / token(10_000).len();
    for user in 10_000..10_000 + 2 * room {
        cache.verify(&keys(), 1, &token(user), NOW_S).unwrap();
    }
    assert_eq!(cache.len(), room);
}

#[test]
fn printing_the_cache_shows_no_token() {
    let mut cache = TokenCache::new();
    cache.verify(&keys(), 1, &signed(&json!({ "exp": NOW_S })), NOW_S).unwrap();
    assert_eq!(format!("{cache:?}"), "TokenCache(1 tokens, redacted)");
}
