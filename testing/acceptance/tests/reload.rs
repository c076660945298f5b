//! What changes while the service runs, and what does not.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use hubwire_acceptance::{ACCESS_KEY, Frame, Rest, Setup, Site, Token, eventually};

const NEXT_KEY: &str = "the access key that takes over after the rotation";

fn keys(primary: &str, secondary: Option<&str>) -> String {
    let secondary = secondary.map(|key| format!("secondary_access_key = \"{key}\"\n")).unwrap_or_default();
    format!("access_key = \"{primary}\"\n{secondary}")
}

/// What a client with a token of this key is answered.
fn connect_status(site: &Site, key: &str) -> u16 {
    let token = Token::new().sign(key, &site.authority(), "chat");
    site.handshake(&Token::new()).path(&format!("/client/hubs/chat?access_token={token}")).status()
}

fn rest_status(site: &Site, key: &str) -> u16 {
    Rest::new(site.address(), key).call("HEAD", "/api/hubs/chat/groups/nobody", "text/plain", "").status
}

#[test]
fn keys_rotate_without_dropping_anybody() {
    let site = Setup::default().workers(2).start();
    let mut client = site.handshake(&Token::new().every_group()).open();
    client.join("g", 1);
    assert_eq!((rest_status(&site, ACCESS_KEY), rest_status(&site, NEXT_KEY)), (404, 401));

    site.write(&keys(NEXT_KEY, Some(ACCESS_KEY)));
    site.running().reload();
    for key in [ACCESS_KEY, NEXT_KEY] {
        assert_eq!((connect_status(&site, key), rest_status(&site, key)), (101, 404));
    }

    site.write(&keys(NEXT_KEY, None));
    site.running().reload();
    // Several times, so that every worker has seen the old token while it was good.
    for _ in 0..8 {
        assert_eq!((connect_status(&site, ACCESS_KEY), rest_status(&site, ACCESS_KEY)), (401, 401));
        assert_eq!((connect_status(&site, NEXT_KEY), rest_status(&site, NEXT_KEY)), (101, 404));
    }

    Rest::new(site.address(), NEXT_KEY).send_text("/api/hubs/chat/groups/g", "still here");
    assert_eq!(client.data(), "still here");
    client.settled();
}

#[test]
fn a_key_in_a_file_of_its_own_is_put_in_force_when_that_file_changes() {
    let site = Site::start();
    let key_file = site.file().with_file_name("key");
    let last_key = NEXT_KEY.replace("takes over", "comes after");
    std::fs::write(&key_file, format!("{NEXT_KEY}\n")).unwrap();
    // Nobody asks for a reload: what is named from now on is watched, from the first moment on.
    site.write(&format!("access_key = {{ file = {key_file:?} }}\n"));
    eventually("the key of the file opens the service", || rest_status(&site, NEXT_KEY) == 404);
    std::fs::write(&key_file, format!("{last_key}\n")).unwrap();
    eventually("the new key of the file opens the service", || rest_status(&site, &last_key) == 404);
    for key in [ACCESS_KEY, NEXT_KEY] {
        assert_eq!((rest_status(&site, key), connect_status(&site, key)), (401, 401));
    }
    // One that cannot be read, or is no key, changes nothing.
    std::fs::write(&key_file, "short").unwrap();
    site.running().reload();
    std::fs::remove_file(&key_file).unwrap();
    site.running().reload();
    assert_eq!((rest_status(&site, &last_key), connect_status(&site, &last_key)), (404, 101));
}

#[test]
fn a_token_that_was_good_on_an_open_socket_is_refused_there_after_the_rotation() {
    let site = Site::start();
    let mut wire = site.wire();
    let call = site.rest().head("HEAD", "/api/hubs/chat/groups/nobody") + "\r\n";
    wire.send(&call);
    assert_eq!(wire.read_head().status, 404);
    site.write(&keys(NEXT_KEY, None));
    site.running().reload();
    wire.send(&call);
    assert_eq!(wire.read_head().status, 401);
}

#[test]
fn hubs_open_and_close_to_anonymous_clients() {
    let site = Site::start();
    let status = |hub: &str| site.handshake(&Token::new()).path(&format!("/client/hubs/{hub}")).status();
    assert_eq!((status("chat"), status("other")), (401, 401));
    let own = keys(ACCESS_KEY, None);
    site.write(&format!("{own}[hubs.Chat]\nanonymous = true"));
    site.running().reload();
    assert_eq!((status("chat"), status("CHAT"), status("other")), (101, 101, 401));
    site.write(&format!("{own}[hubs.chat]\nanonymous = false\n[hubs._default]\nanonymous = true"));
    site.running().reload();
    assert_eq!((status("chat"), status("other")), (401, 101));
    site.write(&own);
    site.running().reload();
    assert_eq!((status("chat"), status("other")), (401, 401));
}

#[test]
fn a_new_message_limit_applies_to_connections_that_are_open() {
    let site = Setup::default().limit("message_bytes_max", 4096).start();
    let mut client = site.handshake(&Token::new()).open();
    let mut before = site.handshake(&Token::new()).open();
    let message = |bytes: usize| format!("{{\"type\":\"ping\"{}}}", " ".repeat(bytes - 15));
    assert_eq!(message(8000).len(), 8000);
    before.say(&message(8000));
    assert_eq!(before.closed().0, 1009);

    site.write(&Setup::default().limit("message_bytes_max", 8192).text());
    site.running().reload();
    client.say(&message(8000));
    assert_eq!(client.json()["type"], "pong");

    site.write(&Setup::default().limit("message_bytes_max", 1024).text());
    site.running().reload();
    client.say(&message(1024));
    assert_eq!(client.json()["type"], "pong");
    client.say(&message(1025));
    assert_eq!(client.closed().0, 1009);
}

#[test]
fn a_new_group_limit_applies_to_connections_that_are_open() {
    let site = Site::start();
    let mut client = site.handshake(&Token::new().every_group()).open();
    client.join("first", 1);
    site.write(&Setup::default().limit("groups_per_connection_max", 1).text());
    site.running().reload();
    client.settled();
    let ack = client.request(r#"{"type":"joinGroup","group":"second","ackId":2}"#);
    assert_eq!(ack["success"], false, "{ack}");
}

#[test]
fn a_new_body_limit_applies_to_the_next_call() {
    let site = Site::start();
    let body = "x".repeat(4000);
    let status = || site.rest().call("POST", "/api/hubs/chat/:send", "text/plain", &body).status;
    assert_eq!(status(), 202);
    site.write(&Setup::default().limit("request_body_bytes_max", 2048).text());
    site.running().reload();
    assert_eq!(status(), 400);
}

#[test]
fn a_changed_file_is_noticed_without_being_told() {
    let site = Site::start();
    let anonymous = site.handshake(&Token::new()).path("/client/hubs/chat");
    for open in [true, false, true] {
        site.write(&Setup::default().table(&format!("[hubs.chat]\nanonymous = {open}")).text());
        let status = if open { 101 } else { 401 };
        eventually("the file is in force", || anonymous.status() == status);
    }
}

#[test]
fn a_file_that_changes_right_after_the_start_is_noticed() {
    for _ in 0..20 {
        let site = Site::start();
        site.write(&Setup::default().table("[hubs.chat]\nanonymous = true").text());
        let anonymous = site.handshake(&Token::new()).path("/client/hubs/chat");
        eventually("the file is in force", || anonymous.status() == 101);
    }
}

#[test]
fn a_broken_file_changes_nothing_and_a_later_good_one_does() {
    let site = Setup::default().table("[hubs.chat]\nanonymous = true").start();
    let anonymous = |hub: &str| site.handshake(&Token::new()).path(&format!("/client/hubs/{hub}")).status();
    let mut client = site.handshake(&Token::new().every_group()).open();
    let wrong_everywhere = keys(NEXT_KEY, None) + "[hubs.other]\nanonymous = true\n";
    for end in ["this is no toml", "[limits]\nmessage_bytes_max = 1", "[limits]\nunknown = 1"] {
        site.write(&format!("{wrong_everywhere}{end}"));
        site.running().reload();
        assert_eq!((anonymous("chat"), anonymous("other")), (101, 401), "{end}");
        assert_eq!((connect_status(&site, ACCESS_KEY), connect_status(&site, NEXT_KEY)), (101, 401), "{end}");
        assert_eq!((rest_status(&site, ACCESS_KEY), rest_status(&site, NEXT_KEY)), (404, 401), "{end}");
    }
    std::fs::remove_file(site.file()).unwrap();
    site.running().reload();
    assert_eq!(anonymous("chat"), 101, "a file that is away changes nothing");

    site.write(&wrong_everywhere);
    eventually("the good file is in force", || anonymous("other") == 101);
    assert_eq!(anonymous("chat"), 401);
    assert_eq!((connect_status(&site, ACCESS_KEY), connect_status(&site, NEXT_KEY)), (401, 101));
    client.settled();
}

#[test]
fn a_setting_that_needs_a_restart_leaves_the_service_where_it_is() {
    let site = Site::start();
    let address = site.authority();
    site.write(&format!("{}listen = \"127.0.0.1:1\"\nworkers = 3", keys(ACCESS_KEY, None)));
    site.running().reload();
    assert_eq!(site.authority(), address);
    let mut client = site.handshake(&Token::new()).open();
    client.send(&Frame::text(r#"{"type":"ping"}"#));
    assert_eq!(client.json()["type"], "pong");
}
