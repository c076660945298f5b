use hubwire_hub::Target;
use hubwire_protocol::{ConnectionId, Data, GroupName, Sender, UserId};

use crate::service::{ID, OTHER_ID, Service};

const TEXT: &str = "text/plain";

fn target(path: &str) -> (Target, Sender) {
    let service = Service::new();
    let answer = service.call(&format!("POST /api/hubs/CHAT/{path}:send")).body(TEXT, "hi").send();
    assert_eq!((answer.status, answer.body.len()), (202, 0));
    let [envelope] = &service.router.take_envelopes()[..] else { panic!("one envelope expected") };
    assert_eq!(envelope.hub.as_str(), "chat");
    assert_eq!(envelope.message.data, Data::Text("hi".into()));
    assert_eq!(envelope.message.metadata, None);
    assert_eq!((envelope.ttl_s, envelope.excluded.len(), envelope.filter.is_none()), (0, 0, true));
    (envelope.target.clone(), envelope.message.sender.clone())
}

#[test]
fn messages_reach_everyone_a_user_or_a_connection_as_the_server() {
    assert_eq!(target(""), (Target::Hub, Sender::Server));
    assert_eq!(target("users/u/"), (Target::User(UserId::parse("u").unwrap()), Sender::Server));
    let id = ConnectionId::parse(ID).unwrap();
    assert_eq!(target(&format!("connections/{ID}/")), (Target::Connection(id), Sender::Server));
}

#[test]
fn messages_to_a_group_come_from_the_group_without_a_user() {
    let group = GroupName::parse("g").unwrap();
    let sender = Sender::Group { group: group.clone(), user: None };
    assert_eq!(target("groups/g/"), (Target::Group(group), sender));
}

#[test]
fn exclusions_and_filters_count_where_the_operation_has_them() {
    let id = ConnectionId::parse(ID).unwrap();
    let query = format!(
        "excluded={ID}&excluded=a,b&excluded=%20{OTHER_ID}&filter=userId%20eq%20'u'&messageTtlSeconds=300"
    );
    let cases = [("", true, true), ("groups/g/", true, true), ("users/u/", false, true)];
    for (path, excludes, filters) in cases {
        let service = Service::new();
        let answer =
            service.call(&format!("POST /api/hubs/chat/{path}:send?{query}")).body(TEXT, "hi").send();
        assert_eq!(answer.status, 202);
        let envelope = &service.router.take_envelopes()[0];
        assert_eq!(&envelope.excluded[..], if excludes { std::slice::from_ref(&id) } else { &[] }, "{path}");
        assert_eq!(
            envelope.filter.as_ref().map(|filter| filter.source()),
            filters.then_some("userId eq 'u'")
        );
        assert_eq!(envelope.ttl_s, 300);
    }
    let service = Service::new();
    // A single connection has neither, so that even an invalid filter means nothing there.
    let line = format!("POST /api/hubs/chat/connections/{ID}/:send?excluded={ID}&filter=nonsense");
    assert_eq!(service.call(&line).body(TEXT, "hi").send().status, 202);
    let envelope = &service.router.take_envelopes()[0];
    assert!(envelope.excluded.is_empty() && envelope.filter.is_none());
}

#[test]
fn a_blank_filter_selects_everyone() {
    for filter in ["", "%20", "+"] {
        let service = Service::new();
        let answer =
            service.call(&format!("POST /api/hubs/chat/:send?filter={filter}")).body(TEXT, "hi").send();
        assert_eq!(answer.status, 202);
        assert!(service.router.take_envelopes()[0].filter.is_none());
    }
}

#[test]
fn an_invalid_filter_is_a_problem_in_json() {
    let service = Service::new();
    let answer = service.call("POST /api/hubs/chat/:send?filter=userId%20lt%201").body(TEXT, "hi").send();
    let message = "Invalid syntax for 'userId lt 1': Type 'string', expect 'int'. (Parameter 'filter')";
    answer.assert_bad_request(message);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(service.router.is_untouched());
}

#[test]
fn a_time_to_live_is_a_number_from_0_to_300() {
    for (text, ttl_s) in [("0", Some(0)), ("1", Some(1)), ("300", Some(300)), ("0300", Some(300))] {
        let service = Service::new();
        let line = format!("POST /api/hubs/chat/:send?messageTtlSeconds={text}");
        assert_eq!(service.call(&line).body(TEXT, "hi").send().status, 202);
        assert_eq!(service.router.take_envelopes().first().map(|envelope| envelope.ttl_s), ttl_s);
    }
    for text in ["-1", "301", "x", "", "1.5", "%2B1", "99999999999"] {
        for path in ["", "groups/g/", "users/u/", "connections/c/"] {
            let service = Service::new();
            let line = format!("POST /api/hubs/chat/{path}:send?messageTtlSeconds={text}");
            let answer = service.call(&line).body(TEXT, "hi").send();
            answer.assert_bad_request("Invalid messageTtlSeconds.");
            assert!(service.router.is_untouched());
        }
    }
}

#[test]
fn a_full_inbox_refuses_a_message_in_words() {
    let service = Service::new();
    *service.router.publish_is_busy.lock().unwrap() = true;
    let answer = service.call("POST /api/hubs/chat/:send").body(TEXT, "hi").send();
    assert_eq!((answer.status, answer.header("x-ms-error-code")), (503, Some("Error.Busy")));
    assert_eq!(answer.header("retry-after"), Some("1"));
}
