use std::future::Future;
use std::pin::Pin;

use hubwire_protocol::HubName;

use crate::{Command, Envelope, Reply, Strain, TraceContext};

/// The answer to a command, once every shard in its scope has acted.
pub type Routed = Pin<Box<dyn Future<Output = Result<Reply, Busy>> + Send>>;

/// The way is free once everything that was handed in before has arrived.
pub type Settled = Pin<Box<dyn Future<Output = Result<(), Busy>> + Send>>;

/// Refused, since something cannot take it or did not answer. Worth trying again in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// A shard of this process has more waiting than it may; nothing took effect there.
    #[error("A worker's inbox is full: limit inbox_bytes_max or inbox_messages_max.")]
    Inbox,
    /// More waits for other nodes than may; nothing took effect.
    #[error(
        "Too much waits for other nodes: limit cluster_backlog_messages_max or cluster_backlog_bytes_max."
    )]
    Backlog,
    /// This node is cut off from its cluster, and goes on only when it is back; nothing took effect.
    #[error("This node is cut off from its cluster.")]
    CutOff,
    /// The log of the hub does not take what it is given; nothing took effect, unless it took it without saying so.
    #[error("The log of this hub cannot be reached: JetStream does not answer.")]
    Log,
    /// NATS takes no message of this size; nothing took effect.
    #[error("The message is larger than the NATS servers take: their setting max_payload.")]
    TooLarge,
    /// The session is on its way from a node that is gone to another one.
    #[error("The connection is being taken over by another node.")]
    Moving,
    /// Another node did not answer in time: part of the service may have acted. What was asked may be asked again.
    #[error(
        "A node of the cluster did not answer in time (limit cluster_answer_timeout_ms): part of the service may have acted."
    )]
    Unanswered,
    /// The process turns new work away, since it could not finish what it has; nothing took effect.
    #[error("The service turns new work away, since {0}.")]
    Strained(Strain),
}

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

    /// The same, and comes back once the envelope is accepted: at once, or, in a hub with a log, when it stands there.
    fn accept(&self, envelope: Envelope) -> Settled {
        Box::pin(std::future::ready(self.publish(envelope)))
    }

    /// Makes every shard in the command's scope act and merges their answers. What the shards do because of it carries the cause along.
    fn execute_for(&self, cause: Option<TraceContext>, hub: HubName, command: Command) -> Routed;

    /// The same for what belongs to no distributed trace.
    fn execute(&self, hub: HubName, command: Command) -> Routed {
        self.execute_for(None, hub, command)
    }

    /// Comes back once every shard, wherever it is, knows all interests that the shards of this process had when this was called: whoever
    /// publishes from then on reaches them; and sessions of that hub that began before are kept, if it has a log. Within one process that is
    /// always so.
    fn settled(&self, _hub: &HubName) -> Settled {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Whether publishes and commands are taken at the moment.
    ///
    /// # Errors
    /// What they would be refused with.
    fn health(&self) -> Result<(), Busy> {
        Ok(())
    }
}
