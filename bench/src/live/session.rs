//! Connected subscribers and publishers of a live run.

use super::accounts::{Accounts, Publish};
use super::dial::Dialer;
use super::load::Load;
use super::outcome::{self, Latency, Outcome, Second};
use crate::clock;
use crate::histogram::Histogram;
use crate::pace::Pace;
use crate::publisher::Publisher;
use crate::scenario::{Fanout, Protocol, PublishPath, Speed};
use crate::stamp::Stamp;
use crate::token::{Address, Signer};
use crate::wire::Wire;
use anyhow::{Result, bail, ensure};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Without any delivery or answer for this long, what is missing counts as lost.
const STALL_NS: u64 = 5_000_000_000;
/// How long a generator of a far service waits at most, so that acknowledgements, progress and Ctrl+C have their turn.
const PATIENCE_MAX_NS: u64 = 10_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// The generator's end of a run.
pub(super) struct Session {
    load: Load,
    scenario: Fanout,
    dialer: Dialer,
    wire: Wire,
    accounts: Accounts,
    publisher: Publisher,
    published: usize,
    last_publish_ns: u64,
    frames: Vec<u8>,
}

impl Session {
    /// Connects all subscribers and publishers.
    pub(super) fn open(load: &Load, stop: &AtomicBool) -> Result<Self> {
        let (scenario, dialer, mut wire) = (load.fanout(), Dialer::new(load)?, Wire::new()?);
        let signer = Signer::new(&load.access_key);
        let address = Address {
            secure: load.secure,
            authority: load.authority.clone(),
            hub: load.hub.clone(),
            // Groups of its own, so that nobody else hears of the run, nor the run of anybody else.
            group_prefix: format!("bench{:x}-{:x}-", clock::unix_time_s(), std::process::id()),
        };
        let publisher = Publisher::new(&scenario, &address, &signer)?;
        dialer.open(&mut wire, &address, &clients(&scenario, &address, &signer)?, stop)?;
        if scenario.path == PublishPath::Rest {
            for _ in 0..scenario.publishers {
                wire.add(dialer.dial()?)?;
            }
        }
        let accounts = Accounts::new(&scenario);
        let (load, frames) = (load.clone(), Vec::new());
        Ok(Self {
            load,
            scenario,
            dialer,
            wire,
            accounts,
            publisher,
            published: 0,
            last_publish_ns: 0,
            frames,
        })
    }

    /// Publishes one message to each group, which must all arrive; they are not counted.
    pub(super) fn publish_first(&mut self, stop: &AtomicBool) -> Result<()> {
        let now_ns = self.accounts.clock.now_ns();
        let mut pace =
            Pace::new(Speed::Full { window: self.scenario.groups as u64 }, self.scenario.subscribers, now_ns);
        let messages = self.scenario.groups as u64;
        while self.accounts.ledger.counts().published < messages && self.may_go_on() {
            self.turn(&mut pace, messages, true)?;
            ensure!(self.accounts.refused.is_empty(), "{}", self.refusal());
            ensure!(!stop.load(Ordering::Relaxed), "stopped before anything was measured");
        }
        self.drain()?;
        ensure!(self.accounts.refused.is_empty(), "{}", self.refusal());
        let (missing, closed) = (self.accounts.ledger.missing(), outcome::counts(&self.accounts.closed));
        ensure!(self.accounts.closed.is_empty(), "connections ended before anything was measured: {closed}");
        ensure!(
            missing == 0,
            "{missing} of the first messages, one to each group, did not arrive within 5 s"
        );
        self.accounts.reset();
        Ok(())
    }

    fn refusal(&self) -> String {
        let hint = match self.accounts.refused.keys().next().map(String::as_str) {
            Some("401" | "403") => "; does the access key of the connection string belong to this endpoint?",
            Some("404") => "; is the hub's name right, and is this the service itself?",
            Some("429" | "503") => "; the service takes no more publishes now",
            _ => "",
        };
        format!("the first publishes were refused: {}{hint}", outcome::counts(&self.accounts.refused))
    }

    /// Publishes for the time asked for, waits for the last delivery, and tells of every second.
    pub(super) fn measure(mut self, stop: &AtomicBool, mut progress: impl FnMut(&Second)) -> Result<Outcome> {
        let started_s = clock::unix_time_s();
        let start_ns = self.accounts.clock.now_ns();
        let end_ns = start_ns + self.load.seconds * SECOND_NS;
        let mut pace = Pace::new(self.scenario.speed, self.scenario.subscribers, start_ns);
        let mut series =
            Series { start_ns, next_ns: start_ns + SECOND_NS, seen: (0, 0), seconds: Vec::new() };
        let mut publishes = true;
        while publishes || (self.is_waiting() && self.may_go_on()) {
            self.turn(&mut pace, u64::MAX, publishes)?;
            let now_ns = self.accounts.clock.now_ns();
            publishes &= now_ns < end_ns && !stop.load(Ordering::Relaxed) && self.may_go_on();
            if now_ns >= series.next_ns {
                progress(series.end(&mut self.accounts, now_ns));
            }
        }
        let now_ns = self.accounts.clock.now_ns();
        series.end(&mut self.accounts, now_ns);
        let ended_early = self.why_early(now_ns < end_ns);
        Ok(self.outcome(started_s, series, ended_early))
    }

    fn why_early(&self, is_early: bool) -> Option<String> {
        let accounts = &self.accounts;
        let reason = if accounts.subscribers_left == 0 {
            "no subscriber is connected any more"
        } else if self.has_no_publisher() {
            "no publisher is connected any more"
        } else if self.is_waiting() {
            "nothing was delivered or answered for 5 s"
        } else {
            return is_early.then(|| "interrupted".to_owned());
        };
        Some(reason.to_owned())
    }

    fn outcome(&self, started_s: u64, series: Series, ended_early: Option<String>) -> Outcome {
        let (accounts, load) = (&self.accounts, &self.load);
        let counts = accounts.ledger.counts();
        let delivery_ns = accounts.last_delivery_ns.saturating_sub(series.start_ns).max(1);
        let seconds = delivery_ns as f64 / 1e9;
        Outcome {
            endpoint: load.authority.clone(),
            secure: load.secure,
            hub: load.hub.clone(),
            load: outcome::load_in_words(load),
            started: format!("{} {} UTC", clock::date_utc(started_s), clock::time_utc(started_s)),
            seconds,
            ended_early,
            subscribers: self.scenario.connections(),
            published: counts.published,
            delivered: counts.delivered,
            lost: accounts.ledger.missing(),
            duplicated: counts.duplicated,
            reordered: counts.reordered,
            unknown: counts.unknown,
            unanswered: accounts.unanswered(),
            deliveries_per_s: counts.delivered as f64 / seconds,
            latency: Latency::of(&accounts.latency[0]),
            closed: accounts.closed.clone(),
            refused: accounts.refused.clone(),
            series: series.seconds,
            distribution: outcome::distribution(&accounts.latency[0]),
        }
    }

    fn drain(&mut self) -> Result<()> {
        let mut pace = Pace::new(self.scenario.speed, self.scenario.subscribers, 0);
        while self.is_waiting() && self.may_go_on() {
            self.turn(&mut pace, 0, false)?;
        }
        Ok(())
    }

    fn is_waiting(&self) -> bool {
        self.accounts.ledger.in_flight() > 0 || self.accounts.unanswered() > 0
    }

    /// Whether there is anybody to publish and to receive, and something comes.
    fn may_go_on(&self) -> bool {
        let progress_ns = self.accounts.last_delivery_ns.max(self.last_publish_ns);
        let is_stalled = self.is_waiting() && self.accounts.clock.now_ns() > progress_ns + STALL_NS;
        self.accounts.subscribers_left > 0 && !self.has_no_publisher() && !is_stalled
    }

    fn has_no_publisher(&self) -> bool {
        self.scenario.path == PublishPath::Websocket && self.accounts.free_publishers.is_empty()
    }

    /// Receives what has come, acknowledges, connects again whose turn it is, and publishes what is due.
    fn turn(&mut self, pace: &mut Pace, published_max: u64, publishes: bool) -> Result<()> {
        let patience = self.patience(pace, publishes);
        self.wire.poll_for(&mut self.accounts, patience)?;
        self.acknowledge();
        for publisher in std::mem::take(&mut self.accounts.to_dial) {
            self.wire.replace(self.scenario.connections() + publisher, self.dialer.dial()?)?;
            self.accounts.free_publishers.push(publisher);
        }
        if publishes { self.publish_due(pace, published_max) } else { Ok(()) }
    }

    /// How long to wait for something to come. Beside the service, not at all: waking this process would be the service's cost.
    fn patience(&self, pace: &Pace, publishes: bool) -> Duration {
        let now_ns = self.accounts.clock.now_ns();
        let has_room = !self.accounts.free_publishers.is_empty();
        let due_in_ns = match pace.due_in_ns(now_ns) {
            _ if !publishes => PATIENCE_MAX_NS,
            Some(due_in_ns) => due_in_ns,
            None if has_room && self.accounts.ledger.in_flight() < self.load.window => 0,
            None => PATIENCE_MAX_NS,
        };
        // The poll waits whole milliseconds, and rounds up.
        let wait_ms = due_in_ns.min(PATIENCE_MAX_NS) / 1_000_000;
        Duration::from_millis(if self.dialer.is_near() { 0 } else { wait_ms })
    }

    /// Sends sequence acknowledgements whose time has come.
    fn acknowledge(&mut self) {
        let now_ns = self.accounts.clock.now_ns();
        let Some(acks) = &mut self.accounts.acks else { return };
        self.frames.clear();
        while let Some(subscriber) = acks.next_due(now_ns, &mut self.frames) {
            // A failed write is followed by the socket's end, which is counted.
            let _ended = self.wire.peer(subscriber).send(&self.frames);
            self.frames.clear();
        }
    }

    fn publish_due(&mut self, pace: &mut Pace, published_max: u64) -> Result<()> {
        let now_ns = self.accounts.clock.now_ns();
        while self.accounts.ledger.counts().published < published_max
            && !self.accounts.free_publishers.is_empty()
        {
            let in_flight = self.accounts.ledger.in_flight().max(self.accounts.unanswered());
            let Some(stamp_ns) = pace.next(now_ns, in_flight) else { break };
            self.publish(stamp_ns)?;
            self.last_publish_ns = now_ns;
        }
        let first = self.scenario.connections();
        for peer in first..first + self.scenario.publishers {
            if !self.accounts.is_closed(peer) {
                // A failed write is followed by the socket's end, which is counted.
                let _ended = self.wire.peer(peer).flush();
            }
        }
        Ok(())
    }

    fn publish(&mut self, sent_ns: u64) -> Result<()> {
        let group = self.published % self.scenario.groups;
        let free = &mut self.accounts.free_publishers;
        let publisher = match self.scenario.path {
            PublishPath::Rest => free.pop(),
            PublishPath::Websocket => free.get(self.published % free.len()).copied(),
        };
        let Some(publisher) = publisher else { bail!("no publisher is free") };
        let number = self.accounts.ledger.publish(publisher, group);
        let publish = Publish { publisher, group, number };
        self.frames.clear();
        let stamp = Stamp { publisher: publisher as u8, group: group as u32, number, sent_ns };
        match self.publisher.encode(stamp, group, &mut self.frames) {
            Some(ack_id) => _ = self.accounts.waiting.insert(ack_id, publish),
            None => self.accounts.under_way[publisher] = Some(publish),
        }
        self.wire.peer(self.scenario.connections() + publisher).queue(&self.frames);
        self.published += 1;
        Ok(())
    }
}

/// The seconds of a run as they end.
struct Series {
    start_ns: u64,
    next_ns: u64,
    /// Published and delivered when the current second began.
    seen: (u64, u64),
    seconds: Vec<Second>,
}

impl Series {
    fn end(&mut self, accounts: &mut Accounts, now_ns: u64) -> &Second {
        let counts = accounts.ledger.counts();
        self.seconds.push(Second {
            second: (now_ns - self.start_ns) as f64 / 1e9,
            published: counts.published.saturating_sub(self.seen.0),
            delivered: counts.delivered - self.seen.1,
            in_flight: accounts.ledger.in_flight(),
            errors: accounts.errors(),
            latency: Latency::of(&accounts.latency[1]),
        });
        accounts.latency[1] = Histogram::new();
        self.seen = (counts.published, counts.delivered);
        self.next_ns = now_ns + SECOND_NS - (now_ns - self.start_ns) % SECOND_NS;
        &self.seconds[self.seconds.len() - 1]
    }
}

/// The client connections of a run: subscribers, then WebSocket publishers.
fn clients(scenario: &Fanout, address: &Address, signer: &Signer) -> Result<Vec<(String, Protocol)>> {
    let path = format!("/client/hubs/{}", address.hub);
    let audience = address.audience(&path);
    let publishers = if scenario.path == PublishPath::Websocket { scenario.publishers } else { 0 };
    let clients = (0..scenario.connections() + publishers).map(|client| {
        let is_subscriber = client < scenario.connections();
        let groups: Vec<String> = match is_subscriber {
            true => scenario.membership().groups_of(client).map(|group| address.group(group)).collect(),
            false => Vec::new(),
        };
        let token = signer.client(&audience, &format!("bench{client}"), &groups)?;
        // Publishers speak the JSON subprotocol whatever the subscribers speak.
        let protocol = if is_subscriber { scenario.protocol } else { Protocol::Json };
        Ok((format!("{path}?access_token={token}"), protocol))
    });
    clients.collect()
}
