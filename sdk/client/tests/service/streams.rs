//! Group streams.

use std::time::Duration;

use webpubsub_client::{
    Client, Data, Error, GroupStream, GroupStreams, GroupStreamsOptions, Protocol, StreamEndError,
    StreamError,
};

use crate::{
    patiently,
    proxy::{Fault, Proxy},
    server::{Server, impatient},
};

async fn next_stream(streams: &mut GroupStreams) -> GroupStream {
    patiently("a stream", streams.next()).await.expect("the client is there")
}

async fn texts(stream: &mut GroupStream) -> (Vec<String>, Option<StreamError>) {
    let mut texts = Vec::new();
    loop {
        match patiently("a fragment", stream.next()).await {
            Some(Ok(message)) => texts.push(message.data.as_text().expect("it is text").to_owned()),
            Some(Err(error)) => return (texts, Some(error)),
            None => return (texts, None),
        }
    }
}

#[tokio::test]
async fn a_stream_arrives_in_order_and_ends() {
    let server = Server::start();
    for protocol in [Protocol::JsonReliable, Protocol::ProtobufReliable, Protocol::Json, Protocol::Protobuf] {
        let client = Client::builder(server.url("alice")).protocol(protocol).build();
        let mut streams = client.group_streams(GroupStreamsOptions::default().from_start());
        client.start().await.expect("the service is there");
        client.join_group("g").await.expect("it may join");
        let mut writer = client.open_group_stream("g").await.expect("it may send");
        for text in ["hello ", "world"] {
            writer.write(text).await.expect("the stream is open");
        }
        let id = writer.stream_id().to_owned();
        writer.end().await.expect("the stream is open");
        let mut stream = next_stream(&mut streams).await;
        assert_eq!((stream.group(), stream.stream_id()), ("g", id.as_str()));
        assert_eq!(texts(&mut stream).await, (vec!["hello ".to_owned(), "world".to_owned()], None));
    }
}

#[tokio::test]
async fn a_stream_of_a_thousand_fragments_waits_for_the_service() {
    let server = Server::start();
    let (alice, bob) = (server.started("alice").await, server.started("bob").await);
    let mut streams = bob.group_streams(GroupStreamsOptions::default().groups(["g"]));
    bob.join_group("g").await.expect("it may join");
    let mut writer = alice.open_group_stream("g").no_echo().stream_id("mine").await.expect("it may send");
    let write = async {
        for number in 0..1000 {
            writer.write(number.to_string()).await.expect("the stream is open");
        }
        writer.end().await.expect("the stream is open");
    };
    let read = async {
        let mut stream = next_stream(&mut streams).await;
        texts(&mut stream).await
    };
    let ((), (texts, error)) = tokio::join!(write, read);
    assert_eq!(error, None);
    assert!(texts.into_iter().eq((0..1000).map(|number| number.to_string())));
}

#[tokio::test]
async fn who_breaks_a_stream_off_says_why() {
    let server = Server::start();
    let client = server.started("alice").await;
    let mut streams = client.group_streams(GroupStreamsOptions::default());
    client.join_group("g").await.expect("it may join");
    let mut writer = client.open_group_stream("g").await.expect("it may send");
    writer.write("a").await.expect("the stream is open");
    let mut stream = next_stream(&mut streams).await;
    assert!(patiently("a fragment", stream.next()).await.is_some_and(|fragment| fragment.is_ok()));
    let error =
        StreamEndError { message: Some("broken".to_owned()), user_error_code: Some("E42".to_owned()) };
    writer.abort(error).await.expect("the stream is open");
    let (_, error) = texts(&mut stream).await;
    let error = error.expect("it broke off");
    assert_eq!((error.name.as_str(), error.message.as_str()), ("UserError", "broken"));
    assert_eq!(error.user_error_code.as_deref(), Some("E42"));

    // So does one whose writer is dropped.
    let mut writer = client.open_group_stream("g").await.expect("it may send");
    writer.write("a").await.expect("the stream is open");
    drop(writer);
    let mut stream = next_stream(&mut streams).await;
    assert_eq!(texts(&mut stream).await.1.map(|error| error.name), Some("UserError".to_owned()));
}

#[tokio::test]
async fn an_idle_stream_ends_for_both_ends_and_the_writer_learns_why() {
    let server = Server::start();
    let client = server.started("alice").await;
    let mut streams = client.group_streams(GroupStreamsOptions::default());
    client.join_group("g").await.expect("it may join");
    let open = client.open_group_stream("g").idle_timeout(Duration::from_millis(300));
    let mut writer = open.await.expect("it may send");
    writer.write("a").await.expect("the stream is open");
    writer.keep_alive().await.expect("the stream is open");
    let idle =
        |error: Error| matches!(error, Error::StreamEnded { error, .. } if error.name == "IdleTimeout");
    assert!(patiently("the end", writer.closed()).await.is_err_and(idle));
    assert!(writer.write("b").await.is_err_and(idle));
    assert!(writer.end().await.is_err_and(idle));
    let mut stream = next_stream(&mut streams).await;
    assert_eq!(texts(&mut stream).await.1.map(|error| error.name), Some("IdleTimeout".to_owned()));
}

#[tokio::test]
async fn without_permission_a_stream_does_not_open() {
    let server = Server::start();
    let client = Client::new(server.url_with("alice", &["webpubsub.joinLeaveGroup"]));
    client.start().await.expect("the service is there");
    let error = client.open_group_stream("g").await.expect_err("it may not send");
    assert!(matches!(&error, Error::StreamEnded { error, .. } if error.name == "Forbidden"), "{error:?}");
}

#[tokio::test]
async fn two_streams_cannot_have_one_id_at_a_time() {
    let server = Server::start();
    let client = server.started("alice").await;
    let writer = client.open_group_stream("g").stream_id("s").await.expect("it may send");
    let twice = client.open_group_stream("g").stream_id("s").await;
    assert!(matches!(twice, Err(Error::StreamIdInUse(_))), "{twice:?}");
    writer.end().await.expect("the stream is open");
    client.open_group_stream("g").stream_id("s").await.expect("the id is free again");
}

#[tokio::test]
async fn a_stream_survives_cuts_of_both_ends_with_nothing_lost_or_doubled() {
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let client = |user| impatient(Client::builder(server.url_via(user, &proxy.address))).build();
    let (alice, bob) = (client("alice"), client("bob"));
    let mut streams = bob.group_streams(GroupStreamsOptions::default());
    for client in [&alice, &bob] {
        client.start().await.expect("the service is there");
    }
    bob.join_group("g").await.expect("it may join");
    let mut writer = alice.open_group_stream("g").await.expect("it may send");
    let write = async {
        for number in 0..500 {
            if number % 100 == 50 {
                proxy.inflict(Fault::Cut).await;
            }
            writer.write(Data::text(number.to_string())).await.expect("the stream is open");
        }
        writer.end().await.expect("the stream is open");
    };
    let read = async {
        let mut stream = next_stream(&mut streams).await;
        texts(&mut stream).await
    };
    let ((), (texts, error)) = tokio::join!(patiently("the end", write), read);
    assert_eq!(error, None);
    assert!(texts.into_iter().eq((0..500).map(|number| number.to_string())));
}

#[tokio::test]
async fn a_stream_does_not_survive_the_loss_of_its_session() {
    let server = Server::start();
    let port = server.port();
    let client = impatient(Client::builder(server.url("alice"))).build();
    let mut streams = client.group_streams(GroupStreamsOptions::default());
    client.start().await.expect("the service is there");
    client.join_group("g").await.expect("it may join");
    let mut writer = client.open_group_stream("g").await.expect("it may send");
    writer.write("a").await.expect("the stream is open");
    let mut stream = next_stream(&mut streams).await;
    assert!(patiently("a fragment", stream.next()).await.is_some_and(|fragment| fragment.is_ok()));
    drop(server);
    let _server = Server::start_with(port, "");
    let lost =
        |error: Error| matches!(error, Error::StreamEnded { error, .. } if error.name == "ConnectionLost");
    assert!(patiently("the end", writer.closed()).await.is_err_and(lost));
    assert_eq!(texts(&mut stream).await.1.map(|error| error.name), Some("SessionLost".to_owned()));
}
