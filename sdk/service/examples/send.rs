//! Sends to a hub, a group and a user: `cargo run --example send`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::json;
use std::env;
use webpubsub::{
    Message, WebPubSubServiceClient, WebPubSubServiceClientOptions,
    models::WebPubSubServiceClientSendToAllOptions, odata,
};

/// A Hubwire on this machine with its default key.
const LOCAL: &str =
    "Endpoint=http://127.0.0.1:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";

/// The service that `WEBPUBSUB_CONNECTION_STRING` names, or the local one.
fn client(hub: &str) -> azure_core::Result<WebPubSubServiceClient> {
    let connection_string = env::var("WEBPUBSUB_CONNECTION_STRING").unwrap_or_else(|_| LOCAL.to_owned());
    // A local server speaks plain http. Leave this out when yours speaks https.
    let options = WebPubSubServiceClientOptions { allow_insecure_connection: true, ..Default::default() };
    WebPubSubServiceClient::from_connection_string(&connection_string, hub, Some(options))
}

#[tokio::main]
async fn main() -> azure_core::Result<()> {
    let client = client("chat")?;

    // To all connections of the hub: JSON, text and bytes.
    client.send_to_all(json!({ "message": "Hello world!" }), None).await?;
    client.send_to_all(Message::text("Hi there!"), None).await?;
    client.send_to_all(vec![0; 10], None).await?;

    // To anonymous connections.
    let options = WebPubSubServiceClientSendToAllOptions {
        filter: Some("userId eq null".into()),
        ..Default::default()
    };
    client.send_to_all(json!({ "message": "Hello world!" }), Some(options)).await?;

    // To connections in groupA but not in groupB.
    let (group_a, group_b) = ("groupA", "groupB");
    let options = WebPubSubServiceClientSendToAllOptions {
        filter: Some(odata!("{} in groups and not({} in groups)", group_a, group_b)),
        ..Default::default()
    };
    client.send_to_all(Message::text("Hello world!"), Some(options)).await?;

    // To a group.
    let group = client.group("groupA");
    group.send_to_all(json!({ "message": "Hello world!" }), None).await?;
    group.send_to_all(Message::text("Hi there!"), None).await?;
    group.send_to_all(vec![0; 10], None).await?;

    // To a user.
    client.send_to_user("user1", json!({ "message": "Hello world!" }), None).await?;
    client.send_to_user("user1", Message::text("Hi there!"), None).await?;
    client.send_to_user("user1", vec![0; 10], None).await?;
    println!("sent");
    Ok(())
}
