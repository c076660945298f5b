//! What a run does.

use crate::membership::Membership;
use clap::ValueEnum;
use serde::Serialize;
use std::fmt;

/// Subprotocol of the subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// `json.webpubsub.azure.v1`.
    Json,
    /// `json.reliable.webpubsub.azure.v1`.
    Reliable,
    /// `protobuf.webpubsub.azure.v1`.
    Protobuf,
    /// `protobuf.reliable.webpubsub.azure.v1`.
    ReliableProtobuf,
    /// None: payloads as they are.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PublishPath {
    /// As clients do.
    Websocket,
    /// As applications do.
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
    /// Groups of each subscriber; a divisor of `groups`.
    pub(crate) groups_each: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) speed: Speed,
    pub(crate) path: PublishPath,
    pub(crate) publishers: usize,
    pub(crate) protocol: Protocol,
    pub(crate) fire_and_forget: bool,
    /// Whether publishers over WebSocket have one publish under way each, as those over REST always do.
    pub(crate) awaits_answers: bool,
    /// Whether subscribers ask for compressed messages.
    pub(crate) compression: bool,
    /// Whether subscribers and publishers over WebSocket use TLS.
    pub(crate) tls: bool,
    /// Viewers that follow the live trace meanwhile.
    pub(crate) viewers: usize,
}

impl Fanout {
    /// One publisher over WebSocket, everybody JSON, each subscriber in one group, publishes acknowledged.
    pub(crate) fn over_websocket(subscribers: usize, groups: usize, speed: Speed) -> Self {
        Self {
            subscribers,
            groups,
            groups_each: 1,
            payload_bytes: 64,
            speed,
            path: PublishPath::Websocket,
            publishers: 1,
            protocol: Protocol::Json,
            fire_and_forget: false,
            awaits_answers: false,
            compression: false,
            tls: false,
            viewers: 0,
        }
    }

    /// The usual number of publishers over REST.
    pub(crate) fn over_rest(subscribers: usize, groups: usize, speed: Speed) -> Self {
        let path = PublishPath::Rest;
        let publishers = usize::from(path.default_publishers());
        Self { path, publishers, ..Self::over_websocket(subscribers, groups, speed) }
    }

    /// Whether a publisher sends nothing while a publish of its own is not answered.
    pub(crate) fn publishers_wait(&self) -> bool {
        self.awaits_answers || self.path == PublishPath::Rest
    }

    /// Subscriber connections in all groups.
    pub(crate) fn connections(&self) -> usize {
        self.subscribers * self.separate_groups()
    }

    /// Groups that share no subscriber.
    pub(crate) fn separate_groups(&self) -> usize {
        self.groups / self.groups_each
    }

    pub(crate) fn membership(&self) -> Membership {
        Membership { groups: self.groups, members: self.subscribers, connections: self.connections() }
    }
}

/// A service with several workers beside the same with one.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Workers {
    pub(crate) workers: usize,
    #[serde(flatten)]
    pub(crate) fanout: Fanout,
}

/// What a hub that is measured outlives. One node by itself is never more than `node`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Durability {
    /// Publishes go to the nodes that have recipients.
    Node,
    /// Publishes go through a log in JetStream, and come back to every node.
    Cluster,
}

/// A service of several nodes beside the same of one. Publishers are on the first node, subscribers on the others.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Nodes {
    pub(crate) nodes: usize,
    pub(crate) durability: Durability,
    #[serde(flatten)]
    pub(crate) fanout: Fanout,
}

/// Clients that join and leave groups in which others stay.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Churn {
    pub(crate) groups: usize,
    /// Members that stay in each group.
    pub(crate) members: usize,
    /// Connections that the members are spread over.
    pub(crate) connections: usize,
}

impl Churn {
    pub(crate) fn membership(&self) -> Membership {
        Membership { groups: self.groups, members: self.members, connections: self.connections }
    }
}

/// Clients whose sockets are all cut at once, and that all come back as fast as they can.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Storm {
    pub(crate) clients: usize,
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

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "{rate}/s"),
            Self::Full { window } => write!(f, "full w{window}"),
        }
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
            // So many are in flight, and the window is not what bounds them.
            Speed::Full { .. } if self.awaits_answers => write!(f, " {} at once", self.publishers)?,
            speed => write!(f, " {speed}")?,
        }
        if self.fire_and_forget { f.write_str(" no-ack") } else { Ok(()) }
    }
}

impl fmt::Display for Churn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "join+leave {}x{}", self.members, self.groups)
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "storm {}", self.clients)
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
