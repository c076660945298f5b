use hubwire_auth::{AccessKeys, Claims, client_audience_allows, verify};

use crate::service::{Answer, HOST, NOW_S, Service, key};

fn generate(query: &str) -> Answer {
    Service::new().call(&format!("POST /api/hubs/Chat/:generateToken{query}")).send()
}

fn claims(answer: &Answer) -> Claims {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 1);
    let keys = AccessKeys { primary: key(), secondary: None };
    verify(&keys, body["token"].as_str().unwrap(), NOW_S).unwrap()
}

#[test]
fn a_client_can_connect_with_a_generated_token() {
    let claims = claims(&generate(""));
    assert_eq!(claims.audiences, [format!("http://{HOST}/client/hubs/chat")]);
    assert_eq!((claims.expires_at_s, claims.not_before_s), (NOW_S + 3600, Some(NOW_S)));
    assert_eq!((claims.user_id.as_deref(), claims.roles.len(), claims.groups.len()), (None, 0, 0));
    client_audience_allows(&claims, &[HOST], "/client/hubs/chat", "chat").unwrap();
}

#[test]
fn a_generated_token_carries_user_roles_and_groups() {
    let query =
        "?userId=alice%20a&role=webpubsub.sendToGroup&role=other&group=g1&group=%20g2&minutesToExpire=5";
    let claims = claims(&generate(query));
    assert_eq!(claims.user_id.as_deref(), Some("alice a"));
    assert_eq!(claims.roles, ["webpubsub.sendToGroup", "other"]);
    assert_eq!(claims.groups, ["g1", " g2"]);
    assert_eq!(claims.expires_at_s, NOW_S + 300);
    assert_eq!(self::claims(&generate("?userId=")).user_id, None);
}

#[test]
fn each_client_type_has_its_audience() {
    for (client_type, path) in [
        ("Default", "client"),
        ("default", "client"),
        ("MQTT", "clients/mqtt"),
        ("mqtt", "clients/mqtt"),
        ("SocketIO", "clients/socketio"),
        ("socketio", "clients/socketio"),
    ] {
        let claims = claims(&generate(&format!("?clientType={client_type}")));
        assert_eq!(claims.audiences, [format!("http://{HOST}/{path}/hubs/chat")]);
    }
}

#[test]
fn parameters_of_a_token_are_checked() {
    for text in ["0", "-1", "x", "", "2147483648"] {
        let answer = generate(&format!("?minutesToExpire={text}"));
        answer.assert_error(400, "Error.BadRequest", "Invalid minutesToExpire.", "minutesToExpire");
    }
    assert_eq!(claims(&generate("?minutesToExpire=2147483647")).expires_at_s, NOW_S + 60 * 2_147_483_647);
    for text in ["", "Other", "0"] {
        let answer = generate(&format!("?clientType={text}"));
        answer.assert_error(400, "Error.BadRequest", "Invalid clientType.", "clientType");
    }
    for query in ["?group=g&group=%20", "?group="] {
        generate(query).assert_error(400, "Error.BadRequest", "Invalid group name.", "group");
    }
}

#[test]
fn a_token_that_no_client_could_use_is_not_made() {
    let service = Service::new();
    let line = format!("POST /api/hubs/chat/:generateToken?userId={}", "u".repeat(20_000));
    // The query would make the caller's own token too large as well, so it is signed without.
    let call = service.call(&line).audience(&format!("http://{HOST}/api/hubs/chat/:generateToken"));
    let answer = call.send();
    assert_eq!(answer.status, 400);
    assert!(answer.message().ends_with("more than the 16384 that are accepted from a client."));
}

#[test]
fn a_token_needs_the_host_that_the_caller_used() {
    let service = Service::new();
    service.change(|options| options.public_endpoints = vec!["public.example".into()]);
    let call = service.call("POST /api/hubs/chat/:generateToken").host(None);
    let answer = call.audience("https://public.example/api/hubs/chat/:generateToken").send();
    answer.assert_bad_request("The request has no Host header.");
}
