use std::sync::Arc;
use std::task::{Context, Poll};

use hubwire_protocol::{ConnectionId, HubName};

use crate::{
    Command, Entry, Envelope, Letter, Logged, Luggage, Parting, Recipient, Reply, Target, TraceContext,
};

/// What reaches a shard from elsewhere.
pub enum Parcel {
    /// Deliver this.
    Envelope(Envelope),
    /// Take this in.
    Letter(Letter),
    /// Apply what stands in the log.
    Entry {
        /// Where it stands.
        position: u64,
        /// What stands there; all shards share it.
        entry: Arc<Entry>,
        /// Takes what came of a command, once all that it caused has been carried out.
        reply: Option<Box<dyn FnOnce(Reply) + Send>>,
    },
    /// Do this, and say what came of it.
    Command {
        /// The hub that it is about.
        hub: HubName,
        /// What is to be done; all shards in its scope share it.
        command: Arc<Command>,
        /// The span of what caused it, if that belongs to a distributed trace.
        cause: Option<TraceContext>,
        /// Takes the answer, once all that the command caused has been carried out.
        reply: Box<dyn FnOnce(Reply) + Send>,
    },
}

/// A moment in the life of an [`Exchange`]: for each shard, in an order of the exchange's own, how many parcels had been handed to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark(pub Vec<u64>);

/// One shard's tie to all others. Each worker owns one; [`crate::Router`] is what everybody else uses.
pub trait Exchange {
    /// Takes parcels that wait, in the order in which each sender sent them, at most `limit`. Pending only if there are none; then the
    /// task is woken when one arrives. Answers how many it took.
    fn poll_parcels(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<Parcel>,
        limit: usize,
    ) -> Poll<usize>;

    /// Hands an envelope to every other shard with interest in its target. It is always taken: the caller asks
    /// [`Exchange::is_congested`] before it reads what leads to one.
    fn publish(&self, envelope: Envelope);

    /// Takes a letter to its recipient, by way of the inbox even if that is this shard itself, and always: as for
    /// [`Exchange::publish`]. Letters and envelopes that one shard sends to another arrive in the order of the calls.
    fn send(&self, recipient: &Recipient, letter: Letter);

    /// How much has been handed to each other shard so far, whoever did it.
    fn mark(&self) -> Mark;

    /// Whether each other shard has taken in what had been handed to it at the mark.
    fn is_past(&self, mark: &Mark) -> bool;

    /// From the moment this returns, envelopes for the target reach this shard, whoever of this process publishes them.
    fn interested(&mut self, hub: &HubName, target: &Target);

    /// Envelopes for the target need no longer reach this shard.
    fn uninterested(&mut self, hub: &HubName, target: &Target);

    /// Whether some other shard has so much waiting that client input should wait.
    fn is_congested(&self) -> bool;

    /// Whether some of the other shards are on other nodes: then [`Exchange::interested`] holds for them only once
    /// [`Exchange::settle`] has been answered.
    fn spans_nodes(&self) -> bool {
        false
    }

    /// Whether the sessions of this process go to another one when it stops: see [`crate::Shard::suspend`].
    fn hands_over(&self) -> bool {
        false
    }

    /// The hubs that have a log. Only where there are some do shards have an entry to append, or a session to keep.
    fn logged(&self) -> Arc<Logged> {
        Arc::default()
    }

    /// Takes an entry to the log: see [`crate::Effect::Append`]. Entries of one shard get there in the order of the calls.
    fn append(&self, _entry: Entry) {}

    /// Keeps a session: see [`crate::Effect::Keep`].
    fn keep(&self, _session: Box<Luggage>) {}

    /// Forgets a session: see [`crate::Effect::Forget`].
    fn forget(&self, _parting: Box<Parting>) {}

    /// This shard's process stops: none of its clients will publish anything from now on.
    fn drained(&self) {}

    /// Sends this shard [`Letter::Settled`] once every other shard knows the interests that this one had told before.
    fn settle(&self, connection: ConnectionId) {
        self.send(&Recipient::Owner(connection), Letter::Settled(connection));
    }
}
