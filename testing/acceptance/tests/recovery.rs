//! Reliable sessions that lose their sockets, and their limits.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use hubwire_acceptance::{Client, Handshake, Setup, Site, Subprotocol, Token, eventually};

fn reliable(site: &Site) -> Handshake {
    let token = Token::new().user("u").group("g").every_group();
    site.handshake(&token).subprotocol(Subprotocol::Reliable)
}

fn paths(client: &Client) -> [String; 3] {
    let connection = format!("/api/hubs/chat/connections/{}", client.id);
    [connection, "/api/hubs/chat/users/u".to_owned(), "/api/hubs/chat/groups/g".to_owned()]
}

/// The recovery is upgraded, and then closed in words.
#[track_caller]
fn assert_not_recoverable(recovery: &Handshake) {
    let (code, reason) = recovery.upgrade(b"").closed();
    assert_eq!((code, &*reason), (1008, "The connection could not be recovered."));
}

/// Loses the client's socket, and waits until the service knows: it must have seen a plain client's end, which came later.
fn lose(site: &Site, client: Client) {
    let plain = site.handshake(&Token::new()).open();
    let path = format!("/api/hubs/chat/connections/{}", plain.id);
    drop(client);
    drop(plain);
    eventually("the sockets' ends are noticed", || !site.rest().exists(&path));
}

#[test]
fn a_session_exists_while_its_client_is_away() {
    let site = Site::start();
    let client = reliable(&site).open();
    let paths = paths(&client);
    lose(&site, client);
    for path in &paths {
        assert!(site.rest().exists(path), "{path}");
    }
}

#[test]
fn a_session_is_gone_when_its_window_is_over() {
    let site = Setup::default().limit("recovery_window_ms", 200).start();
    let client = reliable(&site).open();
    let (paths, recovery) = (paths(&client), client.recovery(&reliable(&site)));
    drop(client);
    for path in &paths {
        eventually("the session expires", || !site.rest().exists(path));
    }
    assert_not_recoverable(&recovery);
}

#[test]
fn a_session_without_a_window_ends_with_its_socket() {
    let site = Setup::default().limit("recovery_window_ms", 0).start();
    let client = reliable(&site).open();
    let (paths, recovery) = (paths(&client), client.recovery(&reliable(&site)));
    drop(client);
    eventually("the session ends", || !site.rest().exists(&paths[0]));
    assert_not_recoverable(&recovery);
}

#[test]
fn a_recovered_session_does_not_expire_by_the_window_of_its_lost_socket() {
    let site = Setup::default().limit("recovery_window_ms", 3000).start();
    let client = reliable(&site).open();
    let id = client.id.clone();
    let recovery = client.recovery(&reliable(&site));
    drop(client);
    let mut client = recovery.upgrade(b"");
    // Another session, lost later, is gone: so the time of the first one would have come as well.
    let witness = reliable(&site).open();
    let path = format!("/api/hubs/chat/connections/{}", witness.id);
    drop(witness);
    eventually("the witness expires", || !site.rest().exists(&path));
    client.settled();
    assert!(site.rest().exists(&format!("/api/hubs/chat/connections/{id}")));
}

#[test]
fn a_message_whose_time_has_passed_is_dropped_and_later_ones_arrive() {
    let site = Site::start();
    let client = reliable(&site).open();
    let recovery = client.recovery(&reliable(&site));
    lose(&site, client);
    let path = "/api/hubs/chat/groups/g/:send?messageTtlSeconds=1";
    assert_eq!(site.rest().call("POST", path, "text/plain", "soon worthless").status, 202);
    site.rest().send_text("/api/hubs/chat/groups/g", "for ever");
    // Nothing is acknowledged, so every recovery shows all that is still kept.
    eventually("the message is dropped", || {
        let mut client = recovery.upgrade(b"");
        let first = client.data();
        assert!(first == "for ever" || client.data() == "for ever", "{first}");
        first == "for ever"
    });
}

#[test]
fn one_message_too_many_while_the_client_is_away_ends_the_session() {
    let site = Setup::default().limit("unacknowledged_messages_max", 10).start();
    let client = reliable(&site).open();
    let (paths, recovery) = (paths(&client), client.recovery(&reliable(&site)));
    lose(&site, client);
    for number in 0..10 {
        site.rest().send_text("/api/hubs/chat/groups/g", &number.to_string());
    }
    assert!(site.rest().exists(&paths[0]), "a full window is still a session");
    site.rest().send_text("/api/hubs/chat/groups/g", "one more");
    assert!(!site.rest().exists(&paths[0]));
    assert_not_recoverable(&recovery);
}

#[test]
fn a_full_window_is_replayed_whole_and_one_message_more_closes_with_1008() {
    let site = Setup::default().limit("unacknowledged_messages_max", 10).start();
    let client = reliable(&site).open();
    let recovery = client.recovery(&reliable(&site));
    lose(&site, client);
    for number in 0..10 {
        site.rest().send_text("/api/hubs/chat/groups/g", &number.to_string());
    }
    let mut client = recovery.upgrade(b"");
    for number in 0..10 {
        assert_eq!(client.data(), number.to_string());
    }
    site.rest().send_text("/api/hubs/chat/groups/g", "one more");
    assert_eq!(client.closed(), (1008, "The reliable message buffer is full.".to_owned()));
    assert_not_recoverable(&recovery);
}

#[test]
fn a_client_that_comes_back_takes_over_from_the_socket_that_it_left_open() {
    let site = Setup::default().workers(2).start();
    let mut old = reliable(&site).open();
    let recovery = old.recovery(&reliable(&site));
    site.rest().send_text("/api/hubs/chat/groups/g", "first");
    assert_eq!(old.data(), "first");
    let mut new = recovery.upgrade(b"");
    assert_eq!(new.data(), "first");
    assert!(old.frame().is_none(), "the old socket is closed without a word");
    site.rest().send_text("/api/hubs/chat/groups/g", "second");
    assert_eq!(new.data(), "second");
    new.settled();
}

#[test]
fn what_a_left_socket_still_sends_has_no_effect() {
    let site = Site::start();
    let mut old = reliable(&site).open();
    let mut new = old.recovery(&reliable(&site)).upgrade(b"");
    new.settled();
    old.publish("g", "from the past");
    new.publish("g", "from the present");
    assert_eq!(new.data(), "from the present");
}

#[test]
fn acknowledgement_ids_are_remembered_across_recoveries() {
    let site = Site::start();
    let mut client = reliable(&site).open();
    client.join("other", 7);
    let recovery = client.recovery(&reliable(&site));
    for round in 0..5 {
        drop(client);
        client = recovery.upgrade(b"");
        let ack = client.request(r#"{"type":"joinGroup","group":"other","ackId":7}"#);
        assert_eq!(ack["error"]["name"], "Duplicate", "{ack}");
        client.join("other", 8 + round);
    }
}

#[test]
fn a_reconnection_token_opens_its_own_session_only() {
    let site = Site::start();
    let (first, second) = (reliable(&site).open(), reliable(&site).open());
    let path = format!(
        "/client/hubs/chat?awps_connection_id={}&awps_reconnection_token={}",
        first.id, second.reconnection_token
    );
    assert_not_recoverable(&reliable(&site).path(&path));
    let path = format!("/client/hubs/chat?awps_connection_id={}", first.id);
    assert_not_recoverable(&reliable(&site).path(&path));
    assert!(first.recovery(&reliable(&site)).status() == 101);
}

#[test]
fn a_refused_recovery_gives_its_place_among_the_connections_back() {
    let site = Setup::default().limit("connections_max", 2).limit("drain_timeout_ms", 200).start();
    let client = reliable(&site).open();
    let path = "/client/hubs/chat?awps_connection_id=nobody&awps_reconnection_token=none";
    for _ in 0..5 {
        let mut refused = None;
        eventually("there is room to be refused", || {
            let mut wire = site.wire();
            wire.send(reliable(&site).path(path).bytes());
            let status = wire.read_head().status;
            refused = (status == 101).then_some(wire);
            refused.is_some()
        });
        let frame = refused.unwrap().read_frame().unwrap();
        assert_eq!(frame.as_close().0, 1008);
    }
    drop(client);
}
