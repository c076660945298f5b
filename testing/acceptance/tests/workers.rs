//! Several workers that look like one service.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use std::thread;

use hubwire_acceptance::{Client, Setup, Site, Subprotocol, Token, eventually};

const WORKERS: usize = 4;
/// So many sockets that hardly ever a worker gets none of them.
const CLIENTS: usize = 32;

fn site() -> Site {
    Setup::default().workers(WORKERS).start()
}

/// Clients of the hub, spread over its workers by the kernel.
fn clients(site: &Site, token: &Token) -> Vec<Client> {
    let handshake = site.handshake(token);
    (0..CLIENTS).map(|_| handshake.open()).collect()
}

#[test]
fn publishes_reach_the_members_on_all_workers_from_wherever_they_come() {
    let site = site();
    let mut members = clients(&site, &Token::new().user("u").every_group());
    for (number, member) in (1..).zip(&mut members) {
        member.join("g", number);
    }
    let expect = |members: &mut Vec<Client>, text: &str| {
        for member in members {
            assert_eq!(member.data(), text);
        }
    };
    for path in ["/api/hubs/chat", "/api/hubs/chat/groups/g", "/api/hubs/chat/users/u"] {
        // Each call on a new socket, hence on any worker.
        for call in 0..8 {
            let text = format!("{path} {call}");
            site.rest().send_text(path, &text);
            expect(&mut members, &text);
        }
    }
    for sender in 0..CLIENTS {
        let text = format!("from client {sender}");
        members[sender].publish("g", &text);
        expect(&mut members, &text);
    }
    for receiver in &mut members {
        let path = format!("/api/hubs/chat/connections/{}", receiver.id);
        site.rest().send_text(&path, "to one");
        assert_eq!(receiver.data(), "to one");
    }
    for member in &mut members {
        member.settled();
    }
}

#[test]
fn whoever_has_the_acknowledgement_of_a_join_misses_nothing_that_is_sent_after_it() {
    let site = site();
    let mut clients = clients(&site, &Token::new().every_group());
    for round in 0..500 {
        let group = format!("g{round}");
        let (joining, sending) = (round % CLIENTS, (round * 7 + 5) % CLIENTS);
        clients[joining].join(&group, 1 + round as u64);
        clients[sending].publish(&group, &group);
        assert_eq!(clients[joining].data(), group);
    }
}

#[test]
fn whoever_has_the_acknowledgement_of_a_join_misses_nothing_that_rest_sends_after_it() {
    let site = site();
    let mut clients = clients(&site, &Token::new().every_group());
    for round in 0..200 {
        let group = format!("g{round}");
        let joining = round % CLIENTS;
        clients[joining].join(&group, 1 + round as u64);
        site.rest().send_text(&format!("/api/hubs/chat/groups/{group}"), &group);
        assert_eq!(clients[joining].data(), group);
    }
}

#[test]
fn a_greeted_client_can_be_reached_at_once() {
    let site = site();
    let handshake = site.handshake(&Token::new().user("u").group("g"));
    for round in 0..100 {
        let mut client = handshake.open();
        let paths = ["/api/hubs/chat", "/api/hubs/chat/groups/g", "/api/hubs/chat/users/u"];
        let path = paths[round % paths.len()];
        assert!(site.rest().exists(&format!("/api/hubs/chat/connections/{}", client.id)));
        site.rest().send_text(path, "welcome");
        assert_eq!(client.data(), "welcome", "{path}");
    }
}

#[test]
fn commands_have_acted_on_all_workers_when_they_are_answered() {
    let site = site();
    let rest = site.rest();
    let mut clients = clients(&site, &Token::new().user("u"));
    for round in 0..20 {
        let group = format!("g{round}");
        let body = format!(r#"{{"groups":["{group}"],"filter":"userId eq 'u'"}}"#);
        assert_eq!(rest.post_json("/api/hubs/chat/:addToGroups", &body), 200);
        let path = format!("/api/hubs/chat/groups/{group}");
        assert!(rest.exists(&path));
        assert_eq!(members(&site, &path), CLIENTS);
        rest.send_text(&path, &group);
        for client in &mut clients {
            assert_eq!(client.data(), group);
        }
        assert_eq!(rest.post_json("/api/hubs/chat/:removeFromGroups", &body), 200);
        assert!(!rest.exists(&path));
        assert_eq!(members(&site, &path), 0);
    }
    assert_eq!(rest.call("PUT", "/api/hubs/chat/users/u/groups/all", "text/plain", "").status, 200);
    assert_eq!(members(&site, "/api/hubs/chat/groups/all"), CLIENTS);
    let closed = rest.call("POST", "/api/hubs/chat/groups/all/:closeConnections", "text/plain", "");
    assert_eq!(closed.status, 204);
    assert!(!rest.exists("/api/hubs/chat/users/u"));
    assert!(!rest.exists("/api/hubs/chat/groups/all"));
    for client in &mut clients {
        assert!(!rest.exists(&format!("/api/hubs/chat/connections/{}", client.id)));
        assert_eq!(client.closed().0, 1000);
    }
}

/// How many members a listing shows.
#[track_caller]
fn members(site: &Site, group: &str) -> usize {
    let response = site.rest().call("GET", &format!("{group}/connections"), "text/plain", "");
    assert_eq!(response.status, 200, "{}", response.text());
    let page: serde_json::Value = serde_json::from_str(&response.text()).unwrap();
    page["value"].as_array().unwrap().len()
}

#[test]
fn a_session_is_recovered_a_hundred_times_whichever_worker_takes_the_socket() {
    let site = site();
    let handshake = site.handshake(&Token::new().group("g")).subprotocol(Subprotocol::Reliable);
    let first = handshake.open();
    let recovery = first.recovery(&handshake);
    let id = first.id.clone();
    drop(first);
    for round in 1..=100_u64 {
        site.rest().send_text("/api/hubs/chat/groups/g", &format!("message {round}"));
        let mut client = recovery.upgrade(b"");
        let message = client.json();
        assert_eq!(message["data"], format!("message {round}"), "{message}");
        assert_eq!(message["sequenceId"], round, "{message}");
        client.say(&format!(r#"{{"type":"sequenceAck","sequenceId":{round}}}"#));
        client.settled();
    }
    assert!(site.rest().exists(&format!("/api/hubs/chat/connections/{id}")));
}

#[test]
fn every_publisher_is_heard_in_its_own_order() {
    const PUBLISHERS: usize = 4;
    const MESSAGES: usize = 500;
    let site = site();
    let members = clients(&site, &Token::new().group("g"));
    let reading: Vec<_> =
        members.into_iter().map(|member| thread::spawn(|| assert_in_order(member))).collect();
    let publishing: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let mut client = site.handshake(&Token::new().every_group()).open();
            thread::spawn(move || {
                for number in 0..MESSAGES {
                    assert!(client.publish("g", &format!("{publisher} {number}")));
                    // So that no member has more waiting than it may.
                    if number % 100 == 99 {
                        client.settled();
                        thread::yield_now();
                    }
                }
                client.settled();
            })
        })
        .collect();
    for publisher in publishing {
        publisher.join().unwrap();
    }
    for reader in reading {
        reader.join().unwrap();
    }

    fn assert_in_order(mut member: Client) {
        let mut next = [0; PUBLISHERS];
        for _ in 0..PUBLISHERS * MESSAGES {
            let data = member.data();
            let (publisher, number) = data.split_once(' ').unwrap();
            let publisher: usize = publisher.parse().unwrap();
            assert_eq!(number.parse(), Ok(next[publisher]), "{data}");
            next[publisher] += 1;
        }
    }
}

#[test]
fn a_client_that_leaves_a_group_is_out_of_it_when_that_is_acknowledged() {
    let site = site();
    let mut clients = clients(&site, &Token::new().every_group());
    for round in 0..100 {
        let member = round % CLIENTS;
        clients[member].join("g", 1 + 2 * round as u64);
        let ack_id = 2 + 2 * round as u64;
        let ack =
            clients[member].request(&format!(r#"{{"type":"leaveGroup","group":"g","ackId":{ack_id}}}"#));
        assert_eq!(ack["success"], true, "{ack}");
        assert!(!site.rest().exists("/api/hubs/chat/groups/g"));
        site.rest().send_text("/api/hubs/chat/groups/g", "to nobody");
        clients[member].settled();
    }
}

#[test]
fn clients_that_come_and_go_leave_no_trace_on_any_worker() {
    let site = site();
    for _ in 0..5 {
        drop(clients(&site, &Token::new().user("u").group("g")));
    }
    let rest = site.rest();
    eventually("all are gone", || {
        !rest.exists("/api/hubs/chat/users/u") && !rest.exists("/api/hubs/chat/groups/g")
    });
}

#[test]
fn a_client_whose_handshake_has_succeeded_misses_nothing_that_is_sent_from_then_on() {
    let site = site();
    let mut senders = clients(&site, &Token::new().every_group());
    // A simple client is not greeted: the handshake is all that it sees.
    let handshake = site.handshake(&Token::new().group("g")).subprotocol(Subprotocol::None);
    for round in 0..500 {
        let mut client = handshake.open();
        let text = format!("{round}");
        senders[round % CLIENTS].publish("g", &text);
        assert_eq!(client.text(), text);
    }
}
