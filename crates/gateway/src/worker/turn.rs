use std::time::Duration;

use hubwire_hub::{ConnectionKey, Exchange, Parcel, Reply};
use mio::Events;
use mio::event::Event;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::State;
use super::state::Rests;
use super::wait::{Given, Wakes, runtime_now};
use crate::Error;
use crate::arrival::Arrival;

/// Socket events that one turn takes in.
const EVENTS_PER_TURN: usize = 1024;
/// Sockets that one turn reads, each at most one buffer full: so that what they publish is flushed before more is read.
const READS_PER_TURN: usize = 64;
/// Recipients of large publishes that one turn flushes: about a millisecond of writes, after which everybody else gets a turn.
const BULK_FLUSHES_PER_TURN: usize = 256;

/// How long a worker waits at most until its sessions are elsewhere, in milliseconds, beyond the time that its clients have: somewhat longer than
/// nodes take to give up.
const HANDOVER_MAX_MS: u64 = 25_000;

/// Lets the runtime watch a worker's poll, through a descriptor of its own.
#[expect(
    deprecated,
    reason = "its successor is unsafe, for types that do not own their descriptor; a registry does"
)]
fn watch(registry: mio::Registry) -> std::io::Result<AsyncFd<mio::Registry>> {
    AsyncFd::with_interest(registry, Interest::READABLE)
}

impl<E: Exchange> State<E> {
    /// Turns until the service stops.
    pub(super) async fn run(
        mut self,
        arrivals: mpsc::UnboundedReceiver<Arrival>,
        (stop, released): (CancellationToken, CancellationToken),
    ) -> Result<(), Error> {
        let events = watch(self.poll.registry().try_clone()?)?;
        let sleep = Box::pin(tokio::time::sleep_until(runtime_now()));
        let mut wakes = Wakes { arrivals, events, sleep, sleeps_until_ms: 0 };
        let mut given = Given::default();
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        let mut flushing = Vec::new();
        let mut stopped = std::pin::pin!(stop.clone().cancelled_owned());
        while !stop.is_cancelled() {
            tokio::select! {
                biased;
                () = self.wait(&mut wakes, &mut given) => {}
                () = &mut stopped => {}
            }
            self.turn(&mut given, &mut events, &mut flushing)?;
        }
        self.begin_drain();
        let mut may_go = std::pin::pin!(released.clone().cancelled_owned());
        let due_ms = self.now_ms + self.settings.limits.drain_timeout_ms + HANDOVER_MAX_MS;
        while self.is_draining() || (!released.is_cancelled() && self.now_ms < due_ms) {
            tokio::select! {
                biased;
                () = self.wait(&mut wakes, &mut given) => {}
                () = &mut may_go, if !released.is_cancelled() => {}
            }
            self.turn(&mut given, &mut events, &mut flushing)?;
        }
        Ok(())
    }

    /// Takes in what has arrived, changes the shard, then writes once to every socket that has something to write.
    fn turn(
        &mut self,
        given: &mut Given,
        events: &mut Events,
        flushing: &mut Vec<ConnectionKey>,
    ) -> Result<(), Error> {
        self.now_ms = self.environment.monotonic_ms();
        self.measures.now_us = self.environment.monotonic_us();
        self.follow_observer();
        self.shard.set_now_ms(self.now_ms);
        self.follow_settings();
        self.end_rests();
        self.take_arrivals(&mut given.arrivals);
        self.take_parcels(&mut given.parcels);
        if std::mem::take(&mut given.events) {
            self.take_events(events)?;
        }
        self.read_some();
        self.keep_time();
        self.carry_out();
        self.shard.take_flushes(BULK_FLUSHES_PER_TURN, flushing);
        for key in flushing.drain(..) {
            self.flush(key);
        }
        // A flush can end a connection, and its groups with it.
        self.carry_out();
        self.measure_deliveries();
        self.tell_facts();
        self.tell_deliveries();
        self.begin_rests();
        Ok(())
    }

    /// Lets publishers of streams go on whose latest messages have reached every worker.
    fn end_rests(&mut self) {
        if let Some(rests) = self.rests.take_if(|rests| self.exchange.is_past(&rests.mark)) {
            self.shard.end_rests(rests.publishers);
        }
    }

    /// Notes how far the other workers must get before those publishers that rest now may go on.
    fn begin_rests(&mut self) {
        let publishers = self.shard.resting();
        if publishers > 0 && self.rests.is_none() {
            self.rests = Some(Rests { mark: self.exchange.mark(), publishers });
        }
    }

    fn follow_settings(&mut self) {
        let settings = self.settings_source.load();
        if !std::sync::Arc::ptr_eq(&settings, &self.settings) {
            self.settings = settings.clone();
            self.shard.set_limits(self.settings.hub_limits.clone());
            self.shard.set_json_form(self.settings.protobuf_json);
            self.shard.set_presence(self.settings.presence.clone());
        }
    }

    /// Delivers envelopes and carries out commands. Whoever asked is answered once all that a command caused is in force everywhere.
    fn take_parcels(&mut self, parcels: &mut Vec<Parcel>) {
        type Answered = (Box<dyn FnOnce(Reply) + Send>, Reply);
        let mut answers: Vec<Answered> = Vec::new();
        for parcel in parcels.drain(..) {
            match parcel {
                Parcel::Envelope(envelope) => {
                    self.shard.publish(&envelope, self.now_ms);
                    self.measures.published(envelope.accepted_us);
                }
                Parcel::Letter(letter) => self.shard.receive(letter, self.now_ms),
                Parcel::Entry { position, entry, reply } => {
                    let answer = self.shard.apply(position, &entry, self.now_ms);
                    answers.extend(reply.map(|reply| (reply, answer)));
                }
                Parcel::Command { hub, command, cause, reply } => {
                    self.shard.caused_by(cause);
                    answers.push((reply, self.shard.execute(&hub, &command)));
                    self.shard.caused_by(None);
                }
            }
            self.relieve();
        }
        if !answers.is_empty() {
            self.carry_out();
        }
        for (reply, answer) in answers {
            reply(answer);
        }
    }

    fn take_events(&mut self, events: &mut Events) -> Result<(), Error> {
        match self.poll.poll(events, Some(Duration::ZERO)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        let mut taken = 0;
        for event in &*events {
            taken += 1;
            self.take_event(event);
        }
        if taken == EVENTS_PER_TURN {
            // There may be more, of which the runtime will not tell again.
            return self.take_events(events);
        }
        Ok(())
    }

    fn take_event(&mut self, event: &Event) {
        let key = ConnectionKey(event.token().0 as u32);
        if event.is_writable() && self.socket(key).is_some() {
            self.shard.set_blocked(key, false);
            self.flush(key);
        }
        if event.is_read_closed()
            && let Some(socket) = self.socket(key)
        {
            socket.ended = true;
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.queue_read(key);
        }
    }

    /// Reads sockets in turn, unless another worker has to catch up first.
    fn read_some(&mut self) {
        for _ in 0..READS_PER_TURN.min(self.read_queue.len()) {
            if self.exchange.is_congested() {
                metrics::counter!("webpubsub_congestion_pauses_total").increment(1);
                return;
            }
            let Some(key) = self.read_queue.pop_front() else {
                return;
            };
            self.read(key);
            self.relieve();
        }
    }

    /// Writes everything that waits, if outboxes fill up although their sockets would take more.
    pub(crate) fn relieve(&mut self) {
        if !self.shard.is_pressing() {
            return;
        }
        self.carry_out();
        let mut flushing = Vec::new();
        self.shard.take_flushes(usize::MAX, &mut flushing);
        for key in flushing {
            self.flush(key);
        }
    }
}
