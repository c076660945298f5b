use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hubwire_bench::{Protocol, PublishPath};
use hubwire_server::Overrides;

use crate::logging::LogFormat;

/// Realtime messaging that speaks the Azure Web PubSub protocols. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "hubwire", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the service.
    Serve(Serve),
    /// Print a client URL.
    Token(Token),
    /// Join a hub and print what arrives.
    Listen(Listen),
    /// Send a message to a group, a user, a connection or everyone.
    Send(Send),
    /// Show, deliver or drop events that were given up.
    Outbox(Outbox),
    /// Show the nodes of a cluster.
    Cluster(Cluster),
    /// Find out why something does not work.
    Doctor(Doctor),
    /// Follow what the service does: connections, refusals, calls, publishes.
    Trace(Trace),
    /// Say why a message did, or did not, reach somebody.
    Why(Why),
    /// Load a service, here or anywhere, and report rates, latencies, and what was lost.
    Bench(Bench),
}

/// Settings of the service, which the other commands read as well, to find it and to sign for it.
#[derive(Args, Clone, Default)]
pub(crate) struct Settings {
    /// Address and port to listen on; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "HUBWIRE_LISTEN", value_name = "ADDR")]
    listen: Option<String>,
    /// File with all other settings
    #[arg(long, env = "HUBWIRE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Key that tokens are signed with [default: the public development key, on loopback addresses only]
    #[arg(long, env = "HUBWIRE_ACCESS_KEY", value_name = "KEY", hide_env_values = true)]
    access_key: Option<String>,
    /// Second key, for rotation
    #[arg(long, env = "HUBWIRE_SECONDARY_ACCESS_KEY", value_name = "KEY", hide_env_values = true)]
    secondary_access_key: Option<String>,
    /// Folder for events that wait for event handlers, so that they outlive the service [default: in memory]
    #[arg(long, env = "HUBWIRE_DATA_DIRECTORY", value_name = "FOLDER")]
    data_directory: Option<PathBuf>,
    /// Public URL of the service, when it is behind a proxy
    #[arg(long, env = "HUBWIRE_ENDPOINT", value_name = "URL")]
    endpoint: Option<String>,
}

impl std::fmt::Debug for Settings {
    /// Keys stay out of whatever prints this.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Worker threads; 0 is one per core [default: 0]
    #[arg(long, env = "HUBWIRE_WORKERS", value_name = "N")]
    pub(crate) workers: Option<usize>,
    /// How log lines look
    #[arg(long, env = "HUBWIRE_LOG_FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// How the commands that talk to a service find it.
#[derive(Debug, Args)]
pub(crate) struct Access {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Connection string; wins over the settings
    #[arg(long, env = "HUBWIRE_CONNECTION_STRING", value_name = "STRING", hide_env_values = true)]
    pub(crate) connection_string: Option<String>,
    /// Hub to join
    #[arg(long)]
    pub(crate) hub: String,
}

/// The options of `token`.
#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    pub(crate) access: Access,
    /// User id of the client
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Role of the client, such as webpubsub.sendToGroup; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// Group that the client is in from the start; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// For how long the URL can be used to connect
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) minutes: u32,
}

/// The options of `listen`.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Group to join; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// User to be: what is sent to that user arrives too
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Print whole frames
    #[arg(long)]
    pub(crate) raw: bool,
}

/// The options of `send`.
#[derive(Debug, Args)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) recipients: Recipients,
    /// User to be, when sending to a group
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// The message is a JSON document, not text
    #[arg(long)]
    pub(crate) json: bool,
    /// The message; `-` sends each line of standard input
    pub(crate) message: String,
}

/// The options of `outbox`.
#[derive(Debug, Args)]
pub(crate) struct Outbox {
    #[command(subcommand)]
    pub(crate) action: OutboxAction,
}

/// What is done with events that were given up.
#[derive(Debug, Subcommand)]
pub(crate) enum OutboxAction {
    /// Print what waits, and every event that was given up with the reason.
    List(Settings),
    /// Deliver them after all.
    Replay(OutboxChange),
    /// Forget them.
    Drop(OutboxChange),
}

/// The options of `outbox replay` and `outbox drop`.
#[derive(Debug, Args)]
pub(crate) struct OutboxChange {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(flatten)]
    pub(crate) meant: Meant,
}

/// The events that are meant: exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Meant {
    /// All of them
    #[arg(long)]
    pub(crate) all: bool,
    /// Those for a destination, as `list` shows it
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) destination: Option<String>,
    /// One, by its number
    #[arg(value_name = "NUMBER")]
    pub(crate) number: Option<u64>,
}

/// How the commands that use the console find it, and get in.
#[derive(Debug, Args)]
pub(crate) struct ConsoleAccess {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Connection string, of which only the endpoint matters here; wins over the settings
    #[arg(long, env = "HUBWIRE_CONNECTION_STRING", value_name = "STRING", hide_env_values = true)]
    pub(crate) connection_string: Option<String>,
    /// Console token [default: none; on a loopback address with the development key none is needed]
    #[arg(long, env = "HUBWIRE_CONSOLE_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) console_token: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The options of `trace`.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    #[command(flatten)]
    pub(crate) access: ConsoleAccess,
    /// Only of this hub
    #[arg(long)]
    pub(crate) hub: Option<String>,
    /// Only of this group
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Only of this user
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Only of this connection
    #[arg(long, value_name = "ID")]
    pub(crate) connection: Option<String>,
    /// Only this kind, such as connectionRefused or publish; may be repeated
    #[arg(long = "kind", value_name = "KIND")]
    pub(crate) kinds: Vec<String>,
    /// Only refusals, faults and losses
    #[arg(long)]
    pub(crate) warnings: bool,
    /// Only what contains this text
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// Past events to begin with
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=2000))]
    pub(crate) history: u32,
}

/// The options of `why`.
#[derive(Debug, Args)]
pub(crate) struct Why {
    #[command(flatten)]
    pub(crate) access: ConsoleAccess,
    /// Hub of the message
    #[arg(long)]
    pub(crate) hub: String,
    /// Message, by the id that `trace` shows [default: the newest that fits]
    #[arg(long, value_name = "ID", conflicts_with_all = ["to_group", "to_user", "to_connection", "text"])]
    pub(crate) message: Option<String>,
    /// The newest message to this group
    #[arg(long, value_name = "GROUP")]
    pub(crate) to_group: Option<String>,
    /// The newest message to this user
    #[arg(long, value_name = "USER")]
    pub(crate) to_user: Option<String>,
    /// The newest message to this connection
    #[arg(long, value_name = "ID")]
    pub(crate) to_connection: Option<String>,
    /// The newest message that contains this
    #[arg(long)]
    pub(crate) text: Option<String>,
    #[command(flatten)]
    pub(crate) missing: Missing,
}

/// Who should have got the message: exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Missing {
    /// A connection
    #[arg(long, value_name = "ID")]
    pub(crate) connection: Option<String>,
    /// The connections of a user
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// The members of a group
    #[arg(long)]
    pub(crate) group: Option<String>,
}

/// The options of `cluster`.
#[derive(Debug, Args)]
pub(crate) struct Cluster {
    #[command(subcommand)]
    pub(crate) action: ClusterAction,
}

/// What is asked of a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterAction {
    /// Print every node that answers: where it is, how long it has run, whom it knows, and what waits to be sent.
    Status(Settings),
}

/// The options of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(subcommand)]
    pub(crate) subject: DoctorSubject,
}

/// The options of `bench`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Subscribers in each group
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) subscribers: usize,
    /// Groups; publishes go to them in turn
    #[arg(long, value_name = "G", default_value_t = 1)]
    pub(crate) groups: usize,
    /// Payload size
    #[arg(long, value_name = "B", default_value_t = 64)]
    pub(crate) payload_bytes: usize,
    /// Deliveries per second
    #[arg(long, value_name = "R", default_value_t = 10_000)]
    pub(crate) rate: u64,
    /// Publish as fast as the window allows instead of at a rate
    #[arg(long, conflicts_with = "rate")]
    pub(crate) full_speed: bool,
    /// Messages that may be in flight at full speed
    #[arg(long, value_name = "W", default_value_t = 256)]
    pub(crate) window: u64,
    /// How messages are published
    #[arg(long, value_enum, default_value_t = PublishPath::Websocket)]
    pub(crate) path: PublishPath,
    /// Publisher connections [default: 1 over WebSocket, 8 over REST]
    #[arg(long, value_name = "P")]
    pub(crate) publishers: Option<u8>,
    /// Subprotocol of the subscribers
    #[arg(long, value_enum, default_value_t = Protocol::Json)]
    pub(crate) protocol: Protocol,
    /// For how long to publish
    #[arg(long, value_name = "S", default_value_t = 10)]
    pub(crate) seconds: u64,
    /// Write a report for a browser
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Write every second as a line of JSON
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) raw: Option<PathBuf>,
}

/// What is examined.
#[derive(Debug, Subcommand)]
pub(crate) enum DoctorSubject {
    /// Call the event handlers of a hub as the service would, and print each header, what was expected, and what to change.
    Upstream(DoctorUpstream),
}

/// The options of `doctor upstream`.
#[derive(Debug, Args)]
pub(crate) struct DoctorUpstream {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Hub whose handlers are called
    #[arg(long)]
    pub(crate) hub: String,
    /// Event to send [default: one that the handler takes]
    #[arg(long, value_name = "NAME")]
    pub(crate) event: Option<String>,
}

/// Whom `send` sends to: exactly one of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Recipients {
    /// Members of a group
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Every connection of a user
    #[arg(long, value_name = "USER")]
    pub(crate) to_user: Option<String>,
    /// One connection
    #[arg(long, value_name = "ID")]
    pub(crate) connection: Option<String>,
    /// Everyone in the hub
    #[arg(long)]
    pub(crate) all: bool,
}

impl Settings {
    /// The settings as the service takes them.
    pub(crate) fn overrides(&self, workers: Option<usize>) -> Overrides {
        Overrides {
            listen: self.listen.clone(),
            config: self.config.clone(),
            access_key: self.access_key.clone(),
            secondary_access_key: self.secondary_access_key.clone(),
            endpoint: self.endpoint.clone(),
            data_directory: self.data_directory.clone(),
            workers,
        }
    }
}
