use hubwire_hub::{Member, Reply};
use hubwire_protocol::{ConnectionId, UserId};
use serde_json::{Value, json};

use crate::service::{Answer, HOST, Service};

const LIST: &str = "/api/hubs/chat/groups/room/connections";

fn id(number: u128) -> ConnectionId {
    ConnectionId::parse(&format!("{number:032x}")).unwrap()
}

/// Members in the order of the given numbers; odd ones have a user.
fn members(numbers: impl IntoIterator<Item = u128>) -> Result<Reply, hubwire_hub::Busy> {
    let member = |number| Member {
        connection: id(number),
        user: (number % 2 == 1).then(|| UserId::parse(&format!("u{number}")).unwrap()),
    };
    Ok(Reply::Members(numbers.into_iter().map(member).collect()))
}

fn list(service: &Service, target: &str) -> Answer {
    service.call(&format!("GET {target}")).send()
}

fn ids(page: &Value) -> Vec<String> {
    let entries = page["value"].as_array().unwrap();
    entries.iter().map(|entry| entry["connectionId"].as_str().unwrap().to_owned()).collect()
}

fn texts(numbers: impl IntoIterator<Item = u128>) -> Vec<String> {
    numbers.into_iter().map(|number| id(number).to_string()).collect()
}

/// The target of a page's link, which is on the caller's host.
fn next(page: &Value) -> String {
    let link = page["nextLink"].as_str().unwrap();
    link.strip_prefix(&format!("http://{HOST}")).unwrap().to_owned()
}

fn token(target: &str) -> &str {
    target.split_once("continuationToken=").unwrap().1.split('&').next().unwrap()
}

/// The token of the page after the members 1 and 2.
fn token_after_2(service: &Service, target: &str) -> String {
    service.router.reply(members([1, 2, 3]));
    let page = list(service, &format!("{target}?maxpagesize=2")).json();
    service.router.take_commands();
    token(&next(&page)).to_owned()
}

#[test]
fn a_page_shows_members_with_their_users() {
    let service = Service::new();
    service.router.reply(members([1, 2]));
    let answer = list(&service, LIST);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let value = json!([
        { "connectionId": id(1).to_string(), "userId": "u1" },
        { "connectionId": id(2).to_string(), "userId": null },
    ]);
    assert_eq!(answer.json(), json!({ "value": value, "nextLink": null }));
    assert_eq!(service.router.take_commands(), [r#"chat: List { group: "room", after: None, limit: 201 }"#]);
}

#[test]
fn an_unknown_group_is_an_empty_page() {
    for reply in [members([]), Ok(Reply::Missing)] {
        let service = Service::new();
        service.router.reply(reply);
        let answer = list(&service, LIST);
        assert_eq!((answer.status, answer.json()), (200, json!({ "value": [], "nextLink": null })));
    }
}

#[test]
fn the_answers_of_several_shards_become_one_page_in_order() {
    let service = Service::new();
    service.router.reply(members([5, 9, 12, 2, 3, 40]));
    let page = list(&service, &format!("{LIST}?maxpagesize=4")).json();
    assert_eq!(ids(&page), texts([2, 3, 5, 9]));
    service.router.reply(members([]));
    list(&service, &next(&page));
    let commands = service.router.take_commands();
    assert_eq!(commands[1], format!(r#"chat: List {{ group: "room", after: Some({}), limit: 5 }}"#, id(9)));
}

#[test]
fn a_link_leads_to_the_next_page_until_top_is_reached() {
    let service = Service::new();
    service.router.reply(members(1..=3));
    let page = list(&service, &format!("{LIST}?maxpagesize=2&top=5&api-version=2024-12-01")).json();
    assert_eq!(ids(&page), texts([1, 2]));
    let target = next(&page);
    let expected =
        format!("{LIST}?api-version=2024-12-01&maxpagesize=2&continuationToken={}&top=3", token(&target));
    assert_eq!(target, expected);
    assert!(token(&target).bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    service.router.reply(members(3..=5));
    let page = list(&service, &target).json();
    assert_eq!(ids(&page), texts([3, 4]));
    service.router.reply(members(5..=6));
    let page = list(&service, &next(&page)).json();
    assert_eq!((ids(&page), &page["nextLink"]), (texts([5]), &Value::Null));
    let limits: Vec<_> = service.router.take_commands();
    assert!(limits[2].ends_with("limit: 2 }"), "{limits:?}");
}

#[test]
fn the_largest_page_and_top_are_taken() {
    let service = Service::new();
    service.router.reply(members(1..=201));
    let page = list(&service, &format!("{LIST}?maxpagesize=200&top=2147483647")).json();
    assert_eq!(ids(&page).len(), 200);
    assert!(next(&page).ends_with("&top=2147483447"));
}

#[test]
fn a_token_is_good_on_every_node_and_spelling_of_its_place() {
    let service = Service::new();
    let token = token_after_2(&service, LIST);
    let elsewhere = Service::new();
    elsewhere.router.reply(members([3]));
    let target = format!("/api/hubs/CHAT/groups/room/connections/?continuationToken={token}");
    assert_eq!(ids(&list(&elsewhere, &target).json()), texts([3]));
    assert!(elsewhere.router.take_commands()[0].contains(&format!("after: Some({})", id(2))));
}

#[test]
fn an_altered_or_foreign_token_is_refused() {
    let service = Service::new();
    let token = token_after_2(&service, LIST);
    let refuse = |service: &Service, target: &str| {
        let answer = list(service, target);
        answer.assert_error(400, "Error.BadRequest", "Invalid continuationToken.", "continuationToken");
        assert!(service.router.is_untouched());
    };
    for index in 0..token.len() {
        let mut altered = token.clone().into_bytes();
        altered[index] = if altered[index] == b'0' { b'1' } else { b'0' };
        let altered = String::from_utf8(altered).unwrap();
        refuse(&service, &format!("{LIST}?continuationToken={altered}"));
    }
    let short = &token[..token.len() - 1];
    for altered in
        ["x", short, &token[..32], &format!("{token}A"), "%C3%A9", &"A".repeat(3000), &id(2).to_string()]
    {
        refuse(&service, &format!("{LIST}?continuationToken={altered}"));
    }
    refuse(&service, &format!("/api/hubs/chat/groups/Room/connections?continuationToken={token}"));
    refuse(&service, &format!("/api/hubs/other/groups/room/connections?continuationToken={token}"));
    refuse(&Service::with_paging_key([8; 32]), &format!("{LIST}?continuationToken={token}"));
}

#[test]
fn parameters_of_a_listing_stand_once_and_are_bounded() {
    let service = Service::new();
    for (name, values) in [
        ("maxpagesize", &["0", "201", "x", "-1", "", "%20", "1&maxpagesize=1"][..]),
        ("top", &["0", "2147483648", "x", "", "1&TOP=2"]),
        ("continuationToken", &["", "%20", "a&continuationToken=a"]),
    ] {
        for value in values {
            let answer = list(&service, &format!("{LIST}?{name}={value}"));
            answer.assert_error(400, "Error.BadRequest", &format!("Invalid {name}."), name);
        }
    }
    assert!(service.router.is_untouched());
}
