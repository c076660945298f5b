use std::collections::HashMap;
use std::sync::Arc;

use hubwire_auth::AccessKeys;
use hubwire_hub::Presence;
use hubwire_protocol::{HubName, JsonForm};

use crate::Addresses;

/// What the client edge goes by. A new value takes effect for everything that follows, without a restart.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The keys that client tokens are signed with.
    pub keys: AccessKeys,
    /// Hosts, with port if they have one, that token audiences may name besides the request's own.
    pub public_endpoints: Vec<String>,
    /// Settings of single hubs.
    pub hubs: HashMap<HubName, HubSettings>,
    /// Settings of every hub that is not in `hubs`.
    pub default_hub: HubSettings,
    /// How JSON payloads reach protobuf clients.
    pub protobuf_json: JsonForm,
    /// Messages are compressed for clients that ask for it (`permessage-deflate`).
    pub compression: bool,
    /// TLS for every socket that is accepted from now on; plain sockets without it.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// From where clients and applications may come.
    pub addresses: Arc<Addresses>,
    /// The group events that somebody wants to be told of; `None` if nobody does.
    pub presence: Option<Arc<Presence>>,
    /// Bounds of this edge.
    pub limits: Limits,
    /// Bounds of the shards.
    pub hub_limits: Arc<hubwire_hub::Limits>,
}

/// What one hub allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HubSettings {
    /// Clients may connect without a token.
    pub anonymous: bool,
    /// The origins (RFC 6454) of the pages that browsers may connect from; any, if none is named. Clients that are not browsers name none, and
    /// are not asked.
    pub allowed_origins: Vec<String>,
}

impl Settings {
    /// The settings of a hub.
    pub fn hub(&self, name: &HubName) -> &HubSettings {
        self.hubs.get(name).unwrap_or(&self.default_hub)
    }
}

/// The bounds of the client edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest message of a client, in bytes. A larger one ends its connection with 1009.
    pub message_bytes_max: usize,
    /// WebSocket connections of the process. One more is refused with status 429.
    pub connections_max: usize,
    /// Sockets of the process that are not, or not yet, WebSocket connections. One more is refused with status 503.
    pub http_connections_max: usize,
    /// WebSocket connections of one hub, user or address in the process; no bound if `None`. One more is refused with status 429.
    pub connections_per_hub_max: Option<usize>,
    /// See [`Self::connections_per_hub_max`].
    pub connections_per_user_max: Option<usize>,
    /// See [`Self::connections_per_hub_max`]. The 2⁶⁴ addresses of one network of IPv6 count as one.
    pub connections_per_address_max: Option<usize>,
    /// Sockets of one address that are not, or not yet, WebSocket connections; no bound if `None`. One more is closed, with status 429 where it is
    /// not TLS. Trusted proxies are not counted.
    pub http_connections_per_address_max: Option<usize>,
    /// Handshakes that one address may make in a second, a second's worth at once; no bound if `None`. One more is refused with status 429.
    pub handshakes_per_address_per_s_max: Option<u64>,
    /// Frames that one connection is read in a second, a second's worth at once; no bound if `None`. A client that sends more is read later.
    pub frames_per_connection_per_s_max: Option<u64>,
    /// The same in bytes.
    pub bytes_per_connection_per_s_max: Option<u64>,
    /// Frames that all connections of one hub are read in a second on this process. Those whose turn it would be are read later.
    pub frames_per_hub_per_s_max: Option<u64>,
    /// How late a worker may come to its work, in milliseconds, before it turns new clients and calls away with status 503.
    pub worker_lag_max_ms: u64,
    /// How long a request head may take to arrive, in milliseconds; a socket that is late is closed.
    pub header_timeout_ms: u64,
    /// The largest request head, in bytes. A larger one is refused with status 431.
    pub header_bytes_max: usize,
    /// How long a peer that has been answered may take to close its socket, in milliseconds; then it is closed, and the answer may be lost.
    pub linger_timeout_ms: u64,
    /// What such a peer may still send, in bytes. Same outcome.
    pub linger_bytes_max: u64,
    /// How often a ping is sent, in milliseconds. A client from which nothing arrives for twice as long is taken for lost.
    pub ping_interval_ms: u64,
    /// How long a closing handshake, or a stopping service, waits for its clients, in milliseconds.
    pub drain_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 1 << 20,
            connections_max: 1_000_000,
            http_connections_max: 32_768,
            connections_per_hub_max: None,
            connections_per_user_max: None,
            connections_per_address_max: None,
            http_connections_per_address_max: None,
            handshakes_per_address_per_s_max: None,
            frames_per_connection_per_s_max: None,
            bytes_per_connection_per_s_max: None,
            frames_per_hub_per_s_max: None,
            worker_lag_max_ms: 1_000,
            header_timeout_ms: 10_000,
            header_bytes_max: 64 << 10,
            linger_timeout_ms: 5_000,
            linger_bytes_max: 4 << 20,
            ping_interval_ms: 20_000,
            drain_timeout_ms: 5_000,
        }
    }
}
