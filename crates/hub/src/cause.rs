//! What a shard does because of a distributed trace, and how it tells of deliveries that belong to one.

use hubwire_protocol::{ConnectionId, HubName, UserId};

use crate::shard::Shard;
use crate::{ConnectionKey, Delivered, Envelope, Target, TraceContext};

/// Deliveries that are kept until they are taken, which is once a turn. More are counted, not kept: tracing must not cost more than what is traced.
const DELIVERIES_MAX: usize = 1_024;

/// What became, in one shard, of a message that belongs to a trace.
#[derive(Debug, Clone)]
pub struct TracedDelivery {
    /// The publish.
    pub cause: TraceContext,
    /// Its hub.
    pub hub: HubName,
    /// Whom it was meant for.
    pub target: Target,
    /// What became of it.
    pub delivered: Delivered,
}

/// The trace that a shard acts in, and what it has done in traces.
#[derive(Default)]
pub(crate) struct Causes {
    /// What causes everything that happens now.
    pub(crate) cause: Option<TraceContext>,
    collected: bool,
    deliveries: Vec<TracedDelivery>,
    lost: u64,
}

impl Causes {
    /// Whether a delivery of the envelope is to be told.
    pub(crate) fn wants(&self, envelope: &Envelope) -> bool {
        self.collected && envelope.cause.is_some_and(|cause| cause.sampled)
    }

    pub(crate) fn delivered(&mut self, envelope: &Envelope, delivered: Delivered) {
        let Some(cause) = envelope.cause.filter(|_| delivered.recipients > 0) else {
            return;
        };
        if self.deliveries.len() >= DELIVERIES_MAX {
            self.lost += 1;
            return;
        }
        let (hub, target) = (envelope.hub.clone(), envelope.target.clone());
        self.deliveries.push(TracedDelivery { cause, hub, target, delivered });
    }
}

impl Shard {
    /// Says what causes everything that the shard is told to do from now on: events and messages that come of it carry that along.
    pub fn caused_by(&mut self, cause: Option<TraceContext>) {
        self.causes.cause = cause;
    }

    /// Whose connection it is: its hub, its user and its id. Nothing of a connection that is gone.
    pub fn identity(&self, key: ConnectionKey) -> (Option<HubName>, Option<UserId>, Option<ConnectionId>) {
        let Some(connection) = self.connections.get(key.index()) else {
            return (None, None, None);
        };
        let hub = self.hubs.get(connection.hub as usize).map(|hub| hub.name.clone());
        (hub, connection.user.clone(), Some(connection.id))
    }

    /// Has deliveries kept that belong to a trace, or no longer.
    pub fn collect_deliveries(&mut self, on: bool) {
        self.causes.collected = on;
    }

    /// The deliveries, since this was asked last, that belong to a trace, and how many more there were.
    pub fn take_deliveries(&mut self) -> (Vec<TracedDelivery>, u64) {
        (std::mem::take(&mut self.causes.deliveries), std::mem::take(&mut self.causes.lost))
    }
}
