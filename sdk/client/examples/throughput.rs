//! How fast messages are received: `cargo run --release --example throughput -- [MESSAGES] [PUBLISHERS] [reliable]`.
//!
//! Other clients of this process publish to a group, each waiting for its acks 16 at a time. Printed are messages per second, and
//! the CPU time and peak memory of the process (from /proc/self). `throughput.mjs` does the same work with the JavaScript client.
//!
//! The protocol is plain JSON unless `reliable` is said: the JavaScript client acknowledges reliable messages once a second, and the service
//! ends a session with 1,000 unacknowledged ones, so it cannot take many more than that in a second.
#![allow(clippy::print_stdout, reason = "it prints a measurement")]

mod support;

use std::{future::IntoFuture as _, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;
use webpubsub_client::{Client, Event, Protocol};

const GROUP: &str = "throughput";
const IN_FLIGHT: usize = 16;

#[tokio::main]
async fn main() -> webpubsub_client::Result<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let messages: usize = arguments.next().unwrap_or(100_000);
    let publishers: usize = arguments.next().unwrap_or(1).max(1);
    let reliable = std::env::args().any(|argument| argument == "reliable");
    let protocol = if reliable { Protocol::JsonReliable } else { Protocol::Json };
    let receiver = connect("receiver", protocol).await?;
    let mut events = receiver.events();
    receiver.join_group(GROUP).await?;

    let (started, cpu_before) = (Instant::now(), cpu_seconds());
    for number in 0..publishers {
        let share = messages / publishers + usize::from(number < messages % publishers);
        let publisher = connect(&format!("publisher{number}"), protocol).await?;
        tokio::spawn(publish(publisher, share));
    }
    let mut received = 0;
    while received < messages {
        match events.next().await {
            Some(Event::GroupMessage(_)) => received += 1,
            Some(Event::Disconnected(lost)) => println!("the session is lost: {}", lost.closure),
            Some(_) => {}
            None => break,
        }
    }
    report(received, started.elapsed(), cpu_seconds() - cpu_before);
    receiver.stop().await;
    Ok(())
}

async fn connect(user: &str, protocol: Protocol) -> webpubsub_client::Result<Client> {
    let roles = ["webpubsub.joinLeaveGroup", "webpubsub.sendToGroup"];
    let url = support::access_url(&support::connection_string(), "chat", user, &roles);
    let client = Client::builder(url).protocol(protocol).build();
    client.start().await?;
    Ok(client)
}

async fn publish(client: Client, messages: usize) {
    let text = "x".repeat(64);
    let sends = stream::iter(0..messages).map(|_| client.send_to_group(GROUP, &*text).into_future());
    let mut answers = sends.buffered(IN_FLIGHT);
    while let Some(answer) = answers.next().await {
        if let Err(error) = answer {
            println!("not sent: {error}");
        }
    }
}

fn report(received: usize, elapsed: Duration, cpu_seconds: f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or("unknown", str::trim);
    let rate = received as f64 / elapsed.as_secs_f64();
    println!("{received} messages, {rate:.0} messages/s, {cpu_seconds:.2} s CPU, peak RSS {peak}");
}

/// User and system time of this process, in seconds; clock ticks are hundredths on every Linux.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is a name in parentheses, which may hold blanks.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}
