use std::collections::HashMap;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use hubwire_outbox::{Delivery, Failure};
use prost::Message;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::call::{Call, Repeated};
use crate::client::Clients;
use crate::settings::{Handler, HubUpstream};
use crate::upstream::Shared;
use crate::{CallError, CloudEvent, SendError, Upstream};

/// Deliveries that are under way at a time, to all handlers together.
const DELIVERIES_MAX: usize = 1_024;
/// Events that one listener is told together.
const BATCH_MAX: usize = 100;
/// What the destinations of listeners begin with; those of handlers are URLs.
pub(crate) const LISTENER_PREFIX: &str = "listener ";
/// How often what was delivered is written down for good, and counted, in milliseconds.
const SYNC_INTERVAL_MS: u64 = 1_000;
/// How long a stopping service goes on delivering, in milliseconds. What is left then stays in the outbox.
const DRAIN_MS_MAX: u64 = 10_000;

/// What comes of one delivery.
enum Outcome {
    Delivered,
    Failed(Failure),
    Parked(String),
}

impl Upstream {
    /// Delivers what is in the outbox, until `stop` is cancelled and what is due has been tried once more, or the time for that is over.
    ///
    /// Runs on the current thread, inside a `LocalSet`.
    pub async fn deliver(self, stop: CancellationToken) {
        let clients = Rc::new(Clients::default());
        let mut under_way = JoinSet::new();
        let mut syncs = tokio::time::interval(Duration::from_millis(SYNC_INTERVAL_MS));
        let mut drained = std::pin::pin!(async {
            stop.cancelled().await;
            tokio::time::sleep(Duration::from_millis(DRAIN_MS_MAX)).await;
        });
        loop {
            let room = DELIVERIES_MAX.saturating_sub(under_way.len());
            let now_ms = self.shared.memory.environment.unix_ms();
            for batch in batches(self.shared.outbox.take_due(now_ms, room)) {
                under_way.spawn_local(deliver(self.shared.clone(), clients.clone(), batch));
            }
            let room = DELIVERIES_MAX.saturating_sub(under_way.len());
            if stop.is_cancelled() && under_way.is_empty() {
                break;
            }
            tokio::select! {
                () = self.shared.outbox.changed() => {}
                Some(_) = under_way.join_next() => {}
                () = self.until_due(room) => {}
                _ = syncs.tick() => self.report(),
                () = stop.cancelled(), if !stop.is_cancelled() => {}
                () = &mut drained => break,
            }
        }
        self.report();
        let counts = self.shared.outbox.counts();
        if counts.pending > 0 {
            tracing::warn!(
                events = counts.pending,
                "the service stops with events that are not delivered; they are only kept where there is a data_directory"
            );
        }
    }

    /// Comes back when the next entry is due, if there is room for it.
    async fn until_due(&self, room: usize) {
        match self.shared.outbox.next_due_ms(room) {
            Some(due_ms) => {
                let wait_ms = due_ms.saturating_sub(self.shared.memory.environment.unix_ms());
                tokio::time::sleep(Duration::from_millis(wait_ms.min(SYNC_INTERVAL_MS))).await;
            }
            None => pending().await,
        }
    }

    fn report(&self) {
        if let Err(error) = self.shared.outbox.sync() {
            tracing::error!(error, "the event outbox cannot be written down for good");
        }
        let counts = self.shared.outbox.counts();
        metrics::gauge!("webpubsub_event_outbox_pending").set(counts.pending as f64);
        metrics::gauge!("webpubsub_event_outbox_pending_bytes").set(counts.pending_bytes as f64);
        metrics::gauge!("webpubsub_event_outbox_dead_letters").set(counts.dead as f64);
        metrics::counter!("webpubsub_event_outbox_delivered_total").absolute(counts.delivered);
        metrics::counter!("webpubsub_event_outbox_failures_total").absolute(counts.failed);
        metrics::counter!("webpubsub_event_outbox_parked_total").absolute(counts.parked);
        metrics::counter!("webpubsub_event_outbox_refused_total").absolute(counts.refused);
        metrics::counter!("webpubsub_event_outbox_dead_letters_dropped_total").absolute(counts.dropped);
    }
}

/// Deliveries for one destination together: listeners take them so. Those for handlers go out one by one all the same.
fn batches(due: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let mut batches: Vec<Vec<Delivery>> = Vec::new();
    let mut open: HashMap<Arc<str>, usize> = HashMap::new();
    for delivery in due {
        if !delivery.destination.starts_with(LISTENER_PREFIX) {
            batches.push(vec![delivery]);
            continue;
        }
        let place =
            open.get(&delivery.destination).copied().filter(|place| batches[*place].len() < BATCH_MAX);
        match place {
            Some(place) => batches[place].push(delivery),
            None => {
                open.insert(delivery.destination.clone(), batches.len());
                batches.push(vec![delivery]);
            }
        }
    }
    batches
}

async fn deliver(shared: Arc<Shared>, clients: Rc<Clients>, batch: Vec<Delivery>) {
    let mut told = Vec::with_capacity(batch.len());
    for delivery in batch {
        match CloudEvent::decode(delivery.body.clone()) {
            Ok(event) => told.push((delivery, event)),
            Err(error) => {
                settle(&shared, &delivery, Outcome::Parked(format!("the event is damaged: {error}")))
            }
        }
    }
    let Some((first, event)) = told.first() else {
        return;
    };
    if first.destination.starts_with(LISTENER_PREFIX) {
        return tell_listener(&shared, &clients, told).await;
    }
    let outcome = tell(&shared, &clients, first, event).await;
    settle(&shared, first, outcome);
}

fn settle(shared: &Shared, delivery: &Delivery, outcome: Outcome) {
    let now_ms = shared.memory.environment.unix_ms();
    match outcome {
        Outcome::Delivered => shared.outbox.delivered(delivery.serial),
        Outcome::Failed(failure) => {
            tracing::warn!(destination = %delivery.destination, attempts = delivery.attempts + 1, ?failure, "an event is not delivered yet");
            shared.outbox.failed(delivery.serial, &failure, now_ms);
        }
        Outcome::Parked(reason) => {
            shared.outbox.park(delivery.serial, &reason, delivery.attempts + 1, now_ms)
        }
    }
}

/// Tells a listener of events of different connections, together.
async fn tell_listener(shared: &Shared, clients: &Clients, told: Vec<(Delivery, CloudEvent)>) {
    let settings = shared.settings.load_full();
    let (deliveries, events): (Vec<_>, Vec<_>) = told.into_iter().unzip();
    let hubs = settings.hubs.values().chain([&settings.default_hub]);
    let mut listeners = hubs.flat_map(|hub| &hub.listeners);
    let Some(listener) =
        listeners.find(|listener| listener.destination == deliveries[0].destination).cloned()
    else {
        for delivery in &deliveries {
            settle(
                shared,
                delivery,
                Outcome::Parked("the event listener is not configured any more".to_owned()),
            );
        }
        return;
    };
    let client = clients.client(&settings);
    let outcomes = listener.target.send(&client, &events).await;
    for (delivery, outcome) in deliveries.iter().zip(outcomes) {
        let outcome = match outcome {
            Ok(()) => Outcome::Delivered,
            Err(SendError::Failed(failure)) => Outcome::Failed(failure),
            Err(SendError::Refused(reason)) => Outcome::Parked(reason),
        };
        settle(shared, delivery, outcome);
    }
}

/// Tells a handler. The settings of the moment count, so that one that was put right gets what waits for it.
async fn tell(shared: &Shared, clients: &Clients, delivery: &Delivery, event: &CloudEvent) -> Outcome {
    let settings = shared.settings.load_full();
    let Some(hub) = event.hub_name().map(|name| settings.hub(&name).clone()) else {
        return Outcome::Parked("the event's hub has no valid name".to_owned());
    };
    let Some(handler) = handler(&hub, delivery, event) else {
        return Outcome::Parked("no event handler of the hub takes it any more".to_owned());
    };
    let client = clients.client(&settings);
    let call = Call { settings: &settings, hub: &hub, handler: &handler, event, repeated: Repeated::Later };
    let made = call.make(&client, &shared.memory).await;
    if event.name == "disconnected"
        && let Some(connection) = event.connection_id()
    {
        shared.memory.cookies.forget(connection);
    }
    match made {
        Ok(_) => Outcome::Delivered,
        Err(error) => failed(&error),
    }
}

/// The handler that the event was meant for, or the one that takes its kind now.
fn handler(hub: &HubUpstream, delivery: &Delivery, event: &CloudEvent) -> Option<Arc<Handler>> {
    let meant = hub.handlers.iter().find(|handler| handler.destination == delivery.destination);
    let takes = |handler: &&Arc<Handler>| handler.takes_event(event.kind(), &event.name);
    meant.filter(takes).or_else(|| hub.handlers.iter().find(takes)).cloned()
}

fn failed(error: &CallError) -> Outcome {
    let reason = error.to_string();
    match error {
        CallError::Request(_) => Outcome::Parked(reason),
        CallError::Status(status) if *status == StatusCode::TOO_MANY_REQUESTS => {
            Outcome::Failed(Failure::Refused(reason))
        }
        CallError::Status(_) if !error.is_worth_repeating() => Outcome::Parked(reason),
        error if error.is_away() => Outcome::Failed(Failure::Away(reason)),
        _ => Outcome::Failed(Failure::Refused(reason)),
    }
}
