//! Clients that break rules, fall silent, or take nothing.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use std::thread;

use hubwire_acceptance::{Frame, Opcode, Setup, Site, Subprotocol, Token, eventually};

/// A message of exactly so many bytes that a plain JSON client is answered with a pong.
fn ping_of(bytes: usize) -> String {
    let ping = r#"{"type":"ping"}"#;
    format!("{}{ping}", " ".repeat(bytes - ping.len()))
}

#[test]
fn a_frame_that_breaks_a_rule_closes_with_1002() {
    let site = Site::start();
    for (what, frames) in [
        ("unmasked", vec![Frame::text("{}").unmasked()]),
        ("reserved bit 1", vec![Frame::text("{}").reserved(0x40)]),
        ("reserved bit 2", vec![Frame::text("{}").reserved(0x20)]),
        ("reserved bit 3", vec![Frame::text("{}").reserved(0x10)]),
        ("reserved opcode 3", vec![Frame::new(Opcode(3), "")]),
        ("reserved opcode 7", vec![Frame::new(Opcode(7), "")]),
        ("reserved opcode 11", vec![Frame::new(Opcode(11), "")]),
        ("reserved opcode 15", vec![Frame::new(Opcode(15), "")]),
        ("a ping in fragments", vec![Frame::new(Opcode::PING, "").unfinished()]),
        ("a ping of 126 bytes", vec![Frame::new(Opcode::PING, [b'p'; 126])]),
        ("a close frame of one byte", vec![Frame::new(Opcode::CLOSE, [3])]),
        ("a close code that must not be sent", vec![Frame::close(1005)]),
        ("a continuation of nothing", vec![Frame::new(Opcode::CONTINUATION, "")]),
        ("a message within a message", vec![Frame::text("{").unfinished(), Frame::text("}")]),
    ] {
        for subprotocol in [Subprotocol::Json, Subprotocol::Reliable, Subprotocol::None] {
            let mut client = site.handshake(&Token::new()).subprotocol(subprotocol).open();
            for frame in &frames {
                client.send(frame);
            }
            assert_eq!(client.closed().0, 1002, "{what}, {subprotocol:?}");
        }
    }
}

#[test]
fn a_length_that_is_absurd_is_refused_at_once_and_reserves_nothing() {
    let site = Site::start();
    for (length, code) in [(u64::MAX, 1002), (i64::MAX as u64, 1009), (1 << 40, 1009)] {
        let mut client = site.handshake(&Token::new()).open();
        client.wire.send([&[0x81, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat());
        assert_eq!(client.closed().0, code, "{length}");
    }
}

#[test]
fn a_ping_between_fragments_is_answered_before_the_message() {
    let site = Site::start();
    let mut client = site.handshake(&Token::new()).open();
    client.send(&Frame::text(r#"{"type""#).unfinished());
    client.send(&Frame::new(Opcode::PING, "alive?"));
    let pong = client.wire.read_frame().unwrap();
    assert_eq!((pong.opcode, pong.as_text()), (Opcode::PONG, "alive?".to_owned()));
    client.send(&Frame::new(Opcode::CONTINUATION, "").unfinished());
    client.send(&Frame::new(Opcode::CONTINUATION, r#":"ping"}"#));
    assert_eq!(client.json()["type"], "pong");
}

#[test]
fn a_message_of_exactly_the_limit_passes_and_one_byte_more_closes_with_1009() {
    let site = Setup::default().limit("message_bytes_max", 5000).start();
    let mut client = site.handshake(&Token::new()).open();
    client.say(&ping_of(5000));
    assert_eq!(client.json()["type"], "pong");
    client.say(&ping_of(5001));
    let notice = client.json();
    assert_eq!(notice["event"], "disconnected", "{notice}");
    assert_eq!(client.closed().0, 1009);
}

#[test]
fn fragments_count_together_towards_the_limit() {
    let site = Setup::default().limit("message_bytes_max", 5000).start();
    for (bytes, code) in [(5000, None), (5001, Some(1009))] {
        let mut client = site.handshake(&Token::new()).open();
        let message = ping_of(bytes);
        let pieces: Vec<_> = message.as_bytes().chunks(1000).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let opcode = if index == 0 { Opcode::TEXT } else { Opcode::CONTINUATION };
            let frame = Frame::new(opcode, piece);
            client.send(&if index + 1 < pieces.len() { frame.unfinished() } else { frame });
        }
        match code {
            None => assert_eq!(client.json()["type"], "pong"),
            Some(code) => assert_eq!(client.closed().0, code),
        }
    }
}

#[test]
fn a_message_that_never_ends_closes_with_1009_after_a_bounded_number_of_bytes() {
    let site = Setup::default().limit("message_bytes_max", 5000).start();
    let mut client = site.handshake(&Token::new()).open();
    client.send(&Frame::text("x").unfinished());
    eventually("the service has had enough", || {
        !client.send(&Frame::new(Opcode::CONTINUATION, [b'x'; 100]).unfinished())
            || client.wire.hears_within(1)
    });
    assert_eq!(client.closed().0, 1009);
}

#[test]
fn text_that_is_not_utf8_closes_with_1007_also_across_fragments() {
    let site = Site::start();
    for subprotocol in [Subprotocol::Json, Subprotocol::None] {
        let open = || site.handshake(&Token::new()).subprotocol(subprotocol).open();
        for frames in [
            vec![Frame::text(b"\xff")],
            vec![Frame::text(b"\"\xed\xa0\x80\"")],
            vec![Frame::text(b"\xe2\x82").unfinished(), Frame::new(Opcode::CONTINUATION, "x")],
            vec![Frame::new(Opcode::CLOSE, b"\x03\xe8\xff")],
        ] {
            let mut client = open();
            for frame in &frames {
                client.send(frame);
            }
            assert_eq!(client.closed().0, 1007, "{frames:?}");
        }
    }
}

#[test]
fn a_character_that_is_split_over_fragments_is_whole_again() {
    let site = Site::start();
    let mut client = site.handshake(&Token::new().every_group()).open();
    client.join("g", 1);
    let text = r#"{"type":"sendToGroup","group":"g","dataType":"text","data":"€"}"#.as_bytes();
    let split = text.len() - 4;
    client.send(&Frame::text(&text[..split]).unfinished());
    client.send(&Frame::new(Opcode::CONTINUATION, &text[split..]));
    assert_eq!(client.data(), "€");
}

#[test]
fn messages_one_byte_at_a_time_are_messages() {
    let site = Site::start();
    let mut client = site.handshake(&Token::new().every_group()).open();
    let join = Frame::text(r#"{"type":"joinGroup","group":"g","ackId":1}"#).bytes();
    let send = Frame::text(
        r#"{"type":"sendToGroup","group":"g","dataType":"text","data":"slowly but surely, byte by byte, a message of more than 125 bytes","ackId":2}"#,
    );
    for byte in join.into_iter().chain(send.bytes()) {
        client.wire.send([byte]);
    }
    assert_eq!(client.json()["ackId"], 1);
    assert!(client.data().starts_with("slowly"));
    assert_eq!(client.json()["ackId"], 2);
}

#[test]
fn whatever_follows_a_broken_frame_is_without_effect() {
    let site = Site::start();
    let mut member = site.handshake(&Token::new().every_group()).open();
    member.join("g", 1);
    let mut client = site.handshake(&Token::new().every_group()).open();
    client.send(&Frame::text("{}").reserved(0x40));
    client.publish("g", "from the grave");
    assert_eq!(client.closed().0, 1002);
    site.rest().send_text("/api/hubs/chat/groups/g", "after it");
    assert_eq!(member.data(), "after it");
}

const READERS: usize = 50;
const MESSAGES: usize = 1000;

#[test]
fn a_client_that_never_reads_is_closed_while_fifty_others_receive_everything() {
    let site = Setup::default().workers(2).limit("outbox_bytes_max", 1 << 20).start();
    let handshake = site.handshake(&Token::new().group("g"));
    let stuck = handshake.narrow().open();
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let mut reader = handshake.open();
            thread::spawn(move || {
                for number in 0..MESSAGES {
                    assert!(reader.data().starts_with(&format!("{number} ")), "message {number}");
                }
            })
        })
        .collect();
    let before_bytes = resident_bytes();
    let filling = "f".repeat(8 << 10);
    // One socket, so that messages keep their order; one call at a time, so that readers can follow.
    let mut wire = site.wire();
    let rest = site.rest();
    for number in 0..MESSAGES {
        let text = format!("{number} {filling}");
        wire.send(rest.call_bytes("POST", "/api/hubs/chat/groups/g/:send", "text/plain", &text));
        assert_eq!(wire.read_response().status, 202);
    }
    for reader in readers {
        reader.join().unwrap();
    }
    assert!(!rest.exists(&format!("/api/hubs/chat/connections/{}", stuck.id)), "the stuck client is gone");
    let grown_bytes = resident_bytes().saturating_sub(before_bytes);
    assert!(grown_bytes < 256 << 20, "memory grew by {grown_bytes} bytes");
}

/// The memory of this process, the service and all its clients together.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

#[test]
fn a_client_that_never_answers_pings_is_dropped_and_one_that_answers_is_not() {
    let site = Setup::default().limit("ping_interval_ms", 500).start();
    let mut silent = site.handshake(&Token::new()).open();
    let mut alive = site.handshake(&Token::new()).open();
    let id = alive.id.clone();
    let answering = thread::spawn(move || {
        for _ in 0..12 {
            let ping = alive.wire.read_frame().expect("a client that answers is not dropped");
            assert_eq!(ping.opcode, Opcode::PING);
            alive.send(&Frame::new(Opcode::PONG, &ping.payload));
        }
        alive
    });
    let mut pings = 0;
    while let Some(frame) = silent.wire.read_frame() {
        pings += usize::from(frame.opcode == Opcode::PING);
    }
    assert!(pings >= 1, "it was never asked");
    let _alive = answering.join().unwrap();
    assert!(site.rest().exists(&format!("/api/hubs/chat/connections/{id}")));
    assert!(!site.rest().exists(&format!("/api/hubs/chat/connections/{}", silent.id)));
}

#[test]
fn a_client_that_broke_the_framing_is_not_waited_for() {
    // Nobody could tell its answer to the closing handshake from anything else.
    let site = Setup::default().limit("drain_timeout_ms", 3_600_000).start();
    for bytes in [Frame::text("{}").unmasked().bytes(), Frame::new(Opcode::CLOSE, [3, 0xe8, 0xff]).bytes()] {
        let mut client = site.handshake(&Token::new()).open();
        client.wire.send(bytes);
        assert!(matches!(client.closed().0, 1002 | 1007));
        assert!(client.frame().is_none(), "the connection ends");
    }
}

#[test]
fn text_that_cannot_become_utf8_is_refused_before_it_is_whole() {
    let site = Site::start();
    let good = r#"{"type":"ping","x":""#.as_bytes();
    let bad = [good, &[0xf4, 0x90]].concat();
    let mut client = site.handshake(&Token::new()).open();
    client.send(&Frame::new(Opcode::TEXT, &bad).unfinished());
    assert_eq!(client.closed().0, 1007, "a fragment");
    let mut client = site.handshake(&Token::new()).open();
    // The frame announces one byte more than ever comes.
    let whole = Frame::new(Opcode::TEXT, [&bad[..], b"x"].concat()).bytes();
    client.wire.send(&whole[..whole.len() - 1]);
    assert_eq!(client.closed().0, 1007, "a frame that is not whole");
}

#[test]
fn a_closing_handshake_that_is_never_answered_is_cut() {
    let site = Setup::default().limit("drain_timeout_ms", 300).start();
    let mut client = site.handshake(&Token::new()).open();
    let path = format!("/api/hubs/chat/connections/{}", client.id);
    assert_eq!(site.rest().call("DELETE", &path, "text/plain", "").status, 204);
    assert_eq!(client.json()["event"], "disconnected");
    assert_eq!(client.closed().0, 1000);
    // Nothing is answered, and still the end comes.
    assert!(client.frame().is_none());
}

#[test]
fn even_without_any_patience_a_client_is_told_why_it_is_closed() {
    let site = Setup::default().limit("drain_timeout_ms", 0).start();
    let mut client = site.handshake(&Token::new()).open();
    let path = format!("/api/hubs/chat/connections/{}", client.id);
    assert_eq!(site.rest().call("DELETE", &path, "text/plain", "").status, 204);
    assert_eq!(client.json()["event"], "disconnected");
    assert_eq!(client.closed().0, 1000);
}

#[test]
fn one_group_more_than_the_limit_is_refused_in_words() {
    let site = Setup::default().limit("groups_per_connection_max", 100).start();
    let mut client = site.handshake(&Token::new().every_group()).open();
    for number in 1..=100 {
        client.join(&format!("g{number}"), number);
    }
    client.join("g1", 101);
    let ack = client.request(r#"{"type":"joinGroup","group":"one more","ackId":102}"#);
    assert_eq!(ack["success"], false, "{ack}");
    let message = ack["error"]["message"].as_str().unwrap();
    assert!(message.contains("groups_per_connection_max"), "{ack}");
    let path = format!("/api/hubs/chat/groups/one-more/connections/{}", client.id);
    assert_eq!(site.rest().call("PUT", &path, "text/plain", "").status, 409);
    assert!(!site.rest().exists("/api/hubs/chat/groups/one%20more"));
    let ack = client.request(r#"{"type":"leaveGroup","group":"g1","ackId":103}"#);
    assert_eq!(ack["success"], true, "{ack}");
    client.join("one more", 104);
}

#[test]
fn one_connection_may_be_in_ten_thousand_groups() {
    const GROUPS: u64 = 10_000;
    let site = Site::start();
    let mut client = site.handshake(&Token::new().every_group()).open();
    for batch in 0..GROUPS / 100 {
        let requests = (1..=100).map(|number| batch * 100 + number).flat_map(|number| {
            Frame::text(format!(r#"{{"type":"joinGroup","group":"g{number}","ackId":{number}}}"#)).bytes()
        });
        client.wire.send(requests.collect::<Vec<_>>());
        for _ in 0..100 {
            let ack = client.json();
            assert_eq!(ack["success"], true, "{ack}");
        }
    }
    for number in [1, GROUPS / 2, GROUPS] {
        site.rest().send_text(&format!("/api/hubs/chat/groups/g{number}"), &format!("to {number}"));
        assert_eq!(client.data(), format!("to {number}"));
    }
    let id = client.id.clone();
    drop(client);
    let rest = site.rest();
    eventually("it is gone", || !rest.exists(&format!("/api/hubs/chat/connections/{id}")));
    assert!(!rest.exists("/api/hubs/chat/groups/g5000"), "and out of every group");
}
