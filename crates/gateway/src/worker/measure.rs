//! What a worker measures and tells: how long deliveries take, how much crosses its sockets, what its shard has seen.

use std::sync::Arc;

use hubwire_hub::{ConnectionKey, Durations, Exchange, Observer, Sample, Shard, Span, TracedDelivery, Work};
use hubwire_protocol::GroupName;

use super::State;

/// Messages of one turn whose delivery is measured; more are delivered, and not measured.
const MEASURED_MAX: usize = 1_024;

/// What one worker measures.
pub(crate) struct Measures {
    pub(super) observer: Arc<dyn Observer>,
    /// Whether spans are collected; asked once a turn.
    pub(crate) collects_spans: bool,
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
        Self {
            observer,
            collects_spans: false,
            now_us: 0,
            under_way,
            deliveries_us,
            received_bytes: 0,
            sent_bytes: 0,
        }
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
        self.measures.collects_spans = self.measures.observer.collects_spans();
        self.shard.collect_deliveries(self.measures.collects_spans);
    }

    /// Hands over what the turn has to tell.
    pub(super) fn tell_facts(&mut self) {
        if let Some((facts, lost)) = self.shard.take_facts() {
            self.measures.observer.observe(Some(self.index), facts, lost);
        }
    }

    /// Has the shard carry out something that a client asks, as the span of its own that what comes of it is caused by.
    pub(crate) fn traced(
        &mut self,
        key: ConnectionKey,
        (request, group): (&'static str, Option<GroupName>),
        act: impl FnOnce(&mut Shard),
    ) {
        let begin = || self.measures.observer.begin(None).filter(|context| context.sampled);
        let Some(context) = self.measures.collects_spans.then(begin).flatten() else {
            return act(&mut self.shard);
        };
        let begun_us = self.environment.monotonic_us();
        let (hub, user, connection) = self.shard.identity(key);
        self.shard.caused_by(Some(context));
        act(&mut self.shard);
        self.shard.caused_by(None);
        let ended_us = self.environment.monotonic_us();
        let span = Span::new(context, None, (begun_us, ended_us), Work::Request(request));
        self.measures.observer.end(Span { hub, group, user, connection, ..span });
    }

    /// Tells of the turn's deliveries that belong to a trace, now that they have been written to every socket that would take them.
    pub(super) fn tell_deliveries(&mut self) {
        if !self.measures.collects_spans {
            return;
        }
        let (deliveries, lost) = self.shard.take_deliveries();
        let observer = &self.measures.observer;
        if lost > 0 {
            observer.lose_spans(lost);
        }
        let ended_us = if deliveries.is_empty() { 0 } else { self.environment.monotonic_us() };
        for TracedDelivery { cause, hub, target, delivered } in deliveries {
            if let Some(context) = observer.begin(Some(cause)) {
                let times = (self.measures.now_us, ended_us);
                let span = Span::new(context, Some(cause), times, Work::Delivery(delivered));
                observer.end(span.about(&hub, &target));
            }
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
