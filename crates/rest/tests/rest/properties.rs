use http::Request;
use http_body_util::Full;
use proptest::prelude::*;

use crate::service::{HOST, Service, handle, token};

const STATUSES: [u16; 12] = [200, 202, 204, 400, 401, 404, 405, 408, 409, 415, 500, 503];

/// Paths that look like real ones, with surprises.
fn path() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("api".to_owned()),
        Just("hubs".to_owned()),
        Just("groups".to_owned()),
        Just("users".to_owned()),
        Just("connections".to_owned()),
        Just("permissions".to_owned()),
        Just(":send".to_owned()),
        Just(":addToGroups".to_owned()),
        Just(":generateToken".to_owned()),
        Just("%2F%".to_owned()),
        "[a-zA-Z0-9:%._~!$&'()*+,;=@é-]{0,12}",
    ];
    let tail = prop::collection::vec(word, 0..9);
    tail.prop_map(|words| format!("/api/hubs/{}", words.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("filter"),
        Just("excluded"),
        Just("messageTtlSeconds"),
        Just("api-version"),
        Just("top"),
        Just("continuationToken"),
        Just("targetName"),
        Just("group"),
    ];
    let pair = (name, "[a-zA-Z0-9%+'()&= -]{0,12}").prop_map(|(name, value)| format!("{name}={value}"));
    prop::collection::vec(pair, 0..4).prop_map(|pairs| pairs.join("&").replace(' ', "+"))
}

proptest! {
    #[test]
    fn every_request_gets_an_answer(
        method in "GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH",
        path in path(),
        query in query(),
        content_type in "|text/plain|application/json|[ -~]{0,30}",
        body in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let service = Service::new();
        // The decoded path is a good audience for whatever decodes to UTF-8.
        let audience = format!("http://{HOST}{}", percent_encoding::percent_decode_str(&path).decode_utf8_lossy());
        let request = Request::builder()
            .method(&*method)
            .uri(format!("{path}?{query}"))
            .header("host", HOST)
            .header("content-type", content_type)
            .header("authorization", format!("Bearer {}", token(&audience)))
            .body(Full::new(body.into()));
        if let Ok(request) = request {
            let answer = handle(&service.rest, request);
            prop_assert!(STATUSES.contains(&answer.status), "{answer:?}");
            let has_words = method == "HEAD" || answer.status < 400 || !answer.message().is_empty();
            prop_assert!(has_words);
        }
    }

    #[test]
    fn any_json_is_judged_as_the_parser_judges_it(text in "[\\[\\]{}\",:0-9a-z\\\\ ]{0,24}") {
        let service = Service::new();
        let answer = service.call("POST /api/hubs/chat/:send").body("application/json", &text).send();
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(answer.status, if valid { 202 } else { 400 });
    }

    #[test]
    fn a_user_whose_name_is_escaped_is_reached(name in "[^/%]{1,20}") {
        prop_assume!(!name.trim().is_empty());
        let service = Service::new();
        let escaped = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
        let call = service.call(&format!("POST /api/hubs/chat/users/{escaped}/:send"));
        let answer = call.audience(&format!("http://{HOST}/api/hubs/chat/users/{name}/:send")).send();
        prop_assert_eq!(answer.status, 202, "{:?}", answer);
        let target = format!("{:?}", service.router.take_envelopes()[0].target);
        prop_assert_eq!(target, format!("User({name:?})"));
    }
}
