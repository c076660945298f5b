//! Get a fresh URL for every session, as from an application's server.
#![allow(clippy::print_stdout, reason = "it shows what happens")]

mod support;

use webpubsub_client::{Client, Credential, Protocol};

/// Stands for a request to `/negotiate` of the application's server.
async fn negotiate() -> Result<String, std::io::Error> {
    let roles = ["webpubsub.joinLeaveGroup", "webpubsub.sendToGroup"];
    Ok(support::access_url(&support::connection_string(), "chat", "alice", &roles))
}

#[tokio::main]
async fn main() -> webpubsub_client::Result<()> {
    let client = Client::builder(Credential::from_fn(negotiate)).protocol(Protocol::Json).build();
    client.on_stopped(|_| async { println!("client has stopped") });
    for _ in 0..2 {
        client.start().await?;
        println!("connected as {:?}", client.connection_id());
        client.stop().await;
    }
    Ok(())
}
