//! What a run does.

use clap::ValueEnum;
use serde::Serialize;
use std::fmt;

/// Subprotocol of the subscribers.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Protocol {
    Json,
    Reliable,
    Protobuf,
    ReliableProtobuf,
    Simple,
}

impl Protocol {
    /// The `Sec-WebSocket-Protocol` value; simple clients offer none.
    pub(crate) fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::Json => Some("json.webpubsub.azure.v1"),
            Self::Reliable => Some("json.reliable.webpubsub.azure.v1"),
            Self::Protobuf => Some("protobuf.webpubsub.azure.v1"),
            Self::ReliableProtobuf => Some("protobuf.reliable.webpubsub.azure.v1"),
            Self::Simple => None,
        }
    }

    /// Whether subscribers number and acknowledge what they receive.
    pub(crate) fn is_reliable(self) -> bool {
        matches!(self, Self::Reliable | Self::ReliableProtobuf)
    }
}

/// How messages are published.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PublishPath {
    Websocket,
    Rest,
}

impl PublishPath {
    /// A REST connection carries one request at a time, so several are needed to keep the server busy.
    pub(crate) fn default_publishers(self) -> u8 {
        match self {
            Self::Websocket => 1,
            Self::Rest => 8,
        }
    }
}

/// How fast messages are published.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Speed {
    /// Deliveries per second, paced by publishes.
    Rate(u64),
    /// A closed loop: at most `window` messages in flight that not every subscriber has received.
    Full { window: u64 },
}

/// Publishes to groups, measures deliveries.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Fanout {
    /// Subscribers in each group.
    pub(crate) subscribers: usize,
    pub(crate) groups: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) speed: Speed,
    pub(crate) path: PublishPath,
    pub(crate) publishers: usize,
    pub(crate) protocol: Protocol,
    pub(crate) fire_and_forget: bool,
}

impl Fanout {
    /// Subscriber connections in all groups.
    pub(crate) fn connections(&self) -> usize {
        self.subscribers * self.groups
    }
}

/// Connects clients that stay idle.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Idle {
    pub(crate) connections: usize,
    pub(crate) protocol: Protocol,
}

/// Clients that each raise a user event, wait for the handler's answer, and raise the next.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Events {
    pub(crate) clients: usize,
    pub(crate) payload_bytes: usize,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Reliable => "reliable",
            Self::Protobuf => "protobuf",
            Self::ReliableProtobuf => "reliable-protobuf",
            Self::Simple => "simple",
        })
    }
}

impl fmt::Display for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.path {
            PublishPath::Websocket => "ws",
            PublishPath::Rest => "rest",
        };
        write!(f, "{}x{} {}B {} {path}", self.subscribers, self.groups, self.payload_bytes, self.protocol)?;
        match self.speed {
            Speed::Rate(rate) => write!(f, " {rate}/s"),
            Speed::Full { window } => write!(f, " full w{window}"),
        }?;
        if self.fire_and_forget { f.write_str(" no-ack") } else { Ok(()) }
    }
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "events {} clients {}B", self.clients, self.payload_bytes)
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "idle {} {}", self.connections, self.protocol)
    }
}
