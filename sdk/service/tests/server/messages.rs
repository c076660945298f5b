//! Who gets which message in which form.

use crate::hubwire::{Hubwire, Receiver};
use serde_json::json;
use webpubsub::{Filter, Message, models::*, odata};

#[tokio::test]
async fn simple_clients_receive_json_text_and_bytes_as_they_were_sent() {
    let server = Hubwire::start().await;
    let client = server.client();
    let mut receiver = Receiver::connect_simple(&client, "u", &[]).await;
    client.send_to_all(json!({ "message": "Hello world!" }), None).await.unwrap();
    assert_eq!(receiver.text().await, r#"{"message":"Hello world!"}"#);
    client.send_to_all(Message::text("Grüße"), None).await.unwrap();
    assert_eq!(receiver.text().await, "Grüße");
    client.send_to_all(vec![5, 1, 1], None).await.unwrap();
    let frame = receiver.frame().await;
    assert!(frame.is_binary());
    assert_eq!(&frame.as_payload()[..], [5, 1, 1]);
}

#[tokio::test]
async fn subprotocol_clients_receive_the_kind_along_with_the_data() {
    let server = Hubwire::start().await;
    let client = server.client();
    let mut receiver = Receiver::connect(&client, "", &[]).await;
    assert_eq!(receiver.user_id, None);
    client.send_to_all(json!({ "message": "Hello world!" }), None).await.unwrap();
    assert_eq!(
        receiver.text().await,
        r#"{"type":"message","from":"server","dataType":"json","data":{"message":"Hello world!"}}"#
    );
    client.send_to_all(Message::text("Hi there!"), None).await.unwrap();
    assert_eq!(
        receiver.text().await,
        r#"{"type":"message","from":"server","dataType":"text","data":"Hi there!"}"#
    );
    client.send_to_all(vec![5, 1, 1], None).await.unwrap();
    assert_eq!(
        receiver.text().await,
        r#"{"type":"message","from":"server","dataType":"binary","data":"BQEB"}"#
    );
    client.send_to_all(Message::json("text as JSON").unwrap(), None).await.unwrap();
    assert_eq!(receiver.json().await["dataType"], "json");
}

#[tokio::test]
async fn users_connections_and_groups_receive_what_is_for_them() {
    let server = Hubwire::start().await;
    let client = server.client();
    let user = "vic's ü+&#%";
    let mut first = Receiver::connect(&client, user, &["room 1"]).await;
    let mut second = Receiver::connect(&client, user, &[]).await;
    let mut other = Receiver::connect(&client, "other", &[]).await;

    client.send_to_user(user, Message::text("user"), None).await.unwrap();
    client.send_to_connection(&second.connection_id, Message::text("connection"), None).await.unwrap();
    client.group("room 1").send_to_all(Message::text("group"), None).await.unwrap();
    client.send_to_all(Message::text("end"), None).await.unwrap();

    assert_eq!(
        (first.data().await, first.data().await, first.data().await),
        (json!("user"), json!("group"), json!("end"))
    );
    assert_eq!(
        (second.data().await, second.data().await, second.data().await),
        (json!("user"), json!("connection"), json!("end"))
    );
    assert_eq!(other.data().await, "end");
}

#[tokio::test]
async fn clients_receive_messages_whose_filter_they_match() {
    let server = Hubwire::start().await;
    let client = server.client();
    let mut anonymous = Receiver::connect(&client, "", &["group'A"]).await;
    let mut known = Receiver::connect(&client, "u", &["group'A", "groupB"]).await;

    let send = async |text: &str, filter: Filter| {
        let options = WebPubSubServiceClientSendToAllOptions {
            filter: Some(filter),
            message_ttl_seconds: Some(60),
            ..Default::default()
        };
        client.send_to_all(Message::text(text), Some(options)).await.unwrap();
    };
    send("anonymous", "userId eq null".into()).await;
    send("only A", odata!("{} in groups and not({} in groups)", "group'A", "groupB")).await;
    let group = WebPubSubGroupClientSendToAllOptions {
        filter: Some(odata!("length(userId) eq {}", 1)),
        ..Default::default()
    };
    client.group("group'A").send_to_all(Message::text("short"), Some(group)).await.unwrap();
    let user = WebPubSubServiceClientSendToUserOptions {
        filter: Some(odata!("{} in groups", "elsewhere")),
        ..Default::default()
    };
    client.send_to_user("u", Message::text("nobody"), Some(user)).await.unwrap();
    send("end", Filter::default()).await;

    assert_eq!(
        (anonymous.data().await, anonymous.data().await, anonymous.data().await),
        (json!("anonymous"), json!("only A"), json!("end"))
    );
    assert_eq!((known.data().await, known.data().await), (json!("short"), json!("end")));
}

#[tokio::test]
async fn excluded_connections_receive_nothing() {
    let server = Hubwire::start().await;
    let client = server.client();
    let mut kept = Receiver::connect(&client, "", &["g"]).await;
    let mut excluded = Receiver::connect(&client, "", &["g"]).await;
    let ids = || vec![excluded.connection_id.clone(), "unknown".to_owned()];
    let all = WebPubSubServiceClientSendToAllOptions { excluded: ids(), ..Default::default() };
    let group = WebPubSubGroupClientSendToAllOptions { excluded: ids(), ..Default::default() };
    client.send_to_all(Message::text("all"), Some(all)).await.unwrap();
    client.group("g").send_to_all(Message::text("group"), Some(group)).await.unwrap();
    client.send_to_all(Message::text("end"), None).await.unwrap();
    assert_eq!(
        (kept.data().await, kept.data().await, kept.data().await),
        (json!("all"), json!("group"), json!("end"))
    );
    assert_eq!(excluded.data().await, "end");
}

#[tokio::test]
async fn metadata_arrives_with_the_message() {
    let server = Hubwire::start().await;
    let client = server.client();
    let mut receiver = Receiver::connect(&client, "", &[]).await;
    let options = WebPubSubServiceClientSendToConnectionOptions {
        metadata: [("Trace-Id".to_owned(), "a b".to_owned())].into(),
        ..Default::default()
    };
    client.send_to_connection(&receiver.connection_id, Message::text("hi"), Some(options)).await.unwrap();
    let message = receiver.json().await;
    assert_eq!(message["metadata"], json!({ "trace-id": "a b" }), "{message}");
}
