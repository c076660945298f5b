//! "It does not arrive": situations that people ask about, each with the rule that decided.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use hubwire_acceptance::{CONSOLE, Client, Console, Handshake, Setup, Site, Subprotocol, Token, eventually};
use serde_json::Value;

/// A site whose console records.
fn site() -> (Site, Console) {
    recording(Setup::default())
}

fn recording(setup: Setup) -> (Site, Console) {
    let site = setup.table(CONSOLE).start();
    let console = site.console();
    console.record();
    (site, console)
}

fn user(site: &Site, name: &str) -> Handshake {
    site.handshake(&Token::new().user(name).every_group())
}

fn member(site: &Site, name: &str) -> Client {
    site.handshake(&Token::new().user(name).every_group().group("g")).open()
}

fn reliable(site: &Site) -> Handshake {
    site.handshake(&Token::new().user("r").every_group().group("g")).subprotocol(Subprotocol::Reliable)
}

fn publish(site: &Site, text: &str) {
    site.rest().send_text("/api/hubs/chat/groups/g", text);
}

/// What became of the newest message to group `g` for a connection.
fn for_group(client: &Client) -> String {
    format!("toGroup=g&connection={}", client.id)
}

fn text(answer: &Value) -> &str {
    answer["text"].as_str().unwrap_or_default()
}

#[test]
fn it_never_joined_the_group() {
    let (site, console) = site();
    let client = user(&site, "u").open();
    publish(&site, "hello");
    let answer = console.rule(&for_group(&client), "notInGroup");
    assert_eq!((answer["arrived"].clone(), answer["user"].clone()), (false.into(), "u".into()));
    assert_eq!(text(&answer), "It was not in group g when the message was published.");
    assert!(answer["detail"].get("joinedAt").is_none() && answer["detail"].get("leftAt").is_none());
}

#[test]
fn it_had_left_the_group() {
    let (site, console) = site();
    let mut client = member(&site, "u");
    client.request(r#"{"type":"leaveGroup","group":"g","ackId":1}"#);
    publish(&site, "hello");
    let answer = console.rule(&for_group(&client), "notInGroup");
    assert!(answer["detail"]["leftAt"].as_u64().is_some(), "{answer}");
    assert!(text(&answer).ends_with("It had left before."), "{answer}");
}

#[test]
fn it_joined_the_group_afterwards() {
    let (site, console) = site();
    let mut client = user(&site, "u").open();
    let _other = member(&site, "other");
    publish(&site, "hello");
    client.join("g", 1);
    let answer = console.rule(&for_group(&client), "notInGroup");
    assert!(answer["detail"]["joinedAt"].as_u64().is_some(), "{answer}");
}

#[test]
fn it_was_not_allowed_to_join() {
    let (site, console) = site();
    let mut client = site.handshake(&Token::new().user("u")).open();
    client.request(r#"{"type":"joinGroup","group":"g","ackId":1}"#);
    publish(&site, "hello");
    let answer = console.rule(&for_group(&client), "notInGroup");
    eventually("the refusal is known", || {
        console.get(&format!("why?hub=chat&{}", for_group(&client)))["answers"][0]["detail"]["joinRefusedAt"]
            .is_u64()
    });
    assert_eq!(answer["arrived"], false);
}

#[test]
fn the_publisher_left_it_out() {
    let (site, console) = site();
    let client = member(&site, "u");
    let path = format!("/api/hubs/chat/groups/g/:send?excluded={}", client.id);
    assert_eq!(site.rest().call("POST", &path, "text/plain", "hello").status, 202);
    console.rule(&for_group(&client), "excluded");
}

#[test]
fn the_filter_left_it_out() {
    let (site, console) = site();
    let client = member(&site, "u");
    let filter = "userId%20ne%20%27u%27%20or%20%27vip%27%20in%20groups";
    let path = format!("/api/hubs/chat/groups/g/:send?filter={filter}");
    assert_eq!(site.rest().call("POST", &path, "text/plain", "hello").status, 202);
    let answer = console.rule(&for_group(&client), "filtered");
    let values = answer["detail"]["values"].to_string();
    assert_eq!(values, r#"[{"name":"userId","value":"'u'"},{"name":"'vip' in groups","value":"false"}]"#);
}

#[test]
fn the_filter_is_shown_with_the_groups_of_that_moment() {
    let (site, console) = site();
    let mut client = member(&site, "u");
    let path = "/api/hubs/chat/groups/g/:send?filter=%27vip%27%20in%20groups";
    assert_eq!(site.rest().call("POST", path, "text/plain", "hello").status, 202);
    client.join("vip", 1);
    let answer = console.rule(&for_group(&client), "filtered");
    assert_eq!(answer["detail"]["values"][0]["value"], "false", "it joined afterwards: {answer}");
}

#[test]
fn it_published_the_message_itself() {
    let (site, console) = site();
    let mut client = member(&site, "u");
    client.request(
        r#"{"type":"sendToGroup","group":"g","noEcho":true,"dataType":"text","data":"hello","ackId":1}"#,
    );
    console.rule(&for_group(&client), "noEcho");
}

#[test]
fn the_publisher_may_not_send_to_the_group() {
    let (site, console) = site();
    let client = member(&site, "u");
    let mut publisher = site.handshake(&Token::new().user("p")).open();
    publisher.request(r#"{"type":"sendToGroup","group":"g","dataType":"text","data":"hello","ackId":1}"#);
    let answer = console.rule(&for_group(&client), "noPermission");
    assert_eq!(answer["detail"]["publisher"], publisher.id.as_str(), "{answer}");
}

#[test]
fn the_publish_was_refused_by_rest() {
    let (site, console) = site();
    let client = member(&site, "u");
    let path = "/api/hubs/chat/groups/g/:send";
    assert_eq!(site.rest().call("POST", path, "image/png", "hello").status, 415);
    let answer = console.rule(&for_group(&client), "refused");
    assert_eq!(answer["detail"]["status"], 415, "{answer}");
}

#[test]
fn nobody_published_it() {
    let (site, console) = site();
    let client = member(&site, "u");
    let answer = console.rule(&for_group(&client), "neverPublished");
    assert_eq!(answer["arrived"], false);
}

#[test]
fn its_time_to_live_passed_while_the_client_was_away() {
    let (site, console) = site();
    let client = reliable(&site).open();
    let id = client.id.clone();
    drop(client);
    eventually("the socket's end is noticed", || {
        console.get(&format!("hubs/chat/connections/{id}"))["attached"] == false
    });
    let path = "/api/hubs/chat/groups/g/:send?messageTtlSeconds=1";
    assert_eq!(site.rest().call("POST", path, "text/plain", "hello").status, 202);
    let answer = console.rule(&format!("toGroup=g&connection={id}"), "ttlPassed");
    assert_eq!(answer["detail"]["ttlSeconds"], 1, "{answer}");
}

/// Publishes until a client that does not read is closed, and yields the messages, newest first.
fn overflow(site: &Site, console: &Console, id: &str) -> Vec<Value> {
    let block = "x".repeat(8192);
    let path = format!("/api/hubs/chat/connections/{id}");
    eventually("the client is closed", || {
        publish(site, &block);
        !site.rest().exists(&path)
    });
    let mut messages = Vec::new();
    eventually("the overflow is known", || {
        messages = console.get("messages?hub=chat&limit=200")["messages"].as_array().unwrap().clone();
        messages.iter().any(|message| message["delivery"]["overflowed"] == 1)
    });
    messages
}

#[test]
fn its_client_did_not_read() {
    let (site, console) = recording(Setup::default().limit("outbox_messages_max", 5));
    let handshake = site.handshake(&Token::new().user("slow").group("g"));
    let client = handshake.narrow().open();
    let messages = overflow(&site, &console, &client.id);
    let index = messages.iter().position(|message| message["delivery"]["overflowed"] == 1).unwrap();
    let about = |index: usize| {
        format!("message={}&connection={}", messages[index]["message"].as_str().unwrap(), client.id)
    };
    console.rule(&about(index), "outboxFull");
    // What waited in the queue went down with the connection.
    console.rule(&about(index + 1), "lost");
    publish(&site, "afterwards");
    let answer = console.rule(&format!("text=afterwards&connection={}", client.id), "connectionEnded");
    assert_eq!(answer["detail"]["code"], 1008, "{answer}");
    assert_eq!(answer["detail"]["reason"], "The outbound message queue is full.");
}

#[test]
fn it_waits_for_a_client_that_does_not_read() {
    let (site, console) = recording(Setup::default().limit("outbox_messages_max", 1_000_000));
    let client = site.handshake(&Token::new().user("slow").group("g")).narrow().open();
    let block = "x".repeat(8192);
    eventually("something waits", || {
        publish(&site, &block);
        let found = console.get(&format!("hubs/chat/connections/{}", client.id));
        found["waitingMessages"].as_u64().is_some_and(|waiting| waiting > 1)
    });
    publish(&site, "last");
    let answer = console.rule(&format!("text=last&connection={}", client.id), "waiting");
    assert_eq!(answer["arrived"], false);
}

#[test]
fn its_client_did_not_acknowledge() {
    let (site, console) = recording(Setup::default().limit("unacknowledged_messages_max", 2));
    let mut client = reliable(&site).open();
    for text in ["one", "two", "three"] {
        publish(&site, text);
    }
    assert_eq!(client.closed().0, 1008);
    console.rule(&format!("text=three&connection={}", client.id), "windowFull");
    console.rule(&format!("text=two&connection={}", client.id), "lost");
}

#[test]
fn its_client_did_not_come_back() {
    let (site, console) = recording(Setup::default().limit("recovery_window_ms", 300));
    let client = reliable(&site).open();
    let id = client.id.clone();
    publish(&site, "hello");
    drop(client);
    let answer = console.rule(&format!("toGroup=g&connection={id}"), "sessionExpired");
    assert_eq!(answer["detail"]["sequenceId"], 1, "{answer}");
}

#[test]
fn the_application_had_closed_it() {
    let (site, console) = site();
    let mut client = member(&site, "u");
    let path = format!("/api/hubs/chat/connections/{}?reason=enough", client.id);
    assert_eq!(site.rest().call("DELETE", &path, "text/plain", "").status, 204);
    assert_eq!(client.closed().0, 1000);
    publish(&site, "hello");
    let answer = console.rule(&for_group(&client), "connectionEnded");
    assert!(text(&answer).contains("Reason: enough"), "{answer}");
}

#[test]
fn it_connected_only_afterwards() {
    let (site, console) = site();
    let _other = user(&site, "other").open();
    site.rest().send_text("/api/hubs/chat", "hello");
    console.why("text=hello&user=other");
    let client = user(&site, "u").open();
    console.rule(&format!("text=hello&connection={}", client.id), "notYetConnected");
}

#[test]
fn it_was_for_another_user() {
    let (site, console) = site();
    let client = user(&site, "u").open();
    site.rest().send_text("/api/hubs/chat/users/v", "hello");
    let answer = console.rule(&format!("toUser=v&connection={}", client.id), "otherUser");
    assert_eq!(text(&answer), "The message was for user v; this connection's is u.");
}

#[test]
fn it_was_for_another_connection() {
    let (site, console) = site();
    let (client, other) = (user(&site, "u").open(), user(&site, "v").open());
    site.rest().send_text(&format!("/api/hubs/chat/connections/{}", other.id), "hello");
    console.rule(&format!("toConnection={}&connection={}", other.id, client.id), "otherConnection");
}

#[test]
fn it_is_in_another_hub() {
    let (site, console) = recording(Setup::default().table("[hubs.other]\nanonymous = true"));
    let client = user(&site, "u").path("/client/hubs/other").open();
    publish(&site, "hello");
    let answer = console.rule(&for_group(&client), "otherHub");
    assert!(text(&answer).contains("hub chat"), "{answer}");
}

#[test]
fn there_is_no_such_connection() {
    let (site, console) = site();
    publish(&site, "hello");
    console.rule("toGroup=g&connection=00000000000000000000000000000000", "unknownConnection");
    console.rule("toGroup=g&user=nobody", "unknownConnection");
}

#[test]
fn it_did_arrive() {
    let (site, console) = site();
    let (mut plain, mut client) = (member(&site, "u"), reliable(&site).open());
    publish(&site, "hello");
    assert_eq!(plain.data(), "hello");
    assert_eq!(client.data(), "hello");
    let answer = console.rule(&for_group(&plain), "written");
    assert!(answer["arrived"].is_null(), "nobody can know: {answer}");
    console.rule(&for_group(&client), "unacknowledged");
    client.say(r#"{"type":"sequenceAck","sequenceId":1}"#);
    let answer = console.rule(&for_group(&client), "acknowledged");
    assert_eq!((answer["arrived"].clone(), answer["detail"]["sequenceId"].clone()), (true.into(), 1.into()));
}

#[test]
fn it_is_kept_for_a_client_that_may_come_back() {
    let (site, console) = site();
    let client = reliable(&site).open();
    let id = client.id.clone();
    drop(client);
    publish(&site, "hello");
    eventually("the socket's end is noticed", || {
        let explained = console.get(&format!("why?hub=chat&toGroup=g&connection={id}"));
        explained["answers"][0]["detail"]["attached"] == false
    });
    console.rule(&format!("toGroup=g&connection={id}"), "unacknowledged");
}

#[test]
fn a_group_stands_for_its_members_on_every_worker() {
    let (site, console) = recording(Setup::default().workers(3));
    let members: Vec<_> = (0..6).map(|number| member(&site, &format!("u{number}"))).collect();
    let filter = "userId%20ne%20%27u3%27";
    let path = format!("/api/hubs/chat/groups/g/:send?filter={filter}");
    assert_eq!(site.rest().call("POST", &path, "text/plain", "hello").status, 202);
    let explained = console.why("toGroup=g&group=g");
    let rules = |rule: &str| {
        let answers = explained["answers"].as_array().unwrap();
        answers.iter().filter(|answer| answer["rule"] == rule).count()
    };
    assert_eq!((rules("written"), rules("filtered")), (members.len() - 1, 1), "{explained}");
}
