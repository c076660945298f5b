//! Connect, join a group, send to it, and take what comes.
#![allow(clippy::print_stdout, reason = "it shows what arrives")]

mod support;

use webpubsub_client::{Client, Event};

#[tokio::main]
async fn main() -> webpubsub_client::Result<()> {
    let roles = ["webpubsub.joinLeaveGroup", "webpubsub.sendToGroup"];
    let client = Client::new(support::access_url(&support::connection_string(), "chat", "alice", &roles));
    // Listen before you start, to miss nothing.
    let mut events = client.events();
    client.on_connected(|e| async move { println!("connection {} is connected", e.connection_id) });
    client.start().await?;
    client.join_group("group1").await?;
    client.send_to_group("group1", "hello world").await?;
    while let Some(event) = events.next().await {
        if let Event::GroupMessage(message) = event {
            println!("from {}: {:?}", message.group, message.data.as_text());
            break;
        }
    }
    client.stop().await;
    Ok(())
}
