use hubwire_hub::Target;
use hubwire_rest::Rest;

use crate::service::{HOST, ID, Service};

/// Sends to a user and tells which one was reached.
fn user(segment: &str) -> String {
    let service = Service::new();
    let answer = service.call(&format!("POST /api/hubs/chat/users/{segment}/:send")).send();
    assert_eq!(answer.status, 202, "{segment}: {answer:?}");
    match &service.router.take_envelopes()[0].target {
        Target::User(user) => user.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_are_decoded_once_and_slashes_stay_escaped() {
    for (segment, name) in [
        ("alice", "alice"),
        ("a%20b", "a b"),
        ("%20room%20", " room "),
        ("a+b", "a+b"),
        ("a%2Bb", "a+b"),
        ("caf%C3%A9", "café"),
        ("100%", "100%"),
        ("a%zz%4", "a%zz%4"),
        ("%3Asend", ":send"),
        ("..", ".."),
        ("a%3Fb%23", "a?b#"),
    ] {
        assert_eq!(user(segment), name);
    }
    // An audience that mixes what the path keeps and what it decodes must be in the form that the service compares.
    for (segment, name) in [
        ("tenant%2Falice", "tenant%2Falice"),
        ("tenant%2falice", "tenant%2falice"),
        ("tenant%252Falice", "tenant%2Falice"),
    ] {
        let service = Service::new();
        let call = service.call(&format!("POST /api/hubs/chat/users/{segment}/:send"));
        let answer = call.audience(&format!("http://{HOST}/api/hubs/chat/users/{name}/:send")).send();
        assert_eq!(answer.status, 202, "{segment}: {answer:?}");
        assert_eq!(format!("{:?}", service.router.take_envelopes()[0].target), format!("User({name:?})"));
    }
}

#[test]
fn fixed_parts_match_in_any_case_and_escaped_and_with_a_trailing_slash() {
    let service = Service::new();
    for path in [
        "/api/hubs/chat/:send",
        "/API/Hubs/CHAT/:SEND",
        "/api/hubs/chat/%3Asend",
        "/api/hubs/chat/%3asend/",
        "/api/hubs/chat/:send/",
        "/%61pi/hubs/chat/:send",
    ] {
        assert_eq!(service.call(&format!("POST {path}")).send().status, 202, "{path}");
        assert_eq!(service.router.take_envelopes()[0].hub.as_str(), "chat");
    }
}

#[test]
fn a_hub_may_have_brackets_commas_and_backticks_but_no_hyphen() {
    let service = Service::new();
    assert_eq!(service.call("POST /api/hubs/chat%5B1%5D,.%60_/:send").send().status, 202);
    assert_eq!(service.router.take_envelopes()[0].hub.as_str(), "chat[1],.`_");
    let long = "h".repeat(129);
    for hub in ["my-hub", "1chat", "_chat", "%20", "chat%2Froom", "h%C3%A9", &long] {
        let name = hub.replace("%20", " ").replace("%C3%A9", "é");
        for line in [
            format!("POST /api/hubs/{hub}/:send"),
            format!("POST /api/hubs/{hub}/:generateToken"),
            format!("GET /api/hubs/{hub}/groups/g/connections"),
            format!("PUT /api/hubs/{hub}/users/u/groups/g"),
        ] {
            let target = line.split_once(' ').unwrap().1.replace(hub, &name);
            let answer = service.call(&line).audience(&format!("http://{HOST}{target}")).send();
            answer.assert_bad_request("Invalid hub name.");
        }
    }
    assert!(service.router.is_untouched());
}

#[test]
fn blank_and_overlong_names_are_refused() {
    let service = Service::new();
    let long = "g".repeat(1025);
    for (line, message) in [
        ("POST /api/hubs/chat/users/%20/:send", "Invalid user ID."),
        ("DELETE /api/hubs/chat/users/%20%09/groups", "Invalid user ID."),
        ("POST /api/hubs/chat/connections/%20/:send", "Invalid connection ID."),
        ("DELETE /api/hubs/chat/connections/%20", "Invalid connection ID."),
        ("PUT /api/hubs/chat/groups/g/connections/%20", "Invalid connection ID."),
        ("POST /api/hubs/chat/groups/%20/:send", "Invalid group name."),
        ("PUT /api/hubs/chat/users/u/groups/%20", "Invalid group name."),
        (&format!("POST /api/hubs/chat/groups/{long}/:closeConnections"), "Invalid group name."),
    ] {
        service.call(line).send().assert_bad_request(message);
    }
    assert!(service.router.is_untouched());
}

#[test]
fn unknown_paths_are_not_found_even_without_a_token() {
    let service = Service::new();
    for path in [
        "/api",
        "/api/",
        "/api/hubs",
        "/api/hubs/chat",
        "/api/hubs/chat/:nothing",
        "/api/hubs//:send",
        "/api/hubs/chat/users//:send",
        "/api/hubs/chat/:send//",
        "/api/hubs/chat/:send/more",
        "/api/hubs/chat/users/u/:send/more/and/more/and/more",
        "/api/hubs%2Fchat/:send",
        "/health",
        "/elsewhere/hubs/chat/:send",
        &format!("/api/hubs/chat/connections/{ID}/permissions/sendToGroup"),
    ] {
        let answer = service.call(&format!("POST {path}")).authorization(None).send();
        answer.assert_error(404, "Error.NotFound", "There is no resource at this path.", "Request");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let service = Service::new();
    for (path, allow) in [
        ("/api/health", "HEAD"),
        ("/api/hubs/chat/:send", "POST"),
        ("/api/hubs/chat/:generateToken", "POST"),
        ("/api/hubs/chat/:addToGroups", "POST"),
        ("/api/hubs/chat/:removeFromGroups", "POST"),
        ("/api/hubs/chat/:closeConnections", "POST"),
        ("/api/hubs/chat/connections/c", "HEAD, DELETE"),
        ("/api/hubs/chat/connections/c/:send", "POST"),
        ("/api/hubs/chat/connections/c/groups", "DELETE"),
        ("/api/hubs/chat/groups/g", "HEAD"),
        ("/api/hubs/chat/groups/g/:send", "POST"),
        ("/api/hubs/chat/groups/g/:closeConnections", "POST"),
        ("/api/hubs/chat/groups/g/connections", "GET"),
        ("/api/hubs/chat/groups/g/connections/c", "PUT, DELETE"),
        ("/api/hubs/chat/users/u", "HEAD"),
        ("/api/hubs/chat/users/u/:send", "POST"),
        ("/api/hubs/chat/users/u/:closeConnections", "POST"),
        ("/api/hubs/chat/users/u/groups", "DELETE"),
        ("/api/hubs/chat/users/u/groups/g", "PUT, DELETE"),
        ("/api/hubs/chat/permissions/1/connections/c", "HEAD, PUT, DELETE"),
    ] {
        let allowed: Vec<_> = allow.split(", ").collect();
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "BREW"] {
            let answer = service.call(&format!("{method} {path}")).send();
            assert_eq!(answer.status == 405, !allowed.contains(&method), "{method} {path}");
            if answer.status == 405 {
                assert_eq!(answer.header("allow"), Some(allow));
                assert_eq!(answer.header("x-ms-error-code"), Some("Error.MethodNotAllowed"));
            }
        }
    }
}

#[test]
fn what_does_not_decode_to_text_is_refused() {
    let service = Service::new();
    let answer = service.call("POST /api/hubs/chat/users/%FF/:send").send();
    answer.assert_bad_request("The request path is not valid UTF-8.");
    let answer = service.call("POST /api/hubs/chat/:closeConnections?reason=%FF").send();
    answer.assert_bad_request("The query is not valid UTF-8.");
    assert!(service.router.is_untouched());
}

#[test]
fn the_data_plane_is_below_api() {
    for path in ["/api", "/api/", "/api/health", "/API/hubs/chat/:send", "/api/nothing"] {
        assert!(Rest::handles(path), "{path}");
    }
    for path in ["", "/", "/apis", "/client/hubs/chat", "/health", "*", "/é/api", "/ap\u{131}/"] {
        assert!(!Rest::handles(path), "{path}");
    }
}
