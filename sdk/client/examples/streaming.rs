//! Send a stream of fragments to a group, and receive it as one.
#![allow(clippy::print_stdout, reason = "it shows what arrives")]

mod support;

use webpubsub_client::{Client, GroupStreamsOptions};

#[tokio::main]
async fn main() -> webpubsub_client::Result<()> {
    let roles = ["webpubsub.joinLeaveGroup", "webpubsub.sendToGroup"];
    let client = Client::new(support::access_url(&support::connection_string(), "chat", "alice", &roles));
    let mut streams = client.group_streams(GroupStreamsOptions::default().from_start());
    client.start().await?;
    client.join_group("group1").await?;

    let mut writer = client.open_group_stream("group1").await?;
    writer.write("hello ").await?;
    writer.write("world").await?;
    writer.end().await?;

    if let Some(mut stream) = streams.next().await {
        let mut text = String::new();
        while let Some(fragment) = stream.next().await {
            match fragment {
                Ok(message) => text.push_str(message.data.as_text().unwrap_or_default()),
                Err(error) => println!("stream {} failed: {error}", stream.stream_id()),
            }
        }
        println!("stream {} completed: {text}", stream.stream_id());
    }
    client.stop().await;
    Ok(())
}
