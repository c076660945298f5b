/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, at {at_ms} ms: {what}")]
pub struct Violation {
    /// What the course can be repeated with.
    pub seed: u64,
    /// When it was noticed, in simulated milliseconds.
    pub at_ms: u64,
    /// What was noticed.
    pub what: String,
}
