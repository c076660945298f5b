use std::future::Future;
use std::pin::Pin;

use hubwire_protocol::HubName;

use crate::{Command, Envelope, Reply};

/// The answer to a command, once every shard in its scope has acted.
pub type Routed = Pin<Box<dyn Future<Output = Result<Reply, Busy>> + Send>>;

/// Refused, because a shard has more waiting than it may; nothing took effect there. Worth trying again in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("A worker's inbox is full: limit inbox_bytes_max or inbox_messages_max.")]
pub struct Busy;

/// The way to all shards, wherever they are: other workers of this process, or of other nodes.
///
/// Adapters see only this. What it must keep: envelopes and commands that one caller hands in one after the other reach each shard in
/// that order.
pub trait Router: Send + Sync {
    /// Hands an envelope to every shard with interest in its target.
    ///
    /// # Errors
    /// [`Busy`] if a shard with interest cannot take it; then no shard gets it.
    fn publish(&self, envelope: Envelope) -> Result<(), Busy>;

    /// Makes every shard in the command's scope act and merges their answers.
    fn execute(&self, hub: HubName, command: Command) -> Routed;
}
