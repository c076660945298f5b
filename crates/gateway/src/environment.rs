use hubwire_protocol::ConnectionId;

/// Time and randomness, handed in so that tests can decide them.
pub trait Environment: Send + Sync {
    /// Milliseconds on a clock that never goes back.
    fn monotonic_ms(&self) -> u64;

    /// The same in microseconds, for what is measured.
    fn monotonic_us(&self) -> u64;

    /// Milliseconds since 1970, for what clients are shown.
    fn unix_ms(&self) -> u64;

    /// Seconds since 1970, for the lifetimes of tokens.
    fn unix_s(&self) -> u64 {
        self.unix_ms() / 1000
    }

    /// Bits that nobody can guess.
    fn random(&self) -> u128;

    /// An id for a new connection of a worker.
    fn connection_id(&self, worker: u8) -> ConnectionId {
        ConnectionId::new(self.random(), worker)
    }
}
