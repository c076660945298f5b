/// The bounds of everything that a shard holds for its connections. Each has a defined outcome, counted in [`crate::Counters`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Frames that may wait for one socket. One more ends the connection: `The outbound message queue is full.`
    pub outbox_messages_max: usize,
    /// Bytes that may wait for one socket; same outcome.
    pub outbox_bytes_max: usize,
    /// Messages that a reliable client may leave unacknowledged. One more ends its session: `The reliable message buffer is full.`
    pub window_messages_max: usize,
    /// Bytes that a reliable client may leave unacknowledged; same outcome.
    pub window_bytes_max: usize,
    /// How long a reliable session outlives its socket, in milliseconds.
    pub recovery_window_ms: u64,
    /// Acknowledgement ids that are remembered per connection; the oldest is forgotten first.
    pub ack_ids_max: usize,
    /// Groups that one connection may be in. One more is refused with an error acknowledgement (409 through REST).
    pub groups_per_connection_max: usize,
    /// Streams that one connection may have open. One more is refused: `streamClosed` with `BadRequest`.
    pub streams_per_connection_max: usize,
    /// How long the publisher of a stream may be kept waiting for subscribers that cannot keep up, in milliseconds. After that they
    /// overflow by the bounds above.
    pub stream_hold_max_ms: u64,
    /// Invocations of one connection that may wait for an answer. One more is refused: `invokeResponse` with `BadRequest`.
    pub invocations_per_connection_max: usize,
    /// How long an invocation waits for its answer, in milliseconds; then it fails with `Timeout`.
    pub invocation_timeout_ms: u64,
    /// Groups in which one connection may have a state. One more is refused with an error acknowledgement.
    pub group_states_per_connection_max: usize,
    /// States in one group. One more is refused with an error acknowledgement.
    pub group_states_per_group_max: usize,
}

impl Default for Limits {
    /// The numbers of the managed service, where it has them.
    fn default() -> Self {
        Self {
            outbox_messages_max: 1000,
            outbox_bytes_max: 16 << 20,
            window_messages_max: 1000,
            window_bytes_max: 16 << 20,
            recovery_window_ms: 30_000,
            ack_ids_max: 1000,
            // 60 bytes a membership: less than 1 MiB for a connection at its limit.
            groups_per_connection_max: 16_384,
            streams_per_connection_max: 64,
            stream_hold_max_ms: 10_000,
            invocations_per_connection_max: 64,
            // All attempts of an event handler together have so long.
            invocation_timeout_ms: 100_000,
            group_states_per_connection_max: 128,
            group_states_per_group_max: 10_000,
        }
    }
}

impl Limits {
    /// What a reliable connection's outbox may hold beyond a full window: acknowledgements and pongs between replayed messages.
    pub(crate) const SPARE_MESSAGES: usize = 32;
    /// The same in bytes.
    pub(crate) const SPARE_BYTES: usize = 64 << 10;

    /// What the outbox of a reliable connection may hold, in messages and bytes: a full window always fits.
    pub(crate) fn reliable_outbox(&self) -> (usize, usize) {
        let messages_max = self.outbox_messages_max.max(self.window_messages_max) + Self::SPARE_MESSAGES;
        (messages_max, self.outbox_bytes_max.max(self.window_bytes_max) + Self::SPARE_BYTES)
    }
}
