//! Acks, refusals and repetitions.

use std::{future::IntoFuture as _, time::Duration};

use futures_util::{StreamExt as _, stream};
use webpubsub_client::{Client, Error, Event, State};

use crate::{
    handler::Handler,
    next_group_message, patiently,
    server::{Server, impatient},
    until,
};

#[tokio::test]
async fn a_request_with_an_ack_id_takes_effect_once() {
    let server = Server::start();
    let client = server.started("alice").await;
    let mut events = client.events();
    client.join_group("g").await.expect("it may join");
    let first = client.send_to_group("g", "once").ack_id(1000).await.expect("it may send");
    assert_eq!((first.ack_id, first.duplicate, first.in_doubt), (Some(1000), false, false));
    let second = client.send_to_group("g", "twice").ack_id(1000).await.expect("a duplicate is a success");
    assert_eq!((second.ack_id, second.duplicate), (Some(1000), true));
    client.send_to_group("g", "next").await.expect("it may send");
    assert_eq!(next_group_message(&mut events).await.data.as_text(), Some("once"));
    assert_eq!(next_group_message(&mut events).await.data.as_text(), Some("next"));
}

#[tokio::test]
async fn the_clients_own_ids_never_collide_with_the_applications() {
    let server = Server::start();
    let client = server.started("alice").await;
    client.send_to_group("g", "a").ack_id(3).await.expect("it may send");
    for _ in 0..5 {
        let sent = client.send_to_group("g", "a").await.expect("it may send");
        assert!(!sent.duplicate, "{sent:?}");
    }
    client.send_to_group("g", "a").ack_id(u64::MAX).await.expect("it may send");
    assert!(!client.send_to_group("g", "a").await.expect("it may send").duplicate);
}

#[tokio::test]
async fn without_permission_requests_are_refused_at_once_and_the_client_stays() {
    let server = Server::start();
    let client = Client::new(server.url_with("alice", &[]));
    client.start().await.expect("the service is there");
    let refused = client.join_group("g").await.expect_err("it may not");
    assert_eq!(refused.detail().map(|detail| detail.name.as_str()), Some("Forbidden"), "{refused:?}");
    let id = refused.ack_id().expect("it was sent with one");
    let again = client.join_group("g").ack_id(id).await.expect_err("it still may not");
    assert_eq!(again.ack_id(), Some(id));
    assert!(matches!(client.send_to_group("g", "a").await, Err(Error::Refused { .. })));
}

#[tokio::test]
async fn a_thousand_requests_at_a_time_are_all_answered() {
    let server = Server::start();
    let client = server.started("alice").await;
    let sends = stream::iter(0..3000).map(|number| {
        let client = client.clone();
        async move { client.send_to_group("g", number.to_string()).await }
    });
    let answers: Vec<_> = sends.buffered(1500).collect().await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|acked| !acked.duplicate)));
}

#[tokio::test]
async fn an_event_is_acknowledged_after_its_handlers_answer() {
    let handler = Handler::start().await;
    let server = Server::start_with(0, &handler.settings());
    let client = impatient(Client::builder(server.url("alice"))).build();
    let mut events = client.events();
    client.start().await.expect("the service is there");
    client.send_event("echo", "hello").await.expect("the handler takes it");
    let reply = until(&mut events, "the handler's answer", |event| match event {
        Event::ServerMessage(message) => Some(message.data),
        _ => None,
    });
    assert_eq!(reply.await.as_text(), Some("hello"));
    let refused = client.send_event("fail", "hello").await.expect_err("the handler refuses it");
    assert_eq!(refused.detail().map(|detail| detail.name.as_str()), Some("InternalServerError"));
    let unhandled = client.send_event("nobody", "hello").await.expect_err("no handler takes it");
    assert!(matches!(unhandled, Error::Refused { .. }), "{unhandled:?}");
}

#[tokio::test]
async fn two_requests_cannot_wait_under_one_id() {
    let handler = Handler::start().await;
    let server = Server::start_with(0, &handler.settings());
    let client = server.started("alice").await;
    let first = client.send_event("slow", "a").ack_id(7).into_future();
    let second = client.send_to_group("g", "a").ack_id(7).into_future();
    tokio::pin!(first);
    tokio::select! {
        biased;
        _ = &mut first => panic!("the handler never answers"),
        second = second => assert!(matches!(second, Err(Error::AckIdInUse(7))), "{second:?}"),
    }
}

#[tokio::test]
async fn a_request_without_an_ack_in_time_fails_with_its_id_and_the_client_stays() {
    let handler = Handler::start().await;
    let server = Server::start_with(0, &handler.settings());
    let client =
        impatient(Client::builder(server.url("alice"))).ack_timeout(Duration::from_millis(20)).build();
    client.start().await.expect("the service is there");
    let id = client.connection_id();
    let slow = client.send_event("slow", "a").ack_id(7).into_future();
    let slow = patiently("the time-out", slow).await;
    assert!(matches!(slow, Err(Error::AckTimeout { ack_id: 7 })), "{slow:?}");
    assert_eq!((client.state(), client.connection_id()), (State::Connected, id));
}
