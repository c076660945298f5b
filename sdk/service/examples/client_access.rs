//! Makes URLs for clients: `cargo run --example client_access`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use webpubsub::{
    WebPubSubServiceClient, WebPubSubServiceClientOptions,
    models::{Permission, WebPubSubServiceClientGetClientAccessTokenOptions},
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

    let access = client.get_client_access_token(None).await?;
    println!("an anonymous client: {}", access.url);

    let options = WebPubSubServiceClientGetClientAccessTokenOptions {
        user_id: Some("user1".into()),
        ..Default::default()
    };
    let access = client.get_client_access_token(Some(options)).await?;
    println!("a client of user1: {}", access.url);

    let options = WebPubSubServiceClientGetClientAccessTokenOptions {
        user_id: Some("user1".into()),
        groups: vec!["GroupA".into()],
        roles: vec![Permission::SendToGroup.role_for("GroupA")],
        minutes_to_expire: Some(5),
        ..Default::default()
    };
    let access = client.get_client_access_token(Some(options)).await?;
    println!("a client that is in GroupA and may send to it: {}", access.url);
    Ok(())
}
