//! Tokens made here are what the official clients make, and open what they should.

#![allow(clippy::unwrap_used, reason = "a helper of tests may fail its test")]

mod tokens;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubwire_auth::{
    ClientToken, client_audience_allows, issue_client_token, issue_rest_token, rest_audience_allows, verify,
};
use serde_json::{Value, json};
use tokens::{NOW_S, keys};

fn payload(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn client_token<'a>(user_id: Option<&'a str>, roles: &'a [String], groups: &'a [String]) -> ClientToken<'a> {
    let audience = "http://localhost:8080/client/hubs/chat";
    ClientToken { audience, user_id, roles, groups, issued_at_s: NOW_S, expires_at_s: NOW_S + 3600 }
}

#[test]
fn a_client_token_carries_its_claims_and_connects() {
    let (roles, groups) = (["webpubsub.sendToGroup".to_owned()], ["g1".to_owned(), "g2".to_owned()]);
    let token = client_token(Some("alice"), &roles, &groups);
    let token = issue_client_token(&keys().primary, &token).unwrap();
    let expected = json!({
        "aud": "http://localhost:8080/client/hubs/chat", "sub": "alice", "role": ["webpubsub.sendToGroup"],
        "webpubsub.group": ["g1", "g2"], "nbf": NOW_S, "iat": NOW_S, "exp": NOW_S + 3600,
    });
    assert_eq!(payload(&token), expected);
    let claims = verify(&keys(), &token, NOW_S).unwrap();
    assert_eq!(claims.groups, groups);
    assert!(client_audience_allows(&claims, &["localhost:8080"], "/client/hubs/chat", "chat").is_ok());
}

#[test]
fn a_client_token_leaves_out_what_is_empty() {
    for user_id in [None, Some("")] {
        let token = issue_client_token(&keys().primary, &client_token(user_id, &[], &[])).unwrap();
        let expected = json!({
            "aud": "http://localhost:8080/client/hubs/chat", "nbf": NOW_S, "iat": NOW_S, "exp": NOW_S + 3600,
        });
        assert_eq!(payload(&token), expected);
    }
}

#[test]
fn a_rest_token_opens_its_call() {
    let url = "http://localhost:8080/api/hubs/chat/:send?api-version=2024-12-01";
    let token = issue_rest_token(&keys().primary, url, NOW_S, NOW_S + 60).unwrap();
    assert_eq!(payload(&token), json!({ "aud": url, "iat": NOW_S, "exp": NOW_S + 60 }));
    let claims = verify(&keys(), &token, NOW_S).unwrap();
    assert!(rest_audience_allows(&claims, &["localhost:8080"], "/api/hubs/chat/:send").is_ok());
}
