//! What a worker measures and tells: how long deliveries take, how much crosses its sockets, what its shard has seen.

use std::sync::Arc;

use hubwire_hub::{Durations, Exchange, Observer, Sample};

use super::State;

/// Messages of one turn whose delivery is measured; more are delivered, and not measured.
const MEASURED_MAX: usize = 1_024;

/// What one worker measures.
pub(crate) struct Measures {
    pub(super) observer: Arc<dyn Observer>,
    /// When the turn began, in microseconds.
    pub(crate) now_us: u64,
    /// When the messages were accepted that are on their way to their recipients, in microseconds.
    under_way: Vec<u64>,
    deliveries_us: Durations,
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
}

impl Measures {
    pub(super) fn new(observer: Arc<dyn Observer>) -> Self {
        let (under_way, deliveries_us) = (Vec::new(), Durations::default());
        Self { observer, now_us: 0, under_way, deliveries_us, received_bytes: 0, sent_bytes: 0 }
    }

    /// A message has been put into the outboxes of its recipients.
    pub(super) fn published(&mut self, accepted_us: u64) {
        if accepted_us != 0 && self.under_way.len() < MEASURED_MAX {
            self.under_way.push(accepted_us);
        }
    }
}

impl<E: Exchange> State<E> {
    /// Has the shard tell what happens, or no longer: asked once a turn.
    pub(super) fn follow_observer(&mut self) {
        self.shard.watch(self.measures.observer.is_watching(), self.index);
    }

    /// Hands over what the turn has to tell.
    pub(super) fn tell_facts(&mut self) {
        if let Some((facts, lost)) = self.shard.take_facts() {
            self.measures.observer.observe(Some(self.index), facts, lost);
        }
    }

    /// Ends the measurement of all messages, once every socket has been written to that would take something.
    pub(super) fn measure_deliveries(&mut self) {
        if self.measures.under_way.is_empty() || self.shard.has_flushes() {
            return;
        }
        let now_us = self.environment.monotonic_us();
        for accepted_us in self.measures.under_way.drain(..) {
            self.measures.deliveries_us.record(now_us.saturating_sub(accepted_us));
        }
    }

    /// Tells the observer what has been counted so far.
    pub(super) fn sample(&mut self) {
        let measures = &mut self.measures;
        let delivery = metrics::histogram!("webpubsub_delivery_duration_seconds");
        for (end_us, count) in measures.deliveries_us.iter() {
            delivery.record_many(end_us as f64 / 1e6, usize::try_from(count).unwrap_or(usize::MAX));
        }
        measures.observer.sample(Sample {
            worker: self.index,
            connections: self.shard.connection_count(),
            counters: self.shard.counters().clone(),
            received_bytes: measures.received_bytes,
            sent_bytes: measures.sent_bytes,
            deliveries_us: std::mem::take(&mut measures.deliveries_us),
        });
    }
}
