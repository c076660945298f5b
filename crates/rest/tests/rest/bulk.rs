use hubwire_hub::Reply;

use crate::service::{Answer, Service};

const JSON: &str = "application/json";

fn change(action: &str, content_type: &str, body: &str) -> (Answer, Vec<String>) {
    let service = Service::new();
    let call = service.call(&format!("POST /api/hubs/chat/:{action}"));
    (call.body(content_type, body).send(), service.router.take_commands())
}

#[test]
fn selected_connections_join_and_leave_groups() {
    for (action, command) in [("addToGroups", "JoinMatching"), ("removeFromGroups", "LeaveMatching")] {
        for body in [
            r#"{"groups":["a","b"]}"#,
            r#"{"GROUPS":["a","b"],"filter":null,"more":[1]}"#,
            r#"{"groups":["a","b"],"Filter":""}"#,
        ] {
            let (answer, commands) = change(action, JSON, body);
            assert_eq!((answer.status, answer.body.len()), (200, 0), "{body}");
            assert_eq!(commands, [format!(r#"chat: {command}(["a", "b"], None)"#)]);
        }
        let (_, commands) = change(action, JSON, r#"{"groups":["a"],"filter":"userId eq 'u'"}"#);
        let start = format!(r#"chat: {command}(["a"], Some("#);
        assert!(commands[0].starts_with(&start) && commands[0].contains("userId eq 'u'"), "{commands:?}");
    }
}

#[test]
fn nobody_selected_is_a_success() {
    for action in ["addToGroups", "removeFromGroups"] {
        let service = Service::new();
        service.router.reply(Ok(Reply::Missing));
        let call = service.call(&format!("POST /api/hubs/chat/:{action}"));
        assert_eq!(call.body(JSON, r#"{"groups":["a"]}"#).send().status, 200);
    }
}

#[test]
fn a_connection_with_too_many_groups_is_a_conflict() {
    let service = Service::new();
    service.router.reply(Ok(Reply::LimitReached));
    let answer = service.call("POST /api/hubs/chat/:addToGroups").body(JSON, r#"{"groups":["a"]}"#).send();
    let message = "A connection has reached the limit of the groups it may be in. Memberships below the limit were made.";
    answer.assert_error(409, "Error.Connection.Conflict", message, "Connection");
}

#[test]
fn many_groups_and_repeated_ones_are_fine() {
    let names: Vec<_> = (0..1025).map(|index| format!("\"g{}\"", index % 1000)).collect();
    let (answer, _) = change("addToGroups", JSON, &format!("{{\"groups\":[{}]}}", names.join(",")));
    assert_eq!(answer.status, 200);
}

#[test]
fn a_bulk_change_is_checked_before_anything_changes() {
    let names = "A nonempty list of valid group names is required.";
    let request = "The request body is not a valid groups request.";
    let json = "The request body is not a valid JSON.";
    let long = format!(r#"{{"groups":["{}"]}}"#, "x".repeat(1025));
    for (body, message) in [
        ("", json),
        ("{", json),
        ("[]", request),
        ("1", request),
        (r#"{"groups":"a"}"#, request),
        (r#"{"groups":[1]}"#, request),
        (r#"{"groups":["a"],"filter":1}"#, request),
        (r#"{"groups":["a"],"GROUPS":["b"]}"#, request),
        (r#"{}"#, names),
        (r#"{"groups":null}"#, names),
        (r#"{"groups":[]}"#, names),
        (r#"{"groups":[null]}"#, names),
        (r#"{"groups":["a"," "]}"#, names),
        (r#"{"groups":[""]}"#, names),
        (&long, names),
    ] {
        let (answer, commands) = change("addToGroups", JSON, body);
        answer.assert_bad_request(message);
        assert!(commands.is_empty(), "{body}");
    }
    for filter in [" ", "nonsense", "userId lt 1"] {
        let (answer, commands) =
            change("addToGroups", JSON, &format!(r#"{{"groups":["a"],"filter":"{filter}"}}"#));
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")));
        assert!(commands.is_empty(), "{filter}");
    }
}

#[test]
fn a_bulk_change_must_say_that_it_is_json() {
    for content_type in ["", "text/plain", "application/octet-stream", "application/json; charset=utf-7"] {
        let (answer, _) = change("addToGroups", content_type, r#"{"groups":["a"]}"#);
        assert_eq!(
            (answer.status, answer.header("x-ms-error-code")),
            (415, Some("Error.UnsupportedMediaType"))
        );
    }
    assert_eq!(Service::new().call("POST /api/hubs/chat/:addToGroups").send().status, 415);
}

#[test]
fn a_bulk_change_over_the_limit_is_refused() {
    let body = format!(r#"{{"groups":["a"],"more":"{}"}}"#, "x".repeat(1 << 20));
    change("addToGroups", JSON, &body).0.assert_bad_request("Invalid Content-Length header.");
}
