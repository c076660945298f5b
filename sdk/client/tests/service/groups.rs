//! Groups and what is sent to them.

use std::time::Duration;

use webpubsub_client::{Client, Data, Error, Event, Protocol, RejoinStep};

use crate::{
    next_connected, next_group_message, patiently,
    server::{Server, impatient},
    until,
};

#[tokio::test]
async fn all_four_protocols_meet_in_one_group() {
    let server = Server::start();
    let mut clients = Vec::new();
    for protocol in [Protocol::Json, Protocol::JsonReliable, Protocol::Protobuf, Protocol::ProtobufReliable] {
        let client = Client::builder(server.url("alice")).protocol(protocol).build();
        let events = client.events();
        client.start().await.expect("the service is there");
        client.join_group("mixed").await.expect("it may join");
        clients.push((protocol, client, events));
    }
    let payloads = [
        Data::text("häl\"lo"),
        Data::json_text("{ \"n\" : 1.50 }").expect("it is JSON"),
        Data::binary(vec![0, 1, 255]),
        Data::any("type.googleapis.com/t.M", vec![8, 1]),
    ];
    for sender in 0..clients.len() {
        for payload in &payloads {
            let send = clients[sender].1.send_to_group("mixed", payload.clone()).metadata("trace", "t1");
            send.await.expect("it may send");
            for (protocol, _, events) in &mut clients {
                let message = next_group_message(events).await;
                assert_eq!(message.data, *payload, "to {protocol:?}");
                assert_eq!(message.metadata.get("trace").map(String::as_str), Some("t1"));
                let reliable = matches!(protocol, Protocol::JsonReliable | Protocol::ProtobufReliable);
                assert_eq!(message.sequence_id.is_some(), reliable, "{protocol:?}");
            }
        }
    }
}

#[tokio::test]
async fn no_echo_spares_the_sender_only() {
    let server = Server::start();
    let (alice, bob) = (server.started("alice").await, server.started("bob").await);
    let (mut alice_events, mut bob_events) = (alice.events(), bob.events());
    alice.join_group("g").await.expect("it may join");
    bob.join_group("g").await.expect("it may join");
    alice.send_to_group("g", "1").no_echo().await.expect("it may send");
    alice.send_to_group("g", "2").ttl(Duration::from_secs(60)).await.expect("it may send");
    let first = next_group_message(&mut bob_events).await;
    assert_eq!((first.data.as_text(), first.from_user_id.as_deref()), (Some("1"), Some("alice")));
    assert_eq!(next_group_message(&mut bob_events).await.data.as_text(), Some("2"));
    assert_eq!(next_group_message(&mut alice_events).await.data.as_text(), Some("2"));
}

#[tokio::test]
async fn who_has_left_a_group_hears_nothing_of_it() {
    let server = Server::start();
    let client = server.started("alice").await;
    let mut events = client.events();
    client.join_group("left").await.expect("it may join");
    client.leave_group("left").await.expect("it may leave");
    client.join_group("kept").await.expect("it may join");
    client.send_to_group("left", "unheard").await.expect("it may send");
    client.send_to_group("kept", "heard").await.expect("it may send");
    assert_eq!(next_group_message(&mut events).await.data.as_text(), Some("heard"));
}

#[tokio::test]
async fn fire_and_forget_has_no_ack_and_arrives() {
    let server = Server::start();
    let client = server.started("alice").await;
    let mut events = client.events();
    client.join_group("g").await.expect("it may join");
    let sent = client.send_to_group("g", "a").fire_and_forget().await.expect("it is connected");
    assert_eq!((sent.ack_id, sent.duplicate), (None, false));
    assert_eq!(next_group_message(&mut events).await.data.as_text(), Some("a"));
}

#[tokio::test]
async fn what_would_close_the_connection_is_not_sent() {
    let server = Server::start();
    let client = server.started("alice").await;
    let id = client.connection_id();
    for refused in [
        client.join_group(" ").await,
        client.send_to_group("", "a").await,
        client.send_to_group("g", "a").ttl(Duration::from_secs(301)).await,
        client.send_to_group("g", "a").metadata("no spaces", "v").await,
        client.send_event("1st", "a").await,
    ] {
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
    }
    assert!(Data::json_text("null").is_err() && Data::json(&Option::<u8>::None).is_err());
    client.send_to_group("g", "a").await.expect("it is still connected");
    assert_eq!(client.connection_id(), id);
}

#[tokio::test]
async fn after_a_restart_of_the_service_groups_are_joined_again_and_the_client_says_so() {
    for protocol in [Protocol::JsonReliable, Protocol::Protobuf] {
        let first = Server::start();
        let (url, port) = (first.url("alice"), first.port());
        let client = impatient(Client::builder(url)).protocol(protocol).build();
        let mut events = client.events();
        client.start().await.expect("the service is there");
        let before = next_connected(&mut events).await.connection_id;
        for group in ["b", "a", "gone"] {
            client.join_group(group).await.expect("it may join");
        }
        client.leave_group("gone").await.expect("it may leave");
        drop(first);
        let second = Server::start_with(port, "");
        let lost = until(&mut events, "disconnected", |event| match event {
            Event::Disconnected(lost) => Some(lost.connection_id),
            _ => None,
        });
        assert_eq!(lost.await, before);
        let connected = next_connected(&mut events).await;
        assert_eq!(connected.previous_connection_id, Some(before));
        assert_eq!(connected.rejoined_groups, ["a", "b"]);
        client.send_to_group("a", "again").await.expect("it may send");
        assert_eq!(next_group_message(&mut events).await.data.as_text(), Some("again"));
        drop(second);
    }
}

#[tokio::test]
async fn a_group_that_cannot_be_joined_again_is_reported_before_connected() {
    let server = Server::start();
    let urls = [server.url("alice"), server.url_with("alice", &["webpubsub.joinLeaveGroup.kept"])];
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let credential = webpubsub_client::Credential::from_fn(move || {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::future::ready(Ok::<_, std::io::Error>(urls[call.min(1)].clone()))
    });
    let client = Client::new(credential);
    let mut events = client.events();
    client.start().await.expect("the service is there");
    client.join_group("kept").await.expect("it may join");
    client.join_group("lost").await.expect("it may join");
    client.stop().await;
    // Groups are remembered by a stopped client too.
    client.start().await.expect("the service is there");
    let failed = until(&mut events, "a failure", |event| match event {
        Event::RejoinGroupFailed(failed) => Some(failed),
        _ => None,
    });
    let failed = failed.await;
    assert_eq!((failed.group.as_str(), failed.step), ("lost", RejoinStep::Join));
    assert_eq!(failed.error.name, "Forbidden");
    assert_eq!(next_connected(&mut events).await.rejoined_groups, ["kept"]);
}

#[test]
fn it_works_on_a_runtime_with_one_thread_and_with_many() {
    let server = Server::start();
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    for runtime in [one, many] {
        runtime.expect("it can be built").block_on(patiently("a message", async {
            let client = server.started("alice").await;
            let mut events = client.events();
            client.join_group("g").await.expect("it may join");
            client.send_to_group("g", "a").await.expect("it may send");
            next_group_message(&mut events).await;
        }));
    }
}
