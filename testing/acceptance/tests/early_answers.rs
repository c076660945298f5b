//! Answers to peers that have not sent everything yet, and what becomes of their sockets.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use std::net::{SocketAddr, TcpListener};

use hubwire_acceptance::{Frame, Setup, Site, Token, Wire, eventually};

/// Far more than the buffers of a socket hold, and less than the service reads of a peer that it has answered.
const MORE_BYTES: usize = 3 << 20;
const BROKEN: &str = "GET / HTTP/1.1\r\nno colon\r\n\r\n";

/// Beginnings that the service answers, with the status.
fn beginnings(site: &Site) -> Vec<(&'static str, String, u16)> {
    let send = site.rest().head("POST", "/api/hubs/chat/groups/g/:send")
        + "content-type: text/plain\r\ncontent-length: ";
    let flood = format!("GET / HTTP/1.1\r\nhost: x\r\nx-flood: {}", "f".repeat(100 << 10));
    vec![
        ("a head over the limit", flood, 431),
        ("a head that is none", BROKEN.to_owned(), 400),
        ("a body over the limit", send + "99999999\r\n\r\n", 400),
        (
            "a handshake without a token",
            "GET /client/hubs/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n".to_owned(),
            400,
        ),
    ]
}

#[test]
fn an_early_answer_is_not_taken_back_from_who_sends_on() {
    // The body of a refused call is read for so long, since its caller might go on with the next.
    let site = Setup::default().limit("request_body_timeout_ms", 200).start();
    for (what, beginning, status) in beginnings(&site) {
        let mut wire = site.wire();
        assert!(wire.send(&beginning), "{what}");
        let answer = send_on(&mut wire, what);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
    }
}

/// Yields all that the service says until it ends its side, and goes on sending all the same: a socket that has been closed is reset by that, and a
/// reset takes from many a peer what it has not read yet.
#[track_caller]
fn send_on(wire: &mut Wire, what: &str) -> String {
    let answer = wire.read_to_end();
    for _ in 0..MORE_BYTES >> 16 {
        assert!(wire.send(vec![b'x'; 64 << 10]), "{what}: what follows is taken");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_echo_of_a_close_frame_is_not_taken_back_from_who_sends_on() {
    let site = Site::start();
    let mut client = site.handshake(&Token::new().every_group()).open();
    let farewell = [Frame::close(1000), Frame::text("one more thing")].map(|frame| frame.bytes()).concat();
    assert!(client.wire.send(farewell));
    assert_eq!(client.closed().0, 1000);
    assert_eq!(send_on(&mut client.wire, "a close frame"), "");
}

#[test]
fn a_socket_over_the_limit_is_told_so_although_it_sends_on() {
    let site = Setup::default().limit("http_connections_max", 1).start();
    let mut first = site.wire();
    first.send("HEAD /api/health HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(first.read_head().status, 200);
    let mut second = site.wire();
    let answer = send_on(&mut second, "a socket over the limit");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[test]
fn who_is_answered_and_does_not_close_keeps_its_place_until_its_time_is_over() {
    let site = Setup::default().limit("http_connections_max", 1).limit("linger_timeout_ms", 300).start();
    let mut first = site.wire();
    first.send(BROKEN);
    assert_eq!(first.read_head().status, 400);
    assert!(first.read_to_end().is_empty(), "the service has ended its side");
    assert_eq!(site.wire().read_head().status, 503);
    eventually("the place is free", || {
        let mut wire = site.wire();
        wire.send("HEAD /api/health HTTP/1.1\r\nhost: x\r\n\r\n");
        wire.read_head().status == 200
    });
}

#[test]
fn who_is_answered_and_sends_too_much_or_for_too_long_is_cut_off_and_counted() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let metrics = format!("[metrics]\nlisten = \"{address}\"");
    let site = Setup::default().limit("linger_bytes_max", 64 << 10).table(&metrics).start();
    let mut wire = site.wire();
    wire.send(BROKEN);
    assert_eq!(wire.read_head().status, 400);
    let mut sent_bytes = 0;
    while sent_bytes < 64 << 20 && wire.send(vec![b'x'; 64 << 10]) {
        sent_bytes += 64 << 10;
    }
    assert!(sent_bytes < 64 << 20, "{sent_bytes} bytes were taken");
    counted(address, "linger_bytes_max");

    site.write(&Setup::default().limit("linger_timeout_ms", 0).table(&metrics).text());
    eventually("the limit of time is in force and counted", || {
        let mut wire = site.wire();
        wire.send(BROKEN);
        wire.read_to_end();
        counts(address, "linger_timeout_ms")
    });
}

/// Waits until the metric of sockets that were cut off names a limit.
#[track_caller]
fn counted(address: SocketAddr, limit: &str) {
    eventually("it is counted", || counts(address, limit));
}

fn counts(address: SocketAddr, limit: &str) -> bool {
    let mut wire = Wire::connect(address);
    wire.send(format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\n\r\n"));
    let series = format!("webpubsub_hasty_closes_total{{limit=\"{limit}\"}}");
    wire.read_response().text().contains(&series)
}
