//! Looks at raw HTTP responses: `cargo run --example raw_response`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::json;
use std::env;
use webpubsub::{
    OnResponse, WebPubSubServiceClient, WebPubSubServiceClientOptions,
    models::{WebPubSubServiceClientSendToAllOptions, WebPubSubServiceClientUserExistsOptions},
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

    let response = client.send_to_all(json!({ "message": "Hello world!" }), None).await?;
    println!("returned: {} {:?}", response.status(), response.headers());

    let options = WebPubSubServiceClientSendToAllOptions {
        method_options: OnResponse::new(|response| println!("seen: {response:?}")).into(),
        ..Default::default()
    };
    client.send_to_all(json!({ "message": "Hello world!" }), Some(options)).await?;

    let options = WebPubSubServiceClientUserExistsOptions {
        method_options: OnResponse::new(|response| println!("seen: {response:?}")).into(),
    };
    println!("user1 is connected: {}", client.user_exists("user1", Some(options)).await?);
    Ok(())
}
