use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubwire_auth::{AccessKey, issue_rest_token};

use crate::service::{HOST, NOW_S, Service, key, token};

const LINE: &str = "POST /api/hubs/chat/:send";

#[track_caller]
fn assert_unauthorized(authorization: Option<&str>, message: &str) {
    let service = Service::new();
    let answer = service.call(LINE).authorization(authorization).send();
    answer.assert_error(401, "Error.Unauthorized", message, "Request");
    assert!(service.router.is_untouched());
}

#[test]
fn a_request_needs_a_bearer_token() {
    let missing = "The request is not authorized: the request has no bearer token.";
    assert_unauthorized(None, missing);
    assert_unauthorized(Some("Basic dTpw"), missing);
    let malformed = "The request is not authorized: the token is not a well-formed JSON Web Token.";
    assert_unauthorized(Some("Bearer nonsense"), malformed);
    let signed = token(&format!("http://{HOST}/api/hubs/chat/:send"));
    let service = Service::new();
    let lower = format!("bearer {signed}");
    assert_eq!(service.call(LINE).authorization(Some(&lower)).send().status, 202);
}

#[test]
fn a_token_of_another_key_or_time_is_refused() {
    let audience = format!("http://{HOST}/api/hubs/chat/:send");
    let other = AccessKey::new("another key of more than thirty-two bytes").unwrap();
    let forged = issue_rest_token(&other, &audience, NOW_S, NOW_S + 60).unwrap();
    let message = "The request is not authorized: the signature of the token does not match any access key of this service.";
    assert_unauthorized(Some(&format!("Bearer {forged}")), message);
    let expired = issue_rest_token(&key(), &audience, NOW_S - 900, NOW_S - 301).unwrap();
    let service = Service::new();
    let answer = service.call(LINE).authorization(Some(&format!("Bearer {expired}"))).send();
    assert_eq!(answer.status, 401);
    assert!(answer.message().contains("the token expired at"), "{}", answer.message());
}

#[test]
fn keys_change_with_the_next_request() {
    let service = Service::new();
    assert_eq!(service.call(LINE).send().status, 202);
    service.change(|options| {
        options.keys.primary = AccessKey::new("another key of more than thirty-two bytes").unwrap();
        options.keys_generation += 1;
    });
    assert_eq!(service.call(LINE).send().status, 401);
    service.change(|options| {
        options.keys.secondary = Some(key());
        options.keys_generation += 1;
    });
    assert_eq!(service.call(LINE).send().status, 202);
}

#[test]
fn the_audience_is_the_requests_own_url() {
    let service = Service::new();
    let call = |audience: &str| service.call(LINE).audience(audience).send().status;
    for audience in [
        format!("http://{HOST}/api/hubs/chat/:send"),
        format!("https://{HOST}/api/hubs/chat/:send"),
        format!("wss://{HOST}/api/hubs/chat/:send?api-version=2024-12-01"),
        format!("HTTP://{}/API/HUBS/CHAT/:SEND", HOST.to_uppercase()),
        format!("http://{HOST}/api/hubs/chat/%3Asend"),
        format!("http://{HOST}/api/hubs/chat/:send/"),
        format!("http://{HOST}/api/hubs/chat/:send/below"),
    ] {
        assert_eq!(call(&audience), 202, "{audience}");
    }
    for audience in [
        format!("ftp://{HOST}/api/hubs/chat/:send"),
        format!("http://{HOST}/api/hubs/chat"),
        format!("http://{HOST}/api/hubs/chat/:sendSuffix"),
        format!("http://{HOST}/api/hubs/other/:send"),
        "http://realtime.example/api/hubs/chat/:send".into(),
        "http://elsewhere/api/hubs/chat/:send".into(),
        format!("{HOST}/api/hubs/chat/:send"),
    ] {
        assert_eq!(call(&audience), 401, "{audience}");
    }
}

#[test]
fn a_wrong_audience_is_named_without_its_query() {
    let service = Service::new();
    let answer = service.call(LINE).audience("http://elsewhere/path?secret=1").send();
    let message = format!(
        "The request is not authorized: Failed to validate audience. Expected Audiences: \
         https://{HOST}/api/hubs/chat/:send. Actual Audiences: http://elsewhere/path."
    );
    answer.assert_error(401, "Error.Unauthorized", &message, "Request");
}

#[test]
fn a_public_endpoint_counts_besides_the_host() {
    let service = Service::new();
    let call = || service.call(LINE).audience("https://public.example/api/hubs/chat/:send").send();
    assert_eq!(call().status, 401);
    service
        .change(|options| options.public_endpoints = vec!["other.example".into(), "public.example".into()]);
    assert_eq!(call().status, 202);
    assert_eq!(service.call(LINE).send().status, 202);
}

#[test]
fn without_any_host_only_public_endpoints_count() {
    let service = Service::new();
    assert_eq!(service.call(LINE).host(None).send().status, 401);
    assert_eq!(service.call(LINE).host(None).audience("http:///api/hubs/chat/:send").send().status, 401);
}

#[test]
fn http_2_has_its_host_in_the_target() {
    let service = Service::new();
    let line = format!("POST http://{HOST}/api/hubs/chat/:send");
    let call = service.call(&line).host(Some("ignored.example"));
    assert_eq!(call.audience(&format!("https://{HOST}/api/hubs/chat/:send")).send().status, 202);
}

#[test]
fn entra_tokens_are_told_that_they_are_not_configured() {
    let message = "Microsoft Entra ID tokens are not accepted, because no issuer is configured. Sign with an access key.";
    let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let header = encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    for audience in [r#""https://webpubsub.azure.com""#, r#"["x","https://webpubsub.azure.com"]"#] {
        let payload = encode(&format!(r#"{{"aud":{audience},"exp":9999999999}}"#));
        assert_unauthorized(Some(&format!("Bearer {header}.{payload}.c2ln")), message);
    }
    let signed = token("https://webpubsub.azure.com");
    assert_unauthorized(Some(&format!("Bearer {signed}")), message);
}

#[test]
fn health_needs_no_token() {
    let answer = Service::new().call("HEAD /api/health").authorization(None).host(None).send();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}
