//! The command line.

use crate::scenario::{Events, Fanout, Idle, Protocol, PublishPath, Speed};
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};

/// Measures the service against a reference server in interleaved runs.
#[derive(Parser)]
#[command(name = "hubwire-bench")]
pub(crate) struct Options {
    /// The service's binary.
    #[arg(long, global = true, env = "HUBWIRE_BIN", default_value = "target/release/hubwire")]
    pub(crate) bin: PathBuf,
    /// Runs the reference in the service's place too: shows the noise of the method itself.
    #[arg(long, global = true)]
    pub(crate) self_check: bool,
    /// Runs of each side; the row shows the medians.
    #[arg(long, global = true, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Seconds for which a run publishes.
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// CPU that the server is pinned to.
    #[arg(long, global = true, default_value_t = 0)]
    pub(crate) server_cpu: usize,
    /// CPU that the generator is pinned to and keeps busy.
    #[arg(long, global = true, default_value_t = 1)]
    pub(crate) generator_cpu: usize,
    /// Folder that receives `<date>-<machine>/<kind>.jsonl`.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/runs"))]
    pub(crate) runs: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Options {
    /// The event handler that takes the place of the built-in one.
    pub(crate) fn handler(&self) -> Option<&Path> {
        match &self.command {
            Command::Events(events) => events.handler.as_deref(),
            _ => None,
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs every scenario of the catalog.
    All,
    /// Publishes to groups and measures the deliveries.
    Fanout(FanoutOptions),
    /// Measures memory and CPU per idle connection.
    Idle(IdleOptions),
    /// Raises user events that an event handler answers, beside the same requests made straight to the handler.
    Events(EventsOptions),
    /// Runs an event handler that echoes (started by `events`).
    Echo(ListenOptions),
    /// Runs the reference server (started by the other commands).
    Reference(ListenOptions),
}

#[derive(Args)]
pub(crate) struct FanoutOptions {
    /// Subscribers in each group.
    #[arg(long, default_value_t = 100, value_parser = parse_count)]
    subscribers: usize,
    /// Groups; publishes go to them in turn.
    #[arg(long, default_value_t = 1, value_parser = parse_count)]
    groups: usize,
    /// Payload size in bytes.
    #[arg(long, default_value_t = 64)]
    payload_bytes: usize,
    /// Deliveries per second.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Publish as fast as the window allows instead of at a rate.
    #[arg(long, conflicts_with = "rate")]
    full_speed: bool,
    /// Messages that may be in flight at full speed.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=900))]
    window: u64,
    /// How messages are published.
    #[arg(long, value_enum, default_value_t = PublishPath::Websocket)]
    path: PublishPath,
    /// Publisher connections (default: 1 over WebSocket, 8 over REST).
    #[arg(long)]
    publishers: Option<u8>,
    /// Subprotocol of the subscribers.
    #[arg(long, value_enum, default_value_t = Protocol::Json)]
    protocol: Protocol,
    /// Publish without an `ackId`.
    #[arg(long)]
    fire_and_forget: bool,
}

impl FanoutOptions {
    pub(crate) fn scenario(&self) -> Fanout {
        Fanout {
            subscribers: self.subscribers,
            groups: self.groups,
            payload_bytes: self.payload_bytes,
            speed: if self.full_speed { Speed::Full { window: self.window } } else { Speed::Rate(self.rate) },
            path: self.path,
            publishers: usize::from(self.publishers.unwrap_or(self.path.default_publishers()).max(1)),
            protocol: self.protocol,
            fire_and_forget: self.fire_and_forget,
        }
    }
}

#[derive(Args)]
pub(crate) struct IdleOptions {
    /// Idle connections, each with a user and two groups.
    #[arg(long, default_value_t = 10_000, value_parser = parse_count)]
    connections: usize,
    /// Subprotocol of the connections.
    #[arg(long, value_enum, default_value_t = Protocol::Json)]
    protocol: Protocol,
}

impl IdleOptions {
    pub(crate) fn scenario(&self) -> Idle {
        Idle { connections: self.connections, protocol: self.protocol }
    }
}

#[derive(Args)]
pub(crate) struct EventsOptions {
    /// Clients, each with one event under way.
    #[arg(long, default_value_t = 64, value_parser = parse_count)]
    clients: usize,
    /// Payload size in bytes.
    #[arg(long, default_value_t = 64)]
    payload_bytes: usize,
    /// A handler in place of the built-in one: a program that listens, prints `Endpoint=http://HOST:PORT;AccessKey=none;`, and echoes what is
    /// posted to `/eventhandler/message`.
    #[arg(long)]
    handler: Option<PathBuf>,
}

impl EventsOptions {
    pub(crate) fn scenario(&self) -> Events {
        Events { clients: self.clients, payload_bytes: self.payload_bytes }
    }
}

#[derive(Args)]
pub(crate) struct ListenOptions {
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}
