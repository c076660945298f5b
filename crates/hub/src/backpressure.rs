//! A stream that outruns its group: its publisher is not read until the subscribers have caught up, within limits.

use std::collections::HashMap;

use hubwire_protocol::{ConnectionId, HubName};

use crate::connection::{Connection, Link};
use crate::deadline::Deadline;
use crate::letter::{Letter, Recipient};
use crate::shard::Shard;
use crate::{ConnectionKey, Effect, Envelope, Limits, Target};

/// How often a shard looks whether subscribers have caught up, in milliseconds.
const CHECK_INTERVAL_MS: u64 = 20;

/// The publishers that this shard's subscribers cannot keep up with.
#[derive(Default)]
pub(crate) struct Backpressure {
    publishers: HashMap<ConnectionId, Pressure>,
    /// Whether a deadline is set to look again.
    watching: bool,
}

struct Pressure {
    hub: HubName,
    target: Target,
    since_ms: u64,
    /// The publisher has waited long enough: who is still behind may overflow.
    given_up: bool,
}

/// Whether a subscriber is so far behind that a publisher should wait. A detached session cannot catch up, so it makes nobody wait.
pub(crate) fn is_behind(connection: &Connection, limits: &Limits) -> bool {
    exceeds(connection, limits, 2, 4)
}

/// Whether a subscriber is still so far behind that a publisher should go on waiting.
fn is_still_behind(connection: &Connection, limits: &Limits) -> bool {
    exceeds(connection, limits, 1, 2)
}

/// Whether more than some quarters of the outbox, or sixths of the window, are taken.
fn exceeds(connection: &Connection, limits: &Limits, outbox_quarters: usize, window_sixths: usize) -> bool {
    if connection.link != Link::Attached {
        return false;
    }
    let outbox = &connection.outbox;
    let window = connection.window.as_deref();
    // Outboxes of reliable clients fill up with their windows.
    let outbox_full = window.is_none()
        && (outbox.len() * 4 > limits.outbox_messages_max * outbox_quarters
            || outbox.bytes() * 4 > limits.outbox_bytes_max * outbox_quarters);
    outbox_full || window.is_some_and(|window| window.is_filled(window_sixths, 6, limits))
}

impl Shard {
    /// Asks the publisher of a stream to wait, unless it has been asked.
    pub(crate) fn press(&mut self, envelope: &Envelope, now_ms: u64) {
        let Some(publisher) = envelope.publisher else {
            return;
        };
        if self.backpressure.publishers.contains_key(&publisher) {
            return;
        }
        let (hub, target) = (envelope.hub.clone(), envelope.target.clone());
        let pressure = Pressure { hub, target, since_ms: now_ms, given_up: false };
        self.backpressure.publishers.insert(publisher, pressure);
        self.counters.stream_holds += 1;
        match self.ids.get(&publisher).copied() {
            // At once, so that nothing more of what has been read already is carried out.
            Some(key) => self.hold(key),
            None => self.effects.push(Effect::Send(Recipient::Owner(publisher), Letter::Hold(publisher))),
        }
        self.watch_subscribers(now_ms);
    }

    /// Lets publishers go on whose subscribers have caught up, or who have waited long enough.
    pub(crate) fn check_subscribers(&mut self, now_ms: u64) {
        self.backpressure.watching = false;
        let hold_max_ms = self.limits.stream_hold_max_ms;
        let mut publishers = std::mem::take(&mut self.backpressure.publishers);
        // Many publishers may share one large group: its members are looked at once.
        let mut looked_at: Vec<(HubName, Target, bool)> = Vec::new();
        publishers.retain(|publisher, pressure| {
            let same = |(hub, target, _): &&(HubName, Target, bool)| {
                (hub, target) == (&pressure.hub, &pressure.target)
            };
            let behind = match looked_at.iter().find(same) {
                Some((.., behind)) => *behind,
                None => {
                    let behind = self.is_any_behind(&pressure.hub, &pressure.target);
                    looked_at.push((pressure.hub.clone(), pressure.target.clone(), behind));
                    behind
                }
            };
            let waited = now_ms >= pressure.since_ms + hold_max_ms;
            if !pressure.given_up && (waited || !behind) {
                self.counters.stream_holds_given_up += u64::from(behind);
                pressure.given_up = true;
                self.release_publisher(*publisher);
            }
            behind
        });
        self.backpressure.publishers = publishers;
        if !self.backpressure.publishers.is_empty() {
            self.watch_subscribers(now_ms);
        }
    }

    fn is_any_behind(&self, hub: &HubName, target: &Target) -> bool {
        let behind = |key: &ConnectionKey| is_still_behind(&self.connections[key.index()], &self.limits);
        self.targeted(hub, target).iter().any(behind)
    }

    /// Stops reading a client until it is released as often as it was held.
    pub(crate) fn hold(&mut self, key: ConnectionKey) {
        self.connections[key.index()].holds += 1;
    }

    /// Takes one hold back; a client without holds is read again.
    pub(crate) fn release(&mut self, key: ConnectionKey) {
        let connection = &mut self.connections[key.index()];
        connection.holds = connection.holds.saturating_sub(1);
        if connection.holds == 0 && connection.link == Link::Attached {
            self.effects.push(Effect::Released(key));
        }
    }

    /// Whether nothing of what a client sends is to be carried out at the moment: whoever reads it keeps it until
    /// [`Effect::Released`].
    pub fn is_held(&self, key: ConnectionKey) -> bool {
        self.connections
            .get(key.index())
            .is_some_and(|connection| connection.holds > 0 && connection.link == Link::Attached)
    }

    /// The publishers of streams that rest after a burst, until [`Shard::end_rests`].
    pub fn resting(&self) -> usize {
        self.resting.len()
    }

    /// Lets the publishers go on that have rested longest. To be called for those whose bursts have reached all other shards: then each
    /// of these has had the occasion to ask them to wait.
    pub fn end_rests(&mut self, publishers: usize) {
        let rested: Vec<_> = self.resting.drain(..publishers.min(self.resting.len())).collect();
        for connection in rested {
            if let Some(key) = self.ids.get(&connection).copied() {
                self.release(key);
            }
        }
    }

    fn release_publisher(&mut self, publisher: ConnectionId) {
        match self.ids.get(&publisher).copied() {
            Some(key) => self.release(key),
            None => self.effects.push(Effect::Send(Recipient::Owner(publisher), Letter::Release(publisher))),
        }
    }

    fn watch_subscribers(&mut self, now_ms: u64) {
        if !self.backpressure.watching {
            self.backpressure.watching = true;
            self.deadlines.set(now_ms + CHECK_INTERVAL_MS, Deadline::Backpressure);
        }
    }
}
