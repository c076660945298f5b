/// The bounds of an outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Entries that may wait. One more is refused.
    pub entries_max: usize,
    /// Bytes that may wait. More are refused.
    pub bytes_max: usize,
    /// Dead letters that are kept. For one more the oldest is dropped.
    pub dead_letters_max: usize,
    /// How long an entry is tried, in milliseconds since it was raised; then it becomes a dead letter.
    pub retention_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries_max: 1_000_000,
            bytes_max: 1 << 30,
            dead_letters_max: 10_000,
            retention_ms: 86_400_000,
        }
    }
}
