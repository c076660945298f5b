use hubwire_hub::Reply;

use crate::service::{Answer, ID, Service};

fn ask(method: &str, permission: &str, query: &str, reply: Reply) -> (Answer, Vec<String>) {
    let service = Service::new();
    service.router.reply(Ok(reply));
    let line = format!("{method} /api/hubs/chat/permissions/{permission}/connections/{ID}{query}");
    (service.call(&line).send(), service.router.take_commands())
}

#[test]
fn permissions_are_checked_granted_and_revoked() {
    let cases = [
        ("HEAD", "Check", Reply::Done, 200, None),
        ("HEAD", "Check", Reply::Missing, 404, Some("Info.Connection.NotExisted")),
        ("PUT", "Grant", Reply::Done, 200, None),
        ("PUT", "Grant", Reply::Missing, 404, Some("Info.Connection.NotExisted")),
        ("PUT", "Grant", Reply::LimitReached, 409, Some("Error.Connection.Conflict")),
        ("DELETE", "Revoke", Reply::Done, 204, None),
        ("DELETE", "Revoke", Reply::Missing, 204, None),
        ("DELETE", "Revoke", Reply::LimitReached, 409, Some("Error.Connection.Conflict")),
    ];
    for (method, command, reply, status, code) in cases {
        let (answer, commands) = ask(method, "sendToGroup", "?targetName=g", reply);
        assert_eq!((answer.status, answer.header("x-ms-error-code")), (status, code), "{method}");
        assert_eq!(commands, [format!(r#"chat: {command}({ID}, SendToGroup, "g")"#)]);
    }
}

#[test]
fn refused_grants_say_why() {
    let (answer, _) = ask("PUT", "joinleavegroup", "?targetName=g", Reply::Missing);
    let message = format!("Connection `{ID}` is not found.");
    answer.assert_error(404, "Info.Connection.NotExisted", &message, "Connection");
    let (answer, _) = ask("DELETE", "joinLeaveGroup", "?targetName=g", Reply::LimitReached);
    let message =
        format!("Connection `{ID}` has reached the limit of 1000 literal permissions for `joinLeaveGroup`.");
    answer.assert_error(409, "Error.Connection.Conflict", &message, "Connection");
}

#[test]
fn permissions_have_names_in_any_case_and_numbers() {
    for (text, permission) in [
        ("SENDTOGROUP", "SendToGroup"),
        ("1", "SendToGroup"),
        ("joinleavegroup", "JoinLeaveGroup"),
        ("2", "JoinLeaveGroup"),
    ] {
        let (answer, commands) = ask("PUT", text, "?targetName=g", Reply::Done);
        assert_eq!(answer.status, 200, "{text}");
        assert_eq!(commands, [format!(r#"chat: Grant({ID}, {permission}, "g")"#)]);
    }
    for text in ["0", "3", "-1", "sendToGroup,joinLeaveGroup", "send"] {
        let (answer, commands) = ask("PUT", text, "?targetName=g", Reply::Done);
        answer.assert_bad_request("Invalid permission: expected sendToGroup or joinLeaveGroup.");
        assert!(commands.is_empty());
    }
}

#[test]
fn the_group_of_a_permission_is_required_and_literal() {
    let long = "x".repeat(1025);
    for query in ["", "?targetName=", "?targetName=%20", &format!("?targetName={long}")] {
        let (answer, commands) = ask("PUT", "sendToGroup", query, Reply::Done);
        answer.assert_bad_request("Invalid group name.");
        assert!(commands.is_empty());
    }
    let (_, commands) = ask("PUT", "sendToGroup", "?targetName=room.*", Reply::Done);
    assert_eq!(commands, [format!(r#"chat: Grant({ID}, SendToGroup, "room.*")"#)]);
}
