//! The client against a real service. Set `HUBWIRE_BIN` to the hubwire binary.

mod acks;
mod backpressure;
mod connection;
mod groups;
mod handler;
mod invocations;
mod proxy;
mod recovery;
mod server;
mod states;
mod streams;
#[path = "../../examples/support/mod.rs"]
mod support;
mod survival;
mod tls;

use std::{future::Future, time::Duration};

use webpubsub_client::{Connected, Event, Events, GroupMessage};

/// Long enough for any machine. A test that gets there hangs.
const PATIENCE: Duration = Duration::from_secs(60);

async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Passes over events up to one that is wanted.
async fn until<T>(events: &mut Events, what: &str, mut want: impl FnMut(Event) -> Option<T>) -> T {
    patiently(what, async {
        loop {
            let event = events.next().await.unwrap_or_else(|| panic!("events ended before {what}"));
            if let Some(wanted) = want(event) {
                return wanted;
            }
        }
    })
    .await
}

async fn next_connected(events: &mut Events) -> Connected {
    until(events, "connected", |event| match event {
        Event::Connected(connected) => Some(connected),
        _ => None,
    })
    .await
}

async fn next_group_message(events: &mut Events) -> GroupMessage {
    until(events, "a group message", |event| match event {
        Event::GroupMessage(message) => Some(message),
        _ => None,
    })
    .await
}
