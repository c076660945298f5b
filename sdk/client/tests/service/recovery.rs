//! Sockets that break.

use std::time::Duration;

use webpubsub_client::{Client, Closure, Event, Events, Protocol, State};

use crate::{
    next_connected, next_group_message,
    proxy::{Fault, Proxy},
    server::{Server, impatient},
    until,
};

async fn recovering(events: &mut Events) -> Closure {
    until(events, "recovering", |event| match event {
        Event::Recovering(recovering) => Some(recovering.closure),
        _ => None,
    })
    .await
}

async fn recovered(events: &mut Events) {
    until(events, "recovered", |event| match event {
        Event::Recovered(_) => Some(()),
        Event::Disconnected(lost) => panic!("the session is lost: {lost:?}"),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_reliable_client_takes_its_session_up_again_after_a_cut() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    for protocol in [Protocol::JsonReliable, Protocol::ProtobufReliable] {
        let client =
            impatient(Client::builder(server.url_via("alice", &proxy.address))).protocol(protocol).build();
        let bob = server.started("bob").await;
        let mut events = client.events();
        client.start().await.expect("the service is there");
        client.join_group("g").await.expect("it may join");
        let id = client.connection_id();
        proxy.inflict(Fault::Cut);
        let closure = recovering(&mut events).await;
        assert_eq!(closure.code, None, "{closure:?}");
        bob.send_to_group("g", "meanwhile").await.expect("it may send");
        recovered(&mut events).await;
        assert_eq!((client.state(), client.connection_id()), (State::Connected, id));
        assert_eq!(next_group_message(&mut events).await.data.as_text(), Some("meanwhile"));
    }
}

#[tokio::test]
async fn a_dead_peer_is_noticed_by_its_silence() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let client = impatient(Client::builder(server.url_via("alice", &proxy.address)))
        .keep_alive_interval(Duration::from_millis(50))
        .keep_alive_timeout(Duration::from_millis(500))
        .build();
    let mut events = client.events();
    client.start().await.expect("the service is there");
    client.join_group("g").await.expect("it may join");
    proxy.inflict(Fault::Silence);
    // Held up by the dead socket, and written again over the next.
    let sent = client.send_to_group("g", "a").await.expect("it may send");
    assert!(!sent.in_doubt);
    let closure = recovering(&mut events).await;
    assert!(closure.code.is_none() && closure.reason.contains("nothing was heard"), "{closure:?}");
    recovered(&mut events).await;
    assert_eq!(next_group_message(&mut events).await.data.as_text(), Some("a"));
}

#[tokio::test]
async fn a_plain_client_begins_a_new_session_in_its_groups() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    for protocol in [Protocol::Json, Protocol::Protobuf] {
        let client =
            impatient(Client::builder(server.url_via("alice", &proxy.address))).protocol(protocol).build();
        let mut events = client.events();
        client.start().await.expect("the service is there");
        let before = next_connected(&mut events).await.connection_id;
        client.join_group("g").await.expect("it may join");
        proxy.inflict(Fault::Cut);
        let connected = next_connected(&mut events).await;
        assert_eq!(connected.previous_connection_id, Some(before));
        assert_eq!(connected.rejoined_groups, ["g"]);
        client.send_to_group("g", "a").await.expect("it may send");
        assert_eq!(next_group_message(&mut events).await.data.as_text(), Some("a"));
    }
}

#[tokio::test]
async fn calls_wait_while_there_is_no_socket() {
    let server = Server::start();
    let port = server.port();
    let client = impatient(Client::builder(server.url("alice"))).build();
    let mut events = client.events();
    client.start().await.expect("the service is there");
    drop(server);
    recovering(&mut events).await;
    let (sent, _server) =
        tokio::join!(async { client.send_to_group("g", "a").await }, async { Server::start_with(port, "") },);
    let sent = sent.expect("it waited for the new session");
    assert!(!sent.in_doubt, "it was never written to the old one");
}

#[tokio::test]
async fn a_session_that_the_service_does_not_know_is_lost_with_code_1008() {
    let server = Server::start();
    let port = server.port();
    let client = impatient(Client::builder(server.url("alice"))).build();
    let mut events = client.events();
    client.start().await.expect("the service is there");
    drop(server);
    let _server = Server::start_with(port, "");
    let lost = until(&mut events, "disconnected", |event| match event {
        Event::Disconnected(lost) => Some(lost),
        _ => None,
    });
    assert_eq!(lost.await.closure.code, Some(1008));
    next_connected(&mut events).await;
}
