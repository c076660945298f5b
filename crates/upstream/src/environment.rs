/// Time and randomness, handed in so that tests can decide them.
pub trait Environment: Send + Sync {
    /// Milliseconds on a clock that never goes back.
    fn monotonic_ms(&self) -> u64;

    /// The same in microseconds, for what is measured.
    fn monotonic_us(&self) -> u64;

    /// Milliseconds since 1970.
    fn unix_ms(&self) -> u64;

    /// Bits that no other call yields.
    fn random(&self) -> u128;
}
