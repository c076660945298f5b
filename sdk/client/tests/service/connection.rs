//! Starting, stopping, and what is said about it.

use std::{
    future::{Future as _, poll_fn},
    task::Poll,
    time::Duration,
};

use tokio::{io::AsyncReadExt as _, net::TcpListener};
use webpubsub_client::{Client, Credential, Error, Event, Protocol, RetryPolicy, State};

use crate::{
    next_connected, patiently,
    server::{Server, impatient},
    until,
};

const PROTOCOLS: [Protocol; 4] =
    [Protocol::Json, Protocol::JsonReliable, Protocol::Protobuf, Protocol::ProtobufReliable];

#[tokio::test]
async fn a_client_goes_from_stopped_to_connected_to_stopped_and_can_start_again() {
    let server = Server::start();
    for protocol in PROTOCOLS {
        let client = Client::builder(server.url("alice")).protocol(protocol).build();
        let mut events = client.events();
        assert_eq!(client.state(), State::Stopped);
        for _ in 0..2 {
            client.start().await.expect("the service is there");
            assert_eq!(client.state(), State::Connected);
            let connected = next_connected(&mut events).await;
            assert_eq!(client.connection_id(), Some(connected.connection_id.clone()));
            assert_eq!(connected.user_id.as_deref(), Some("alice"));
            assert_eq!(connected.previous_connection_id, None);
            client.stop().await;
            assert_eq!((client.state(), client.connection_id()), (State::Stopped, None));
            let disconnected = until(&mut events, "disconnected", |event| match event {
                Event::Disconnected(disconnected) => Some(disconnected),
                _ => None,
            });
            let disconnected = disconnected.await;
            assert_eq!(disconnected.connection_id, connected.connection_id);
            assert_eq!(disconnected.closure.code, Some(1000), "{disconnected:?}");
            until(&mut events, "stopped", |event| matches!(event, Event::Stopped(_)).then_some(())).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_is_not_stopped_cannot_be_started() {
    let server = Server::start();
    let client = server.started("alice").await;
    assert!(matches!(client.start().await, Err(Error::AlreadyStarted)));
    client.send_to_group("g", "still there").await.expect("it is connected");
}

#[tokio::test]
async fn a_stopped_client_cannot_send() {
    let server = Server::start();
    let client = server.client("alice");
    assert!(matches!(client.send_to_group("g", "a").await, Err(Error::Stopped { ack_id: None })));
    client.start().await.expect("the service is there");
    client.stop().await;
    client.stop().await;
    assert!(matches!(client.join_group("g").await, Err(Error::Stopped { ack_id: None })));
}

#[tokio::test]
async fn a_refused_start_says_why_and_leaves_the_client_stopped() {
    let server = Server::start();
    let client = Client::new(server.url("alice").replace("access_token=", "access_token=x"));
    let error = client.start().await.expect_err("the token is broken");
    assert!(matches!(error, Error::Connect { status: Some(401), .. }), "{error:?}");
    assert_eq!(client.state(), State::Stopped);

    let nobody = Client::new("ws://127.0.0.1:1/client/hubs/chat?access_token=secret");
    let error = nobody.start().await.expect_err("nobody listens there");
    assert!(matches!(error, Error::Connect { status: None, .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("secret"));
}

#[tokio::test]
async fn a_credential_that_fails_says_so() {
    let client = Client::new(Credential::from_fn(|| async { Err::<String, _>("no luck") }));
    let error = client.start().await.expect_err("there is no URL");
    assert!(matches!(&error, Error::Credential(source) if source.to_string() == "no luck"), "{error:?}");
}

#[tokio::test]
async fn a_start_that_is_dropped_does_no_harm() {
    let server = Server::start();
    let url = server.url("alice");
    let client = Client::new(Credential::from_fn(move || {
        let url = url.clone();
        async move {
            tokio::task::yield_now().await;
            Ok::<_, std::io::Error>(url)
        }
    }));
    {
        let start = client.start();
        tokio::pin!(start);
        // Polled once, then dropped: nobody waits for it any more.
        let waits = poll_fn(|context| Poll::Ready(start.as_mut().poll(context).is_pending()));
        assert!(waits.await);
    }
    client.stop().await;
    client.start().await.expect("it was stopped");
    assert_eq!(client.state(), State::Connected);
}

#[tokio::test]
async fn whoever_stops_during_a_start_ends_it() {
    let client = Client::new(Credential::from_fn(std::future::pending::<Result<String, std::io::Error>>));
    let (started, ()) = tokio::join!(client.start(), async {
        while client.state() == State::Stopped {
            tokio::task::yield_now().await;
        }
        client.stop().await;
    });
    assert!(matches!(started, Err(Error::Stopped { .. })), "{started:?}");
    assert_eq!(client.state(), State::Stopped);
}

#[tokio::test]
async fn every_session_asks_for_a_url_of_its_own() {
    let server = Server::start();
    let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
    let url = server.url("alice");
    let client = Client::new(Credential::from_fn(move || {
        calls.send(()).expect("the test listens");
        std::future::ready(Ok::<_, std::io::Error>(url.clone()))
    }));
    for _ in 0..2 {
        client.start().await.expect("the service is there");
        client.stop().await;
        assert!(called.try_recv().is_ok());
        assert!(called.try_recv().is_err());
    }
}

#[tokio::test]
async fn events_end_when_the_last_client_is_dropped() {
    let server = Server::start();
    let client = server.started("alice").await;
    let mut events = client.events();
    let clone = client.clone();
    drop(client);
    assert_eq!(clone.state(), State::Connected);
    drop(clone);
    patiently("the end of events", async { while events.next().await.is_some() {} }).await;
}

#[tokio::test]
async fn a_client_that_does_not_reconnect_stops_and_shows_the_close() {
    let server = Server::start();
    let client = impatient(Client::builder(server.url("alice"))).auto_reconnect(false).build();
    let mut events = client.events();
    client.start().await.expect("the service is there");
    // Larger than the service takes, which it says with close code 1009.
    let error = client.send_to_group("g", "x".repeat(2 << 20)).await.expect_err("it is too large");
    assert!(
        matches!(&error, Error::ConnectionLost { closure, .. } if closure.code == Some(1009)),
        "{error:?}"
    );
    let stopped = until(&mut events, "stopped", |event| match event {
        Event::Stopped(stopped) => Some(stopped),
        _ => None,
    });
    let closure = stopped.await.closure.expect("it was not stopped by the application");
    assert_eq!(closure.code, Some(1008), "the session cannot be recovered");
}

#[tokio::test]
async fn a_client_whose_reconnects_are_used_up_stops_and_says_why() {
    let server = Server::start();
    let client = impatient(Client::builder(server.url("alice")))
        .protocol(Protocol::Json)
        .reconnect_retry(RetryPolicy::none())
        .build();
    let mut events = client.events();
    client.start().await.expect("the service is there");
    drop(server);
    let stopped = until(&mut events, "stopped", |event| match event {
        Event::Stopped(stopped) => Some(stopped),
        _ => None,
    });
    assert!(matches!(stopped.await.error, Some(Error::Connect { .. })));
    assert_eq!(client.state(), State::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_are_called_in_order_and_until_they_are_removed() {
    let server = Server::start();
    let client = server.client("alice");
    let (seen, mut sees) = tokio::sync::mpsc::unbounded_channel();
    let handler = client.on_group_message(move |message| {
        let seen = seen.clone();
        async move {
            seen.send(message.data).expect("the test listens");
        }
    });
    client.start().await.expect("the service is there");
    client.join_group("g").await.expect("it may join");
    for text in ["1", "2", "3"] {
        client.send_to_group("g", text).await.expect("it may send");
    }
    for text in ["1", "2", "3"] {
        let data = patiently("a handler", sees.recv()).await.expect("the handler is there");
        assert_eq!(data.as_text(), Some(text));
    }
    handler.remove();
    assert!(patiently("the handler's end", sees.recv()).await.is_none());
}

#[tokio::test]
async fn a_service_that_never_answers_is_let_go_after_the_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let client = Client::builder(format!("ws://{address}/client/hubs/chat?access_token=secret"))
        .connect_timeout(Duration::from_millis(100))
        .build();
    let (started, ()) = tokio::join!(client.start(), async {
        let (mut socket, _) = patiently("a socket", listener.accept()).await.expect("it is listening");
        let mut request = Vec::new();
        patiently("the socket's end", socket.read_to_end(&mut request)).await.expect("it ends");
        assert!(request.starts_with(b"GET /client/hubs/chat?"), "{request:?}");
    });
    let error = started.expect_err("nobody greets it");
    assert!(matches!(&error, Error::Connect { reason, .. } if reason.contains("time-out")), "{error:?}");
    assert_eq!(client.state(), State::Stopped);
}

#[tokio::test]
async fn a_credential_that_never_comes_ends_with_the_connect_timeout() {
    let never = Credential::from_fn(std::future::pending::<Result<String, std::io::Error>>);
    let client = Client::builder(never).connect_timeout(Duration::from_millis(10)).build();
    let error = patiently("the time-out", client.start()).await.expect_err("there is no URL");
    assert!(matches!(&error, Error::Connect { reason, .. } if reason.contains("time-out")), "{error:?}");
}
