//! Closing connections.

use crate::hubwire::{Hubwire, Receiver};
use webpubsub::{Message, models::*};

/// What clients read of a reason.
fn told(reason: &str) -> String {
    format!("Application server closed the connection. Reason: {reason}")
}

#[tokio::test]
async fn a_closed_client_is_told_why() {
    let server = Hubwire::start().await;
    let client = server.client();
    let mut receiver = Receiver::connect(&client, "u", &[]).await;
    assert!(client.connection_exists(&receiver.connection_id, None).await.unwrap());
    let options = WebPubSubServiceClientCloseConnectionOptions {
        reason: Some("maintenance & more".into()),
        ..Default::default()
    };
    client.close_connection(&receiver.connection_id, Some(options)).await.unwrap();
    assert_eq!(receiver.disconnected().await, told("maintenance & more"));
    assert!(!client.connection_exists(&receiver.connection_id, None).await.unwrap());
    assert!(!client.user_exists("u", None).await.unwrap());
}

#[tokio::test]
async fn all_connections_close_but_those_excluded() {
    let server = Hubwire::start().await;
    let client = server.client();
    let mut closed = Receiver::connect(&client, "", &[]).await;
    let mut kept = Receiver::connect(&client, "", &[]).await;
    let options = WebPubSubServiceClientCloseAllConnectionsOptions {
        excluded: vec![kept.connection_id.clone()],
        reason: Some("bye".into()),
        ..Default::default()
    };
    client.close_all_connections(Some(options)).await.unwrap();
    assert_eq!(closed.disconnected().await, told("bye"));
    client.send_to_all(Message::text("end"), None).await.unwrap();
    assert_eq!(kept.data().await, "end");
}

#[tokio::test]
async fn the_connections_of_a_user_close_but_those_excluded() {
    let server = Hubwire::start().await;
    let client = server.client();
    let mut closed = Receiver::connect(&client, "u", &[]).await;
    let mut kept = Receiver::connect(&client, "u", &[]).await;
    let mut other = Receiver::connect(&client, "other", &[]).await;
    let options = WebPubSubServiceClientCloseUserConnectionsOptions {
        excluded: vec![kept.connection_id.clone()],
        reason: Some("bye".into()),
        ..Default::default()
    };
    client.close_user_connections("u", Some(options)).await.unwrap();
    assert_eq!(closed.disconnected().await, told("bye"));
    client.send_to_all(Message::text("end"), None).await.unwrap();
    assert_eq!(kept.data().await, "end");
    assert_eq!(other.data().await, "end");
}

#[tokio::test]
async fn the_connections_of_a_group_close_but_those_excluded() {
    let server = Hubwire::start().await;
    let client = server.client();
    let group = client.group("room");
    let mut closed = Receiver::connect(&client, "", &["room"]).await;
    let mut kept = Receiver::connect(&client, "", &["room"]).await;
    let options = WebPubSubGroupClientCloseAllConnectionsOptions {
        excluded: vec![kept.connection_id.clone()],
        reason: Some("bye".into()),
        ..Default::default()
    };
    group.close_all_connections(Some(options)).await.unwrap();
    assert_eq!(closed.disconnected().await, told("bye"));
    assert!(client.group_exists("room", None).await.unwrap());
    group.close_all_connections(None).await.unwrap();
    kept.disconnected().await;
    assert!(!client.group_exists("room", None).await.unwrap());
}
