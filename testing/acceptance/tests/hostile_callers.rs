//! Applications, or what pretends to be one, that misuse the data plane.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use hubwire_acceptance::{Setup, Site, Token, Wire, eventually};

const SEND: &str = "/api/hubs/chat/groups/g/:send";

/// The head of a send, up to the header that says how long it is.
fn send_head(site: &Site) -> String {
    site.rest().head("POST", SEND) + "content-type: text/plain\r\n"
}

#[test]
fn a_body_that_stops_gets_408() {
    let site = Setup::default().limit("request_body_timeout_ms", 200).start();
    let mut wire = site.wire();
    wire.send(send_head(&site) + "content-length: 10\r\n\r\nhalf");
    let answer = wire.read_response();
    assert_eq!((answer.status, answer.header("x-ms-error-code")), (408, Some("Error.RequestTimeout")));
    assert!(site.rest().exists("/api/health"));
}

#[test]
fn a_body_that_trickles_for_too_long_gets_408_although_no_pause_is_long() {
    let site = Setup::default().limit("request_body_timeout_ms", 300).start();
    let mut wire = site.wire();
    wire.send(send_head(&site) + "content-length: 100000\r\n\r\n");
    eventually("the service has waited long enough", || wire.hears_within(20) || !wire.send("x"));
    assert_eq!(wire.read_response().status, 408);
}

#[test]
fn a_length_over_the_limit_is_refused_before_the_body_comes() {
    let site = Setup::default().limit("request_body_bytes_max", 2048).start();
    for length in ["2049", "1048577", "9223372036854775807"] {
        let mut wire = site.wire();
        wire.send(send_head(&site) + &format!("content-length: {length}\r\n\r\n"));
        assert_eq!(wire.read_head().status, 400, "{length}");
    }
    // Beyond what a length can be, the request does not even reach the data plane.
    for length in
        ["18446744073709551615", "18446744073709551616", "99999999999999999999999", "0x10", "-1", "1e3"]
    {
        let mut wire = site.wire();
        wire.send(send_head(&site) + &format!("content-length: {length}\r\n\r\n"));
        assert!(matches!(wire.read_head().status, 400 | 431), "{length}");
    }
    assert!(site.rest().exists("/api/health"));
}

#[test]
fn a_body_in_chunks_is_refused_when_it_passes_the_limit_and_not_before() {
    let site = Setup::default().limit("request_body_bytes_max", 2048).start();
    let mut member = site.handshake(&Token::new().group("g")).open();
    let chunk = format!("400\r\n{}\r\n", "c".repeat(1024));
    for (chunks, status) in [(2, 202), (3, 400)] {
        let mut wire = site.wire();
        wire.send(
            send_head(&site) + "transfer-encoding: chunked\r\n\r\n" + &chunk.repeat(chunks) + "0\r\n\r\n",
        );
        assert_eq!(wire.read_response().status, status, "{chunks} chunks");
    }
    assert_eq!(member.data().len(), 2048);
    member.settled();
}

#[test]
fn a_body_in_chunks_without_end_is_cut_after_a_bounded_number_of_bytes() {
    let site = Setup::default().limit("request_body_bytes_max", 64 << 10).start();
    let mut wire = site.wire();
    wire.send(send_head(&site) + "transfer-encoding: chunked\r\n\r\n");
    let chunk = format!("2000\r\n{}\r\n", "c".repeat(8192));
    let mut sent_bytes = 0;
    // What the kernel holds on both sides counts too.
    while sent_bytes < 64 << 20 && wire.send(&chunk) {
        sent_bytes += chunk.len();
    }
    assert!(sent_bytes < 64 << 20, "{sent_bytes} bytes were taken");
    assert!(site.rest().exists("/api/health"));
}

#[test]
fn three_hundred_exclusions_in_twelve_kilobytes_of_query_are_heeded() {
    let site = Setup::default().workers(2).start();
    let mut clients: Vec<_> = (0..4).map(|_| site.handshake(&Token::new().group("g")).open()).collect();
    let mut excluded: Vec<_> = (0..298).map(|number| format!("excluded={number:032x}")).collect();
    excluded.insert(100, format!("excluded={}", clients[0].id));
    excluded.push(format!("excluded={}", clients[1].id));
    let path = format!("{SEND}?{}", excluded.join("&"));
    assert!(path.len() > 12_000, "{}", path.len());
    assert_eq!(site.rest().call("POST", &path, "text/plain", "to some").status, 202);
    site.rest().send_text("/api/hubs/chat/groups/g", "to all");
    for client in &mut clients[..2] {
        assert_eq!(client.data(), "to all");
    }
    for client in &mut clients[2..] {
        assert_eq!((client.data(), client.data()), ("to some".to_owned(), "to all".to_owned()));
    }
}

#[test]
fn callers_that_vanish_in_the_middle_of_a_body_do_no_harm() {
    let site = Setup::default().workers(2).limit("http_connections_max", 200).start();
    let mut member = site.handshake(&Token::new().group("g")).open();
    for round in 0..100 {
        let mut wire = site.wire();
        let length = if round % 2 == 0 { "content-length: 1000" } else { "transfer-encoding: chunked" };
        wire.send(send_head(&site) + length + "\r\n\r\n3e8\r\nhalf of it");
        drop(wire);
    }
    site.rest().send_text("/api/hubs/chat/groups/g", "whole");
    assert_eq!(member.data(), "whole", "half a message is no message");
    member.settled();
}

#[test]
fn a_caller_that_never_reads_its_answers_is_no_harm() {
    let site = Site::start();
    let mut member = site.handshake(&Token::new().group("g")).open();
    let mut wire = site.wire();
    let call = site.rest().call_bytes("POST", SEND, "text/plain", "hello");
    for _ in 0..200 {
        wire.send(&call);
    }
    for _ in 0..200 {
        assert_eq!(member.data(), "hello");
    }
    for _ in 0..200 {
        assert_eq!(wire.read_response().status, 202);
    }
}

const CALLERS: usize = 300;

#[test]
fn a_flood_over_a_tiny_inbox_is_taken_or_refused_and_what_is_taken_arrives() {
    let site = Setup::default().workers(2).limit("inbox_messages_max", 64).start();
    let mut member = site.handshake(&Token::new().group("g")).open();
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..5 {
        for (status, retry_after) in flood(&site) {
            match (status, retry_after.as_deref()) {
                (202, _) => accepted += 1,
                (503, Some("1")) => refused += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(accepted + refused, 5 * CALLERS);
    for number in 0..accepted {
        assert_eq!(member.data(), "flood", "message {number} of {accepted}");
    }
    member.settled();
}

/// Many callers whose last byte is sent at once: status and `Retry-After` of each.
fn flood(site: &Site) -> Vec<(u16, Option<String>)> {
    let call = site.rest().call_bytes("POST", SEND, "text/plain", "flood");
    let (most, last) = call.split_at(call.len() - 1);
    let mut wires: Vec<Wire> = (0..CALLERS)
        .map(|_| {
            let mut wire = site.wire();
            wire.send(most);
            wire
        })
        .collect();
    for wire in &mut wires {
        wire.send(last);
    }
    let answer = |wire: &mut Wire| {
        let response = wire.read_response();
        (response.status, response.header("retry-after").map(str::to_owned))
    };
    wires.iter_mut().map(answer).collect()
}
