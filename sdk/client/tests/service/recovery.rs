//! Sockets that break.

use std::time::Duration;

use webpubsub_client::{
    Client, Closure, Error, Event, Events, Protocol, Result, State, request::Acknowledged,
};

use crate::{
    handler::Handler,
    next_connected, next_group_message, patiently,
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
        proxy.inflict(Fault::Cut).await;
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
    proxy.inflict(Fault::Silence).await;
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
        proxy.inflict(Fault::Cut).await;
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

/// Sends an event that is never answered, and starts the service anew, so that it has forgotten the session.
async fn send_into_a_lost_session(repeat_in_doubt: bool) -> Result<Acknowledged> {
    let handler = Handler::start().await;
    let server = Server::start_with(0, &handler.settings());
    let port = server.port();
    let client = impatient(Client::builder(server.url("alice"))).repeat_in_doubt(repeat_in_doubt).build();
    client.start().await.expect("the service is there");
    let (sent, _server) = tokio::join!(client.send_event("slow", "a").ack_id(7), async {
        handler.slow_arrived().await;
        drop(server);
        // The handler would answer now.
        Server::start_with(port, &handler.settings().replace("{event}", "echo"))
    });
    client.send_to_group("g", "a").await.expect("the client has a new session");
    sent
}

#[tokio::test]
async fn what_was_written_to_a_lost_session_is_repeated_and_said_to_be_in_doubt() {
    let sent = patiently("an answer", send_into_a_lost_session(true)).await.expect("it is answered");
    assert_eq!((sent.ack_id, sent.in_doubt), (Some(7), true));
}

#[tokio::test]
async fn what_was_written_to_a_lost_session_fails_if_it_is_not_to_be_repeated() {
    let sent = patiently("an answer", send_into_a_lost_session(false)).await;
    assert!(matches!(sent, Err(Error::ConnectionLost { ack_id: Some(7), .. })), "{sent:?}");
}
