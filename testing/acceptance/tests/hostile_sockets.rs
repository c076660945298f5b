//! Sockets whose peers are slow, confused or hostile before they are clients.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use hubwire_acceptance::{Frame, Setup, Site, Token, eventually};

const HEADER_TIMEOUT_MS: u64 = 300;

/// A service with little patience for request heads.
fn impatient() -> Site {
    Setup::default().limit("request_header_timeout_ms", HEADER_TIMEOUT_MS).start()
}

/// A socket that sends so much and no more is closed, while others are served.
#[track_caller]
fn assert_cut_off(sent: &str) {
    let site = impatient();
    let mut wires: Vec<_> = (0..20).map(|_| site.wire()).collect();
    for wire in &mut wires {
        wire.send(sent);
    }
    let mut client = site.handshake(&Token::new().every_group()).open();
    client.join("g", 1);
    site.rest().send_text("/api/hubs/chat/groups/g", "served");
    assert_eq!(client.data(), "served");
    for wire in &mut wires {
        wire.read_to_end();
    }
    client.settled();
}

#[test]
fn a_socket_that_never_finishes_its_request_head_is_closed() {
    assert_cut_off("GET /client/hubs/chat HTTP/1.1\r\nhost: x\r\n");
}

#[test]
fn a_socket_that_stops_within_its_first_line_is_closed() {
    assert_cut_off("GET /clie");
}

#[test]
fn a_socket_that_never_sends_anything_is_closed() {
    assert_cut_off("");
}

#[test]
fn a_socket_that_stops_within_a_method_that_could_be_http2_is_closed() {
    assert_cut_off("P");
}

#[test]
fn a_socket_that_stops_within_the_http2_preface_is_closed() {
    assert_cut_off("PRI * HTTP/2.0\r\n\r\nSM");
}

#[test]
fn a_socket_that_sends_its_head_byte_by_byte_for_too_long_is_closed() {
    let site = impatient();
    let mut wire = site.wire();
    wire.send("GET / HTTP/1.1\r\nx: ");
    // Each byte comes well within the time-out; the whole head does not.
    eventually("the socket is closed", || wire.hears_within(HEADER_TIMEOUT_MS / 10) || !wire.send("y"));
}

#[test]
fn a_flood_of_headers_gets_431_after_a_bounded_number_of_bytes() {
    let site = Setup::default().limit("request_header_bytes_max", 16 << 10).start();
    let mut wire = site.wire();
    wire.send("GET / HTTP/1.1\r\nhost: x\r\n");
    let line = format!("x-flood: {}\r\n", "f".repeat(1000));
    let mut sent_bytes = 0;
    while sent_bytes < 64 << 20 && !wire.hears_within(1) && wire.send(line.repeat(64)) {
        sent_bytes += 64 * line.len();
    }
    assert!(sent_bytes < 64 << 20, "{sent_bytes} bytes of headers were taken");
    let answer = wire.read_response();
    assert_eq!(answer.status, 431, "{}", answer.head);
    assert!(site.rest().exists("/api/health"));
}

#[test]
fn a_head_with_too_many_headers_gets_431() {
    let site = Site::start();
    let mut wire = site.wire();
    let headers: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    wire.send(format!("HEAD /api/health HTTP/1.1\r\nhost: x\r\n{headers}\r\n"));
    assert_eq!(wire.read_head().status, 431);
    assert!(site.rest().exists("/api/health"));
}

#[test]
fn a_head_with_many_headers_is_served() {
    let site = Site::start();
    let mut wire = site.wire();
    let headers: String = (0..90).map(|number| format!("x-{number}: 1\r\n")).collect();
    wire.send(format!("HEAD /api/health HTTP/1.1\r\nhost: x\r\n{headers}\r\n"));
    assert_eq!(wire.read_head().status, 200);
}

#[test]
fn a_path_of_a_hundred_kilobytes_is_refused() {
    let site = Site::start();
    let mut wire = site.wire();
    wire.send(format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "p".repeat(100 << 10)));
    assert_eq!(wire.read_head().status, 431);
    assert!(site.rest().exists("/api/health"));
}

#[test]
fn garbage_is_refused_and_the_service_lives_on() {
    let site = impatient();
    for garbage in [
        &b"\0\0\0\0\0\0\0\0\r\n\r\n"[..],
        b"\xff\xfe\xfd\xfc\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ] {
        let mut wire = site.wire();
        wire.send(garbage);
        let answer = wire.read_head();
        assert_eq!(answer.status, 400, "{garbage:?}: {}", answer.head);
    }
    assert!(site.rest().exists("/api/health"));
}

#[test]
fn a_tls_hello_on_the_plain_port_is_refused_at_once() {
    let site = Site::start();
    // The beginning of a TLS 1.2 ClientHello (RFC 8446 §4.1.2): record, version, length, handshake.
    let mut hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    hello.extend((0..501).map(|byte| byte as u8));
    let mut wire = site.wire();
    wire.send(&hello);
    let answer = wire.read_to_end();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    assert!(site.rest().exists("/api/health"));
}

#[test]
fn sockets_that_vanish_at_every_byte_of_a_handshake_leave_nothing_behind() {
    let site = Setup::default().limit("connections_max", 2).limit("http_connections_max", 8).start();
    let bytes = site.handshake(&Token::new()).bytes();
    for end in (0..bytes.len()).step_by(7) {
        // What a refusal says does not matter here, only that places come back.
        site.wire().send(&bytes[..end]);
    }
    for _ in 0..20 {
        site.wire().send(&bytes);
    }
    eventually("there is room again", || site.handshake(&Token::new()).status() == 101);
    eventually("there is room again for two", || {
        let first = site.handshake(&Token::new());
        let held = hold(&first);
        let second = site.handshake(&Token::new()).status();
        held.is_some() && second == 101
    });
}

/// Sends a handshake and keeps the socket, if it was accepted.
fn hold(handshake: &hubwire_acceptance::Handshake) -> Option<hubwire_acceptance::Wire> {
    let mut wire = handshake.wire();
    wire.send(handshake.bytes());
    (wire.read_head().status == 101).then_some(wire)
}

#[test]
fn a_handshake_that_breaks_a_rule_is_refused_with_its_status() {
    let site = Site::start();
    let good = site.handshake(&Token::new());
    for (what, handshake, status) in [
        ("good", good.clone(), 101),
        ("no key", good.clone().key(None), 400),
        ("a short key", good.clone().key(Some("c2hvcnQ=")), 400),
        ("a long key", good.clone().key(Some("dGhlIHNhbXBsZSBub25jZSBhbmQgbW9yZQ==")), 400),
        ("an old version", good.clone().websocket_version(Some("8")), 426),
        ("a version to come", good.clone().websocket_version(Some("14")), 426),
        ("no version", good.clone().websocket_version(None), 426),
        ("POST", good.clone().method("POST"), 400),
        ("HEAD", good.clone().method("HEAD"), 400),
        ("HTTP/1.0, which has no upgrades", good.http_version("HTTP/1.0"), 400),
    ] {
        assert_eq!(handshake.status(), status, "{what}");
    }
}

#[test]
fn a_key_of_24_characters_that_are_no_base64_of_16_bytes_is_refused() {
    let site = Site::start();
    let good = site.handshake(&Token::new());
    for key in ["!!!!!!!!!!!!!!!!!!!!!!==", "dGhlIHNhbXBsZSBub25jZTEy"] {
        assert_eq!(good.clone().key(Some(key)).status(), 400, "{key}");
    }
}

#[test]
fn a_wrong_websocket_version_is_told_the_right_one() {
    let site = Site::start();
    let mut wire = site.wire();
    wire.send(site.handshake(&Token::new()).websocket_version(Some("8")).bytes());
    let answer = wire.read_response();
    assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, Some("13")));
}

#[test]
fn what_comes_right_behind_the_handshake_is_served_in_order() {
    let site = Site::start();
    let mut early = Vec::new();
    for ack_id in 1..=500 {
        let request = format!(r#"{{"type":"joinGroup","group":"g{ack_id}","ackId":{ack_id}}}"#);
        early.extend(Frame::text(request).bytes());
    }
    let mut client = site.handshake(&Token::new().every_group()).upgrade(&early);
    client.greeted();
    for ack_id in 1..=500 {
        let ack = client.json();
        assert_eq!((ack["ackId"].as_u64(), ack["success"].as_bool()), (Some(ack_id), Some(true)), "{ack}");
    }
}

#[test]
fn a_frame_that_begins_right_behind_the_handshake_may_end_later() {
    let site = Site::start();
    let frame = Frame::text(r#"{"type":"ping"}"#).bytes();
    for split in 1..frame.len() {
        let mut client = site.handshake(&Token::new()).upgrade(&frame[..split]);
        client.greeted();
        client.wire.send(&frame[split..]);
        assert_eq!(client.json()["type"], "pong", "split at {split}");
    }
}

#[test]
fn a_handshake_one_byte_at_a_time_is_a_handshake() {
    let site = Site::start();
    let mut wire = site.wire();
    for byte in site.handshake(&Token::new()).bytes().bytes() {
        wire.send([byte]);
    }
    assert_eq!(wire.read_head().status, 101);
}

#[test]
fn one_connection_more_than_the_limit_gets_429_and_has_its_place_when_another_goes() {
    let site = Setup::default().workers(2).limit("connections_max", 3).start();
    let mut clients: Vec<_> = (0..3).map(|_| site.handshake(&Token::new()).open()).collect();
    let mut wire = site.wire();
    wire.send(site.handshake(&Token::new()).bytes());
    let answer = wire.read_response();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")), "{}", answer.text());
    assert!(answer.text().contains("connections_max"), "{}", answer.text());
    assert!(site.rest().exists("/api/health"), "applications are not clients");
    for client in &mut clients {
        client.settled();
    }
    clients.pop();
    eventually("the place is free", || site.handshake(&Token::new()).status() == 101);
}

#[test]
fn one_http_socket_more_than_the_limit_gets_503_and_clients_do_not_count() {
    let site = Setup::default().limit("http_connections_max", 4).start();
    let mut clients: Vec<_> = (0..8).map(|_| site.handshake(&Token::new()).open()).collect();
    let wires: Vec<_> = (0..4)
        .map(|_| {
            let mut wire = site.wire();
            wire.send("HEAD /api/health HTTP/1.1\r\nhost: x\r\n\r\n");
            assert_eq!(wire.read_head().status, 200);
            wire
        })
        .collect();
    let answer = site.wire().read_response();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    for client in &mut clients {
        client.settled();
    }
    drop(wires);
    eventually("the places are free", || {
        site.rest().call("HEAD", "/api/health", "text/plain", "").status == 200
    });
}
