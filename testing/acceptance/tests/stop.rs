//! A service that is told to stop.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use hubwire_acceptance::{Client, DEADLINE_MS, Frame, Opcode, Setup, Site, Subprotocol, Token};
use hubwire_server::Running;

/// Stops the service beside the test; what comes back hears of the end.
fn stop(running: Running) -> mpsc::Receiver<()> {
    let (stopped, end) = mpsc::channel();
    thread::spawn(move || {
        running.stop();
        // A test that failed meanwhile listens no more.
        let _heard = stopped.send(());
    });
    end
}

#[track_caller]
fn assert_stopped(end: &mpsc::Receiver<()>) {
    let stopped = end.recv_timeout(Duration::from_millis(DEADLINE_MS));
    assert!(stopped.is_ok(), "the service does not stop within {DEADLINE_MS} ms");
}

/// Reads what a stopping service says to a client.
#[track_caller]
fn assert_told(client: &mut Client, subprotocol: Subprotocol) {
    if subprotocol != Subprotocol::None {
        let notice = client.json();
        assert_eq!(notice["event"], "disconnected", "{notice}");
        assert_eq!(notice["message"], "Service reloading, reconnect", "{notice}");
    }
    let close = client.frame().unwrap();
    assert_eq!(close.opcode, Opcode::CLOSE);
    assert_eq!(close.as_close(), (1001, "Service reloading, reconnect".to_owned()));
}

#[test]
fn every_client_is_told_and_the_service_stops_when_they_have_answered() {
    let mut site = Setup::default().workers(4).start();
    let kinds = [Subprotocol::Json, Subprotocol::Reliable, Subprotocol::None];
    let mut clients: Vec<_> = (0..30)
        .map(|index| {
            let kind = kinds[index % kinds.len()];
            let mut client = site.handshake(&Token::new()).subprotocol(kind).open();
            // A simple client is not greeted: an answered ping shows that it is there.
            client.send(&Frame::new(Opcode::PING, ""));
            assert_eq!(client.wire.read_frame().unwrap().opcode, Opcode::PONG);
            (kind, client)
        })
        .collect();
    let address = site.address();
    let end = stop(site.take());
    for (kind, client) in &mut clients {
        assert_told(client, *kind);
        client.send(&Frame::close(1001));
        assert!(client.frame().is_none(), "the service closes the socket");
    }
    assert_stopped(&end);
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_client_that_never_answers_does_not_keep_the_service_from_stopping() {
    let mut site = Setup::default().workers(2).limit("drain_timeout_ms", 300).start();
    let mut silent: Vec<_> = (0..8).map(|_| site.handshake(&Token::new()).open()).collect();
    let end = stop(site.take());
    assert_stopped(&end);
    for client in &mut silent {
        assert_told(client, Subprotocol::Json);
        assert!(client.frame().is_none());
    }
}

#[test]
fn a_client_that_never_reads_does_not_keep_the_service_from_stopping() {
    let mut site = Setup::default().limit("drain_timeout_ms", 300).start();
    let _stuck = site.handshake(&Token::new().group("g")).narrow().open();
    let text = "f".repeat(512 << 10);
    for _ in 0..16 {
        site.rest().send_text("/api/hubs/chat/groups/g", &text);
    }
    assert_stopped(&stop(site.take()));
}

#[test]
fn a_client_that_talks_on_does_not_keep_the_service_from_stopping() {
    let mut site = Setup::default().limit("drain_timeout_ms", 300).start();
    let mut client = site.handshake(&Token::new().every_group()).open();
    let talking = thread::spawn(move || while client.publish("g", "and another thing") {});
    let end = stop(site.take());
    assert_stopped(&end);
    talking.join().unwrap();
}

#[test]
fn sockets_without_a_client_do_not_keep_the_service_from_stopping() {
    let mut site = Site::start();
    let _silent = site.wire();
    let mut idle = site.wire();
    idle.send("HEAD /api/health HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(idle.read_head().status, 200);
    let mut begun = site.wire();
    begun.send("GET / HTTP/1.1\r\n");
    let mut half = site.wire();
    half.send(
        site.rest().head("POST", "/api/hubs/chat/:send")
            + "content-type: text/plain\r\ncontent-length: 9\r\n\r\nhalf",
    );
    assert_stopped(&stop(site.take()));
}

#[test]
fn a_client_that_connects_while_the_service_stops_does_not_keep_it_from_stopping() {
    let mut site = Setup::default().limit("drain_timeout_ms", 5000).start();
    let handshake = site.handshake(&Token::new());
    // Half of a handshake, on a socket that the service has accepted already: an earlier call was answered there.
    let mut late = site.wire();
    late.send("HEAD /api/health HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(late.read_head().status, 200);
    let bytes = handshake.bytes();
    let (head, rest) = bytes.split_at(bytes.len() / 2);
    late.send(head);
    // Somebody who does not answer keeps the service waiting for its drain time-out.
    let mut silent = handshake.open();
    let end = stop(site.take());
    assert_told(&mut silent, Subprotocol::Json);
    late.send(rest);
    let answer = late.read_head();
    if answer.status == 101 {
        // Whoever is let in must be told like everybody else.
        let opcodes: Vec<_> = std::iter::from_fn(|| late.read_frame()).map(|frame| frame.opcode).collect();
        assert_eq!(opcodes.last(), Some(&Opcode::CLOSE), "{opcodes:?}");
    } else {
        assert!(matches!(answer.status, 503 | 0), "{}", answer.head);
    }
    assert_stopped(&end);
}

#[test]
fn without_any_patience_every_client_is_told_all_the_same() {
    let mut site = Setup::default().workers(2).limit("drain_timeout_ms", 0).start();
    let mut clients: Vec<_> = (0..8).map(|_| site.handshake(&Token::new()).open()).collect();
    assert_stopped(&stop(site.take()));
    for client in &mut clients {
        assert_told(client, Subprotocol::Json);
    }
}
