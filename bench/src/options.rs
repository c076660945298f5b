//! The command line.

use crate::catalog::{self, Entry};
use crate::home;
use crate::scenario::{
    Durability, Events, Fanout, Idle, Nodes, Protocol, PublishPath, Speed, Storm, Workers,
};
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
    /// CPU that the server is pinned to; several with commas between them, for a server with several workers.
    #[arg(long, global = true, value_delimiter = ',', default_value = "0")]
    pub(crate) server_cpu: Vec<usize>,
    /// CPU that the generator is pinned to and keeps busy.
    #[arg(long, global = true, default_value_t = 1)]
    pub(crate) generator_cpu: usize,
    /// Folder that receives `<date>-<machine>/<kind>.jsonl`.
    #[arg(long, global = true, default_value_os_t = home::folder().join("runs"))]
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
    /// Publishes over REST to a group of one, beside a bare HTTP server that reads the same requests.
    Rest(RestOptions),
    /// Measures deliveries over TLS, beside a plain loop over TLS.
    Tls(FanoutOptions),
    /// Measures deliveries of compressed messages beside the same without compression.
    Compression(FanoutOptions),
    /// Publishes over WebSocket to a small group, beside the plain loop and beside as many lone deliveries.
    Publish(PublishOptions),
    /// Measures deliveries of a service with several workers beside the same with one.
    Workers(WorkersOptions),
    /// Measures deliveries of a cluster, published on one node and received on the others, beside the same on one node.
    Nodes(NodesOptions),
    /// Measures deliveries of a cluster whose hub outlives its nodes, beside the same cluster without that, and beside one node.
    Durable(DurableOptions),
    /// Measures deliveries while the live trace is followed beside the same unwatched.
    Viewers(ViewersOptions),
    /// Measures deliveries to many groups beside few of the same size, over the same connections.
    Groups(GroupsOptions),
    /// Measures joining and leaving, beside the same with fewer groups or members.
    Churn(ChurnOptions),
    /// Cuts all clients at once and lets them come back.
    Storm(StormOptions),
    /// Prints the stored rows as Markdown tables, the newest of each scenario and machine.
    Report(ReportOptions),
    /// Runs an event handler that echoes (started by `events`).
    #[command(hide = true)]
    Echo(ListenOptions),
    /// Runs a bare HTTP server (started by `rest`).
    #[command(hide = true)]
    Bare(ListenOptions),
    /// Runs the reference server (started by the other commands).
    #[command(hide = true)]
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
    fn scenario(&self) -> Fanout {
        Fanout {
            subscribers: self.subscribers,
            groups: self.groups,
            groups_each: 1,
            payload_bytes: self.payload_bytes,
            speed: if self.full_speed { Speed::Full { window: self.window } } else { Speed::Rate(self.rate) },
            path: self.path,
            publishers: usize::from(self.publishers.unwrap_or(self.path.default_publishers()).max(1)),
            protocol: self.protocol,
            fire_and_forget: self.fire_and_forget,
            awaits_answers: false,
            compression: false,
            tls: false,
            viewers: 0,
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
    fn scenario(&self) -> Idle {
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
    fn scenario(&self) -> Events {
        Events { clients: self.clients, payload_bytes: self.payload_bytes }
    }
}

/// How fast, for scenarios of one shape.
#[derive(Args)]
pub(crate) struct SpeedOptions {
    /// Deliveries per second (publishes, for `rest`).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
    /// Publish as fast as the window allows instead of at a rate.
    #[arg(long, conflicts_with = "rate")]
    full_speed: bool,
    /// Messages that may be in flight at full speed.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=900))]
    window: u64,
}

impl SpeedOptions {
    fn speed(&self, rate: u64) -> Speed {
        let rate = Speed::Rate(self.rate.unwrap_or(rate));
        if self.full_speed { Speed::Full { window: self.window } } else { rate }
    }
}

#[derive(Args)]
pub(crate) struct RestOptions {
    /// Kept-alive connections, each with one request under way.
    #[arg(long, default_value_t = 8)]
    connections: u8,
    /// Payload size in bytes.
    #[arg(long, default_value_t = 64)]
    payload_bytes: usize,
    #[command(flatten)]
    speed: SpeedOptions,
}

#[derive(Args)]
pub(crate) struct PublishOptions {
    /// Subscribers of the group.
    #[arg(long, default_value_t = 10, value_parser = parse_count)]
    subscribers: usize,
    /// Payload size in bytes.
    #[arg(long, default_value_t = 64)]
    payload_bytes: usize,
    #[command(flatten)]
    speed: SpeedOptions,
}

#[derive(Args)]
pub(crate) struct WorkersOptions {
    /// Workers that are compared with one.
    #[arg(long, default_value_t = 2, value_parser = parse_count)]
    workers: usize,
    #[command(flatten)]
    fanout: FanoutOptions,
}

#[derive(Args)]
pub(crate) struct NodesOptions {
    /// Nodes that are compared with one.
    #[arg(long, default_value_t = 2, value_parser = parse_count)]
    nodes: usize,
    #[command(flatten)]
    fanout: FanoutOptions,
}

#[derive(Args)]
pub(crate) struct DurableOptions {
    /// Nodes of both clusters.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(2..))]
    nodes: u64,
    /// Publishers over WebSocket have one publish under way each, and send the next when it is acknowledged.
    #[arg(long, conflicts_with = "fire_and_forget")]
    await_answers: bool,
    #[command(flatten)]
    fanout: FanoutOptions,
}

#[derive(Args)]
pub(crate) struct ViewersOptions {
    /// Viewers that follow everything.
    #[arg(long, default_value_t = 1, value_parser = parse_count)]
    viewers: usize,
    #[command(flatten)]
    fanout: FanoutOptions,
}

#[derive(Args)]
pub(crate) struct GroupsOptions {
    /// Groups; a multiple of `--beside`.
    #[arg(long, default_value_t = 10_000, value_parser = parse_count)]
    groups: usize,
    /// Groups that these are compared with, each with connections of its own.
    #[arg(long, default_value_t = 100, value_parser = parse_count)]
    beside: usize,
    /// Members of each group.
    #[arg(long, default_value_t = 10, value_parser = parse_count)]
    members: usize,
    /// Payload size in bytes.
    #[arg(long, default_value_t = 64)]
    payload_bytes: usize,
    #[command(flatten)]
    speed: SpeedOptions,
}

#[derive(Args)]
pub(crate) struct ChurnOptions {
    /// Groups that are joined and left.
    #[arg(long, default_value_t = 100_000, value_parser = parse_count)]
    groups: usize,
    /// Members that stay in each of them.
    #[arg(long, default_value_t = 1, value_parser = parse_count)]
    members: usize,
    /// Groups that these are compared with.
    #[arg(long, default_value_t = 100, value_parser = parse_count)]
    beside_groups: usize,
    /// Members that stay in each of those.
    #[arg(long, default_value_t = 1, value_parser = parse_count)]
    beside_members: usize,
    /// Connections that the members are spread over; at least as many as a group has members.
    #[arg(long, default_value_t = 1000, value_parser = parse_count)]
    connections: usize,
}

#[derive(Args)]
pub(crate) struct ReportOptions {
    /// Show every measure that was stored, not only those that matter most.
    #[arg(long)]
    pub(crate) all_measures: bool,
}

#[derive(Args)]
pub(crate) struct StormOptions {
    /// Clients that are cut and come back.
    #[arg(long, default_value_t = 19_000, value_parser = parse_count)]
    clients: usize,
}

impl Command {
    /// What a command that measures is to run; nothing for the others.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        match self {
            Self::All => catalog::all(),
            Self::Fanout(fanout) => vec![Entry::Fanout(fanout.scenario())],
            Self::Tls(fanout) => vec![Entry::Tls(Fanout { tls: true, ..fanout.scenario() })],
            Self::Compression(fanout) => vec![Entry::Compression(fanout.scenario())],
            Self::Idle(idle) => vec![Entry::Idle(idle.scenario())],
            Self::Events(events) => vec![Entry::Events(events.scenario())],
            Self::Rest(rest) => vec![Entry::Rest(Fanout {
                publishers: usize::from(rest.connections.max(1)),
                payload_bytes: rest.payload_bytes,
                ..Fanout::over_rest(1, 1, rest.speed.speed(2_000))
            })],
            Self::Publish(publish) => vec![Entry::Publish(Fanout {
                payload_bytes: publish.payload_bytes,
                ..Fanout::over_websocket(publish.subscribers, 1, publish.speed.speed(50_000))
            })],
            Self::Workers(workers) => {
                let (workers, fanout) = (workers.workers, workers.fanout.scenario());
                vec![Entry::Workers(Workers { workers, fanout })]
            }
            Self::Nodes(nodes) => {
                let (nodes, fanout) = (nodes.nodes, nodes.fanout.scenario());
                vec![Entry::Nodes(Nodes { nodes, durability: Durability::Node, fanout })]
            }
            Self::Durable(durable) => {
                let fanout = Fanout { awaits_answers: durable.await_answers, ..durable.fanout.scenario() };
                vec![Entry::Durable(Nodes {
                    nodes: durable.nodes as usize,
                    durability: Durability::Cluster,
                    fanout,
                })]
            }
            Self::Viewers(watched) => {
                vec![Entry::Viewers(Fanout { viewers: watched.viewers, ..watched.fanout.scenario() })]
            }
            Self::Groups(groups) => {
                let shape = Fanout::over_websocket(groups.members, 1, groups.speed.speed(50_000));
                let shape = Fanout { payload_bytes: groups.payload_bytes, ..shape };
                vec![catalog::groups_entry(groups.groups, groups.beside, shape)]
            }
            Self::Churn(churn) => {
                let (shape, beside) =
                    ((churn.groups, churn.members), (churn.beside_groups, churn.beside_members));
                vec![catalog::churn_entry(shape, beside, churn.connections)]
            }
            Self::Storm(storm) => vec![Entry::Storm(Storm { clients: storm.clients })],
            Self::Report(_) | Self::Echo(_) | Self::Bare(_) | Self::Reference(_) => Vec::new(),
        }
    }
}

#[derive(Args)]
pub(crate) struct ListenOptions {
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: String,
    /// Speak TLS (the reference only).
    #[arg(long)]
    pub(crate) tls: bool,
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}
