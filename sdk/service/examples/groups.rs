//! Adds a user to a group, lists the group and closes it: `cargo run --example groups`.
//!
//! Connect as `user1` before, as with the URL that `cargo run --example client_access` prints.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use azure_core::http::StatusCode;
use futures_util::TryStreamExt;
use std::env;
use webpubsub::{
    WebPubSubServiceClient, WebPubSubServiceClientOptions,
    models::WebPubSubGroupClientCloseAllConnectionsOptions,
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
    let group = client.group("groupA");

    match group.add_user("user1", None).await {
        Ok(_) => println!("user1 is in the group"),
        Err(error) if error.http_status() == Some(StatusCode::NotFound) => println!("user1 is not connected"),
        Err(error) => return Err(error),
    }

    let mut members = group.list_connections(None)?;
    while let Some(member) = members.try_next().await? {
        println!("member {} of user {:?}", member.connection_id, member.user_id);
    }

    let options = WebPubSubGroupClientCloseAllConnectionsOptions {
        reason: Some("the end".into()),
        ..Default::default()
    };
    group.close_all_connections(Some(options)).await?;
    println!("has connections: {}", client.group_exists("groupA", None).await?);
    Ok(())
}
