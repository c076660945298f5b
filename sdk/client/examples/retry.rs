//! Repeat a request that failed under its own ack id, so that it takes effect once.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

mod support;

use std::time::Duration;

use webpubsub_client::{Client, RetryMode, RetryPolicy};

#[tokio::main]
async fn main() -> webpubsub_client::Result<()> {
    let policy =
        RetryPolicy::messages().retries_max(5).delay(Duration::from_millis(100)).mode(RetryMode::Exponential);
    // Without a role it may not join.
    let url = support::access_url(&support::connection_string(), "chat", "alice", &[]);
    let client = Client::builder(url).message_retry(policy).build();
    client
        .on_rejoin_group_failed(|e| async move { println!("rejoin group {} failed: {}", e.group, e.error) });
    client.start().await?;
    if let Err(error) = client.join_group("group1").await {
        println!("{error}");
        if let Some(ack_id) = error.ack_id() {
            println!("{:?}", client.join_group("group1").ack_id(ack_id).await);
        }
    }
    client.stop().await;
    Ok(())
}
