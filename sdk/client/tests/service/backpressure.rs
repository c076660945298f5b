//! Listeners that are slow, or do not listen at all.

use std::{future::IntoFuture as _, time::Duration};

use tokio::sync::mpsc;
use webpubsub_client::{Client, Credential, Error, Event};

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

#[tokio::test]
async fn no_socket_is_opened_while_a_listener_leaves_too_many_events_of_starts_and_stops() {
    /// What fits into a buffer of one event, and the room beyond it for events that come without a frame.
    const STOPS: usize = 1 + 64;
    let server = Server::start();
    let (asks, mut asked) = mpsc::unbounded_channel();
    let url = server.url("alice");
    let credential = Credential::from_fn(move || {
        asks.send(()).expect("the test listens");
        std::future::ready(Ok::<_, std::io::Error>(url.clone()))
    });
    let client = Client::builder(credential).event_buffer(1).build();
    let mut events = client.events();
    for _ in 0..STOPS {
        let (started, ()) = tokio::join!(client.start(), client.stop());
        assert!(matches!(started, Err(Error::Stopped { .. })), "{started:?}");
    }
    while asked.try_recv().is_ok() {}
    let start = client.start();
    tokio::pin!(start);
    // What it answers meanwhile shows that it has had every occasion to connect.
    let answers = async {
        for _ in 0..20 {
            assert!(matches!(client.start().await, Err(Error::AlreadyStarted)));
        }
    };
    tokio::select! {
        biased;
        started = &mut start => panic!("{started:?}"),
        () = answers => assert!(asked.try_recv().is_err(), "it asked for a URL to connect to"),
    }
    for _ in 0..STOPS {
        let event = patiently("an event", events.next()).await;
        assert!(matches!(event, Some(Event::Stopped(_))), "{event:?}");
    }
    patiently("a socket", start).await.expect("the service is there");
    assert!(asked.try_recv().is_ok());
}
