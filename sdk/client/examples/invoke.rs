//! Ask the application server something. Without an event handler that takes `processOrder`, the answer is `NotFound`.
#![allow(clippy::print_stdout, reason = "it shows the answer")]

mod support;

use serde_json::json;
use webpubsub_client::{Client, Data, Error};

#[tokio::main]
async fn main() -> webpubsub_client::Result<()> {
    let client = Client::new(support::access_url(&support::connection_string(), "chat", "alice", &[]));
    client.start().await?;
    match client.invoke("processOrder").data(Data::json(&json!({ "orderId": 1 }))?).await {
        Ok(answer) => println!("the answer: {:?}", answer.data),
        Err(Error::InvocationFailed { error, .. }) => println!("no answer: {error}"),
        Err(error) => return Err(error),
    }
    client.stop().await;
    Ok(())
}
