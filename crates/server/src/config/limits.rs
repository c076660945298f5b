use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

/// One bound, as the reference lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Its name below `[limits]`.
    pub name: &'static str,
    /// Its value where nobody sets it.
    pub default: u64,
    /// The least value that makes sense.
    pub least: u64,
    /// The greatest value that makes sense.
    pub most: u64,
    /// What it bounds, and what happens beyond it.
    pub meaning: &'static str,
}

macro_rules! limits {
    ($($name:ident = $default:expr, $least:expr => $most:expr, $meaning:literal;)*) => {
        /// Every bound that can be set, in the order of the reference.
        pub const LIMITS: &[Limit] = &[$(Limit {
            name: stringify!($name), default: $default, least: $least, most: $most, meaning: $meaning,
        }),*];

        /// The table `[limits]` of the file.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct LimitsTable {
            $($name: Option<Spanned<i64>>,)*
        }

        /// The value of every bound.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct LimitValues {
            $(#[doc = $meaning] pub $name: u64,)*
        }

        impl LimitsTable {
            /// Fills in defaults and checks ranges; `wrong` makes the error for a bound, its place in the file, and a problem.
            pub(super) fn values<E>(
                &self,
                wrong: impl Fn(&'static str, usize, String) -> E,
            ) -> Result<LimitValues, E> {
                let mut all = LIMITS.iter();
                $(let $name = match (&self.$name, all.next()) {
                    (Some(given), Some(limit)) => check(given, limit, &wrong)?,
                    _ => $default,
                };)*
                Ok(LimitValues { $($name),* })
            }
        }
    };
}

fn check<E>(
    given: &Spanned<i64>,
    limit: &Limit,
    wrong: &impl Fn(&'static str, usize, String) -> E,
) -> Result<u64, E> {
    let value = u64::try_from(*given.get_ref()).ok();
    value.filter(|value| (limit.least..=limit.most).contains(value)).ok_or_else(|| {
        let problem = format!("{} is not between {} and {}", given.get_ref(), limit.least, limit.most);
        wrong(limit.name, given.span().start, problem)
    })
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const DAY_MS: u64 = 86_400_000;

limits! {
    message_bytes_max = MIB, KIB => GIB,
        "Largest message of a client, in bytes. A larger one closes its connection with 1009.";
    request_body_bytes_max = MIB, KIB => GIB,
        "Largest body of a REST request, in bytes. A larger one is refused with status 400.";
    request_body_timeout_ms = 30_000, 100 => DAY_MS,
        "How long the body of a REST request may take to arrive, in milliseconds. Then it is refused with status 408.";
    request_header_bytes_max = 64 * KIB, 8 * KIB => MIB,
        "Largest head of an HTTP request, in bytes. A larger one is refused with status 431.";
    request_header_timeout_ms = 10_000, 100 => DAY_MS,
        "How long the head of an HTTP request may take to arrive, in milliseconds. Then the socket is closed.";
    linger_timeout_ms = 5_000, 0 => 3_600_000,
        "How long a peer may take to close a socket on which it has been answered before it had sent everything, in milliseconds. Then the socket is closed, and the answer may be lost.";
    linger_bytes_max = 4 * MIB, 0 => 1024 * GIB,
        "What such a peer may still send, in bytes; it is dropped. Same outcome.";
    connections_max = 1_000_000, 1 => 100_000_000,
        "WebSocket connections of the process. One more is refused with status 429.";
    connections_per_hub_max = 0, 0 => 100_000_000,
        "WebSocket connections of one hub in the process; 0 for no bound. One more is refused with status 429.";
    connections_per_user_max = 0, 0 => 100_000_000,
        "WebSocket connections of one user of a hub in the process; 0 for no bound. One more is refused with status 429.";
    connections_per_address_max = 0, 0 => 100_000_000,
        "WebSocket connections from one address in the process; 0 for no bound. One more is refused with status 429. A /64 of IPv6 is one address.";
    handshakes_per_address_per_s_max = 0, 0 => 1_000_000,
        "Handshakes that one address may make in a second; 0 for no bound. One more is refused with status 429.";
    frames_per_connection_per_s_max = 0, 0 => 10_000_000,
        "Frames of one client that are read in a second; 0 for no bound. A client that sends more is read later, and nothing is lost.";
    bytes_per_connection_per_s_max = 0, 0 => 1024 * GIB,
        "Bytes of one client that are read in a second; 0 for no bound. Same outcome.";
    frames_per_hub_per_s_max = 0, 0 => 100_000_000,
        "Frames of all clients of one hub that the process reads in a second; 0 for no bound. Same outcome.";
    rest_calls_per_hub_per_s_max = 0, 0 => 100_000_000,
        "REST calls for one hub that the process takes in a second; 0 for no bound. One more is refused with status 429.";
    memory_bytes_max = 0, 0 => 1024 * 1024 * GIB,
        "Memory that the process may hold, in bytes; 0 for nine tenths of what the system or its control group has. Beyond it new clients and calls are refused with status 503.";
    worker_lag_max_ms = 1_000, 10 => 600_000,
        "How late a worker may come to its work, in milliseconds. Beyond it new clients and calls are refused with status 503.";
    http_connections_max = 32_768, 1 => 1_000_000,
        "Sockets of the process that are not, or not yet, WebSocket connections. One more is refused with status 503.";
    http_connections_per_address_max = 0, 0 => 1_000_000,
        "The same of one address; 0 for no bound. One more is refused with status 429. Trusted proxies are not counted.";
    outbox_messages_max = 1_000, 1 => 1_000_000,
        "Messages that may wait for a client that reads slowly. One more closes its connection with 1008.";
    outbox_bytes_max = 16 * MIB, KIB => GIB,
        "Bytes that may wait for a client that reads slowly. More close its connection with 1008.";
    unacknowledged_messages_max = 1_000, 1 => 1_000_000,
        "Messages that a reliable client may leave unacknowledged. One more ends its session with 1008.";
    unacknowledged_bytes_max = 16 * MIB, KIB => GIB,
        "Bytes that a reliable client may leave unacknowledged. More end its session with 1008.";
    recovery_window_ms = 30_000, 0 => DAY_MS,
        "How long a reliable session outlives its socket, in milliseconds. Later recoveries are refused with 1008.";
    ack_ids_max = 1_000, 1 => 1_000_000,
        "Acknowledgement ids that are remembered per connection. The oldest is forgotten first.";
    groups_per_connection_max = 16_384, 1 => 1_000_000,
        "Groups that one connection may be in. One more is refused with an error acknowledgement, or with status 409 through REST.";
    streams_per_connection_max = 64, 0 => 100_000,
        "Streams that one connection may have open. One more is refused with streamClosed.";
    stream_hold_max_ms = 10_000, 0 => DAY_MS,
        "How long the publisher of a stream is not read while subscribers cannot keep up, in milliseconds. Then they overflow by the bounds above.";
    invocations_per_connection_max = 64, 0 => 100_000,
        "Invocations of one connection that may wait for an answer. One more is refused with invokeResponse.";
    invocation_timeout_ms = 100_000, 1 => DAY_MS,
        "How long an invocation waits for its answer, in milliseconds. Then it fails with Timeout.";
    group_states_per_connection_max = 128, 0 => 100_000,
        "Groups in which one connection may have a state. One more is refused with an error acknowledgement.";
    group_states_per_group_max = 10_000, 0 => 1_000_000,
        "States in one group. One more is refused with an error acknowledgement.";
    upstream_call_timeout_ms = 100_000, 100 => DAY_MS,
        "How long a call of an event handler may take, with all attempts and the waits between them, in milliseconds. Then it has failed.";
    upstream_connect_timeout_ms = 10_000, 10 => DAY_MS,
        "How long a connection to an event handler may take to be made, in milliseconds. Then the attempt has failed.";
    upstream_validation_timeout_ms = 10_000, 10 => DAY_MS,
        "How long the validation of an event handler may take, in milliseconds. Then it has failed.";
    upstream_answer_bytes_max = 16 * MIB, KIB => GIB,
        "Largest body of an event handler's answer, in bytes. With a larger one the call has failed.";
    upstream_calls_per_hub_max = 1_024, 1 => 1_000_000,
        "Calls of event handlers that one hub has under way. More wait for their turn within their time-out.";
    upstream_calls_per_host_max = 4_096, 1 => 1_000_000,
        "Calls of event handlers that are under way to one host. More wait for their turn within their time-out.";
    event_outbox_entries_max = 1_000_000, 1 => 1_000_000_000,
        "Events that may wait for event handlers and listeners. One more is refused, logged and counted.";
    event_outbox_bytes_max = 256 * MIB, MIB => 1024 * GIB,
        "Bytes of events that may wait for event handlers and listeners. Same outcome.";
    event_outbox_dead_letters_max = 10_000, 0 => 100_000_000,
        "Events that were given up and are kept for an operator. For one more the oldest is dropped and counted.";
    event_outbox_retention_ms = DAY_MS, 1_000 => 365 * DAY_MS,
        "How long an event is tried that nobody waits for, in milliseconds. Then it becomes a dead letter.";
    inbox_messages_max = 65_536, 64 => 100_000_000,
        "Publishes and commands that may wait for one worker. Then REST calls are refused with status 503; at half of it clients are not read. A change needs a restart.";
    inbox_bytes_max = 256 * MIB, MIB => 1024 * GIB,
        "Bytes of publishes and commands that may wait for one worker. Same outcome. A change needs a restart.";
    cluster_backlog_messages_max = 65_536, 64 => 100_000_000,
        "Publishes, commands and the like that may wait for other nodes. Then REST calls are refused with status 503; at half of it clients are not read. A change needs a restart.";
    cluster_backlog_bytes_max = 256 * MIB, MIB => 1024 * GIB,
        "Their bytes. Same outcome. A change needs a restart.";
    cluster_lease_ms = 5_000, 500 => 600_000,
        "How long a node may be silent, in milliseconds. Then the others take it for dead, and its connections for gone. A change needs a restart.";
    cluster_answer_timeout_ms = 5_000, 100 => 600_000,
        "How long a command or a new connection waits for other nodes, in milliseconds. Then it is refused with status 503. A change needs a restart.";
    cluster_log_age_max_s = 600, 10 => 7 * 86_400,
        "How long the log of hubs with durability \"cluster\" keeps messages, in seconds. Sessions that need older ones when their node dies end with 1008. Of a log that exists, JetStream's own settings count. A change needs a restart.";
    cluster_log_bytes_max = GIB, MIB => 1024 * GIB,
        "How many bytes that log keeps. Same outcome. A change needs a restart.";
    cluster_log_replicas = 1, 1 => 5,
        "How many NATS servers keep each message of that log; one that dies is survived with 3. A change needs a restart.";
    ping_interval_ms = 20_000, 100 => 3_600_000,
        "How often a client is pinged, in milliseconds. One from which nothing has arrived for twice as long when its next ping is due is taken for lost.";
    drain_timeout_ms = 5_000, 0 => 3_600_000,
        "How long a closing handshake, or a stopping service, waits for clients, in milliseconds. Then their sockets are closed.";
}

impl LimitValues {
    /// The bounds of the shards.
    pub(crate) fn of_hubs(&self) -> Arc<hubwire_hub::Limits> {
        let size = |value| usize::try_from(value).unwrap_or(usize::MAX);
        Arc::new(hubwire_hub::Limits {
            outbox_messages_max: size(self.outbox_messages_max),
            outbox_bytes_max: size(self.outbox_bytes_max),
            window_messages_max: size(self.unacknowledged_messages_max),
            window_bytes_max: size(self.unacknowledged_bytes_max),
            recovery_window_ms: self.recovery_window_ms,
            ack_ids_max: size(self.ack_ids_max),
            groups_per_connection_max: size(self.groups_per_connection_max),
            streams_per_connection_max: size(self.streams_per_connection_max),
            stream_hold_max_ms: self.stream_hold_max_ms,
            invocations_per_connection_max: size(self.invocations_per_connection_max),
            invocation_timeout_ms: self.invocation_timeout_ms,
            group_states_per_connection_max: size(self.group_states_per_connection_max),
            group_states_per_group_max: size(self.group_states_per_group_max),
        })
    }
}
