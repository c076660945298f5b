//! Listeners that are slow, or do not listen at all.

use std::{future::IntoFuture as _, time::Duration};

use webpubsub_client::{Client, Error};

use crate::{
    next_group_message, patiently,
    server::{Server, impatient},
};

#[tokio::test]
async fn a_slow_listener_loses_nothing_and_holds_the_socket_back() {
    let server = Server::start();
    let bob = server.started("bob").await;
    let alice = impatient(Client::builder(server.url("alice"))).event_buffer(16).build();
    let mut events = alice.events();
    alice.start().await.expect("the service is there");
    alice.join_group("g").await.expect("it may join");
    for number in 0..500 {
        bob.send_to_group("g", number.to_string()).await.expect("it may send");
    }
    for number in 0..500 {
        assert_eq!(next_group_message(&mut events).await.data.as_text(), Some(&*number.to_string()));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_behind_events_that_nobody_takes_is_given_up_and_the_client_goes_on() {
    let server = Server::start();
    let bob = server.started("bob").await;
    let alice = impatient(Client::builder(server.url("alice")))
        .event_buffer(4)
        .stall_timeout(Duration::from_millis(100))
        .build();
    let mut events = alice.events();
    alice.start().await.expect("the service is there");
    alice.join_group("g").await.expect("it may join");
    for number in 0..50 {
        bob.send_to_group("g", number.to_string()).await.expect("it may send");
    }
    // A listener that sends and waits without listening.
    let sent = patiently("an answer", alice.send_to_group("other", "a").into_future()).await;
    assert!(matches!(sent, Err(Error::EventsNotTaken { ack_id: Some(_) })), "{sent:?}");
    for number in 0..50 {
        assert_eq!(next_group_message(&mut events).await.data.as_text(), Some(&*number.to_string()));
    }
    alice.send_to_group("other", "a").await.expect("nothing is in the way any more");
}

#[tokio::test]
async fn a_listener_that_is_dropped_holds_nothing_back() {
    let server = Server::start();
    let client = Client::builder(server.url("alice")).event_buffer(1).build();
    let events = client.events();
    client.start().await.expect("the service is there");
    drop(events);
    client.join_group("g").await.expect("it may join");
    for _ in 0..20 {
        client.send_to_group("g", "a").await.expect("it may send");
    }
}
