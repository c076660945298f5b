use hubwire_hub::{Busy, Reply};

use crate::service::{ID, OTHER_ID, Service};

/// A request without a body, what the hub answers, and the status and code that the caller sees.
type Row<'a> = (&'a str, Reply, u16, Option<&'a str>, &'a str);

const GROUP: &str = r#"Group("g")"#;

#[track_caller]
fn check((line, reply, status, code, command): Row<'_>) {
    let service = Service::new();
    service.router.reply(Ok(reply));
    let answer = service.call(line).send();
    assert_eq!((answer.status, answer.header("x-ms-error-code")), (status, code), "{line}");
    assert_eq!(service.router.take_commands(), [format!("chat: {command}")], "{line}");
    if code.is_none() || line.starts_with("HEAD") {
        assert!(answer.body.is_empty(), "{line}");
    }
}

#[test]
fn existence_is_told_by_the_status() {
    use Reply::{Done, Missing};
    let connection = format!("HEAD /api/hubs/chat/connections/{ID}");
    let exists = format!("Exists(Connection({ID}))");
    check((&connection, Done, 200, None, &exists));
    check((&connection, Missing, 404, Some("Warning.Connection.NotExisted"), &exists));
    let exists = format!("Exists({GROUP})");
    check(("HEAD /api/hubs/chat/groups/g", Done, 200, None, &exists));
    check(("HEAD /api/hubs/chat/groups/g", Missing, 404, Some("Warning.Group.NotExisted"), &exists));
    let exists = r#"Exists(User("u"))"#;
    check(("HEAD /api/hubs/chat/users/u", Done, 200, None, exists));
    check(("HEAD /api/hubs/chat/users/u", Missing, 404, Some("Warning.User.NotExisted"), exists));
}

#[test]
fn closing_succeeds_whether_or_not_anyone_is_there() {
    let query = format!("excluded={ID}&reason=bye+now&excluded=nobody&excluded={OTHER_ID}");
    let rest = format!(r#"excluded: [{ID}, {OTHER_ID}], reason: "bye now" }}"#);
    for (path, target) in [("", "Hub"), ("groups/g/", GROUP), ("users/u/", r#"User("u")"#)] {
        let line = format!("POST /api/hubs/chat/{path}:closeConnections?{query}");
        let command = format!("Close {{ target: {target}, {rest}");
        check((&line, Reply::Done, 204, None, &command));
        check((&line, Reply::Missing, 204, None, &command));
    }
    let line = format!("DELETE /api/hubs/chat/connections/{ID}?reason=r&excluded={ID}");
    let command = format!(r#"Close {{ target: Connection({ID}), excluded: [], reason: "r" }}"#);
    check((&line, Reply::Done, 204, None, &command));
    check((&line, Reply::Missing, 204, None, &command));
}

#[test]
fn a_close_without_a_reason_has_an_empty_one() {
    let command = r#"Close { target: Hub, excluded: [], reason: "" }"#;
    check(("POST /api/hubs/chat/:closeConnections", Reply::Done, 204, None, command));
}

#[test]
fn a_connection_joins_and_leaves_a_group() {
    let path = format!("/api/hubs/chat/groups/g/connections/{ID}");
    let (put, delete) = (format!("PUT {path}"), format!("DELETE {path}"));
    let join = format!(r#"Join(Connection({ID}), "g")"#);
    let leave = format!(r#"Leave(Connection({ID}), "g")"#);
    check((&put, Reply::Done, 200, None, &join));
    check((&put, Reply::Missing, 404, Some("Error.Connection.NotExisted"), &join));
    check((&put, Reply::LimitReached, 409, Some("Error.Connection.Conflict"), &join));
    check((&delete, Reply::Done, 204, None, &leave));
    check((&delete, Reply::Missing, 204, None, &leave));
    let line = format!("DELETE /api/hubs/chat/connections/{ID}/groups");
    let leave = format!("LeaveAll(Connection({ID}))");
    check((&line, Reply::Done, 204, None, &leave));
    check((&line, Reply::Missing, 204, None, &leave));
}

#[test]
fn a_user_joins_and_leaves_a_group() {
    let (put, delete) = ("PUT /api/hubs/chat/users/u/groups/g", "DELETE /api/hubs/chat/users/u/groups/g");
    check((put, Reply::Done, 200, None, r#"Join(User("u"), "g")"#));
    check((put, Reply::Missing, 404, Some("Error.User.NotExisted"), r#"Join(User("u"), "g")"#));
    check((put, Reply::LimitReached, 409, Some("Error.Connection.Conflict"), r#"Join(User("u"), "g")"#));
    check((delete, Reply::Done, 204, None, r#"Leave(User("u"), "g")"#));
    check((delete, Reply::Missing, 204, None, r#"Leave(User("u"), "g")"#));
    check(("DELETE /api/hubs/chat/users/u/groups", Reply::Done, 204, None, r#"LeaveAll(User("u"))"#));
    check(("DELETE /api/hubs/chat/users/u/groups", Reply::Missing, 204, None, r#"LeaveAll(User("u"))"#));
}

#[test]
fn joining_names_the_connection_or_user_that_is_missing() {
    let service = Service::new();
    service.router.reply(Ok(Reply::Missing));
    let answer = service.call(&format!("PUT /api/hubs/chat/groups/g/connections/{ID}")).send();
    let message = format!("Connection `{ID}` is not found.");
    answer.assert_error(404, "Error.Connection.NotExisted", &message, "Connection");
    service.router.reply(Ok(Reply::Missing));
    let answer = service.call("PUT /api/hubs/chat/users/u/groups/g").send();
    answer.assert_error(404, "Error.User.NotExisted", "User `u` is not found.", "User");
}

#[test]
fn a_text_that_is_no_connection_id_names_a_connection_that_is_not_there() {
    let service = Service::new();
    for (line, status) in [
        ("HEAD /api/hubs/chat/connections/nobody", 404),
        ("DELETE /api/hubs/chat/connections/nobody", 204),
        ("DELETE /api/hubs/chat/connections/nobody/groups", 204),
        ("PUT /api/hubs/chat/groups/g/connections/nobody", 404),
        ("DELETE /api/hubs/chat/groups/g/connections/nobody", 204),
        ("HEAD /api/hubs/chat/permissions/sendToGroup/connections/nobody?targetName=g", 404),
        ("PUT /api/hubs/chat/permissions/sendToGroup/connections/nobody?targetName=g", 404),
        ("DELETE /api/hubs/chat/permissions/sendToGroup/connections/nobody?targetName=g", 204),
        ("POST /api/hubs/chat/connections/nobody/:send", 202),
    ] {
        assert_eq!(service.call(line).send().status, status, "{line}");
    }
    // Ids compare case-sensitively, and no id has capital digits.
    let upper = ID.to_uppercase();
    assert_eq!(service.call(&format!("HEAD /api/hubs/chat/connections/{upper}")).send().status, 404);
    assert!(service.router.is_untouched());
}

#[test]
fn a_busy_service_says_when_to_try_again() {
    let service = Service::new();
    service.change(|options| options.retry_after_s = 3);
    service.router.reply(Err(Busy::Inbox));
    let answer = service.call("POST /api/hubs/chat/:closeConnections").send();
    let message =
        "The service is busy. A worker's inbox is full: limit inbox_bytes_max or inbox_messages_max.";
    answer.assert_error(503, "Error.Busy", message, "Service");
    assert_eq!(answer.header("retry-after"), Some("3"));
}

#[test]
fn a_strained_service_turns_calls_away_unless_they_free_something() {
    let service = Service::new();
    service.load.note_memory(2, 1);
    for line in [
        "POST /api/hubs/chat/:send",
        "PUT /api/hubs/chat/groups/g/connections/c",
        "HEAD /api/hubs/chat/users/u",
    ] {
        let answer = service.call(line).send();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{line}");
    }
    assert!(service.router.is_untouched());
    service.router.reply(Ok(Reply::Done));
    assert_eq!(service.call("POST /api/hubs/chat/:closeConnections").send().status, 204);
    assert_eq!(service.call("HEAD /api/health").send().status, 200);
    service.load.note_memory(0, 1);
    assert_eq!(service.call("POST /api/hubs/chat/:send").send().status, 202);
}

#[test]
fn a_hub_that_is_called_too_fast_says_so_and_others_go_on() {
    let service = Service::new();
    service.change(|options| options.calls_per_hub_per_s_max = Some(2));
    for status in [202, 202, 429] {
        assert_eq!(service.call("POST /api/hubs/chat/:send").send().status, status);
    }
    let answer = service.call("POST /api/hubs/Chat/:send").send();
    let message = "The hub is called too fast: limit rest_calls_per_hub_per_s_max.";
    answer.assert_error(429, "Error.TooManyRequests", message, "Request");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(service.call("POST /api/hubs/other/:send").send().status, 202);
    // Who may not call does not use up what others may.
    assert_eq!(
        service.call("POST /api/hubs/third/:send").authorization(Some("Bearer wrong")).send().status,
        401
    );
}

#[test]
fn a_reply_to_another_question_is_a_failure_of_the_service() {
    let service = Service::new();
    service.router.reply(Ok(Reply::Members(Vec::new())));
    let answer = service.call("POST /api/hubs/chat/:closeConnections").send();
    assert_eq!((answer.status, answer.header("x-ms-error-code")), (500, Some("Error.InternalServerError")));
}
