//! A chat in the terminal: `cargo run --example chat -- NAME [ROOM]`, in two terminals.
#![allow(clippy::print_stdout, reason = "it is a chat")]

mod support;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use webpubsub_client::{Client, Credential, Event, GroupMessage};

#[tokio::main]
async fn main() -> webpubsub_client::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "somebody".to_owned());
    let room = arguments.next().unwrap_or_else(|| "lobby".to_owned());
    let user = name.clone();
    let client = Client::new(Credential::from_fn(move || {
        let roles = ["webpubsub.joinLeaveGroup", "webpubsub.sendToGroup"];
        let url = support::access_url(&support::connection_string(), "chat", &user, &roles);
        std::future::ready(Ok::<_, std::io::Error>(url))
    }));
    let mut events = client.events();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            show(event);
        }
    });
    client.start().await?;
    client.join_group(&*room).await?;
    println!("Write to {room} as {name}; end with Ctrl+D.");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Err(error) = client.send_to_group(&*room, line).no_echo().await {
            println!("* not sent: {error}");
        }
    }
    client.stop().await;
    Ok(())
}

fn show(event: Event) {
    match event {
        Event::GroupMessage(GroupMessage { from_user_id, data, .. }) => {
            println!("{}: {}", from_user_id.as_deref().unwrap_or("?"), data.as_text().unwrap_or("(no text)"));
        }
        Event::Recovering(recovering) => println!("* the connection broke ({})", recovering.closure),
        Event::Recovered(_) => println!("* nothing was missed"),
        Event::Disconnected(lost) => {
            println!("* the session is lost ({}); something may be missing", lost.closure)
        }
        Event::Connected(connected) => println!("* connected, in {:?}", connected.rejoined_groups),
        _ => {}
    }
}
