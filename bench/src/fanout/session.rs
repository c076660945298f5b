//! Connected subscribers and publishers of one run.

use crate::clock::Clock;
use crate::connect::{self, Opening};
use crate::pace::Pace;
use crate::process::Server;
use crate::publisher::Publisher;
use crate::scenario::{Fanout, Protocol, PublishPath, Speed};
use crate::stamp::Stamp;
use crate::token::{Address, Signer};
use crate::traffic::Traffic;
use crate::upgrade;
use crate::wire::{SETTLE_QUIET_TIMES_MAX, Wire};
use anyhow::{Context, Result, ensure};

/// A quiet time after which everything that connecting caused is over.
pub(super) const SETTLE_NS: u64 = 300_000_000;
/// Without any delivery for this long, what is missing counts as lost.
const STALL_NS: u64 = 5_000_000_000;
/// Messages to each subscriber before measuring. A young TCP connection acknowledges every segment (16 to 40 of them in
/// Linux, by window size), which costs the sender; afterwards acknowledgements are delayed.
const WARM_UP_MESSAGES: u64 = 48;

/// The generator's end of a run.
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) traffic: Traffic,
    publisher: Publisher,
    scenario: Fanout,
    /// Whether publishes over WebSocket are answered.
    expects_acks: bool,
    published: usize,
    last_publish_ns: u64,
    frames: Vec<u8>,
}

impl Session {
    /// Connects everybody to the one server; or, of several that are one service, the publishers to the first and the subscribers to the others,
    /// each group's members spread over them.
    pub(super) fn open(scenario: &Fanout, servers: &[Server], is_reference: bool) -> Result<Self> {
        let first = servers.first().context("there is no server")?;
        let others = if servers.len() > 1 { &servers[1..] } else { servers };
        let subscribers = scenario.connections();
        let share = subscribers.div_ceil(others.len()).max(1);
        let mut wire = Wire::new()?;
        for (index, server) in others.iter().enumerate() {
            let openings = openings(scenario, server, is_reference)?;
            let (start, end) = ((index * share).min(subscribers), ((index + 1) * share).min(subscribers));
            connect::open_clients(&mut wire, &server.host, &openings[start..end])?;
        }
        let publishers = openings(scenario, first, is_reference)?;
        connect::open_clients(&mut wire, &first.host, &publishers[subscribers..])?;
        Self::over(wire, scenario, first, is_reference)
    }

    /// Takes over connected clients, and connects REST publishers.
    pub(super) fn over(
        mut wire: Wire,
        scenario: &Fanout,
        server: &Server,
        is_reference: bool,
    ) -> Result<Self> {
        let signer = Signer::new(&server.access_key);
        if scenario.path == PublishPath::Rest {
            let address = server.host.parse()?;
            (0..scenario.publishers).try_for_each(|_| connect::add(&mut wire, address).map(drop))?;
        }
        Ok(Self {
            wire,
            traffic: Traffic::new(scenario, Clock::start()),
            publisher: Publisher::new(scenario, &Address::of_child(&server.host), &signer)?,
            scenario: *scenario,
            expects_acks: !is_reference && !scenario.fire_and_forget,
            published: 0,
            last_publish_ns: 0,
            frames: Vec::new(),
        })
    }

    /// Polls until nothing has come for a while, or somebody was pinged all the time.
    pub(super) fn settle(&mut self) -> Result<()> {
        let mut quiet_since_ns = self.traffic.clock.now_ns();
        let end_ns = quiet_since_ns + SETTLE_QUIET_TIMES_MAX * SETTLE_NS;
        loop {
            let received = self.poll()?;
            let now_ns = self.traffic.clock.now_ns();
            if received {
                quiet_since_ns = now_ns;
            }
            if now_ns - quiet_since_ns > SETTLE_NS || now_ns > end_ns {
                return Ok(());
            }
        }
    }

    /// Sends some tens of messages to every subscriber, one at a time to each, and then forgets them.
    pub(super) fn warm_up(&mut self) -> Result<()> {
        let mut pace = Pace::new(
            Speed::Full { window: self.scenario.separate_groups() as u64 },
            self.scenario.subscribers,
            self.traffic.clock.now_ns(),
        );
        let messages =
            WARM_UP_MESSAGES.div_ceil(self.scenario.groups_each as u64) * self.scenario.groups as u64;
        self.publish_some(messages, &mut pace)?;
        let missing = self.traffic.ledger.missing();
        ensure!(
            missing == 0,
            "{missing} of {messages} x {} deliveries of the warm-up are missing",
            self.scenario.subscribers
        );
        self.traffic.reset();
        Ok(())
    }

    /// Publishes so many messages and waits for their deliveries.
    pub(super) fn publish_some(&mut self, messages: u64, pace: &mut Pace) -> Result<()> {
        while self.traffic.ledger.counts().published < messages && !self.is_stalled() {
            self.poll()?;
            self.publish_due(pace, messages)?;
        }
        self.drain()
    }

    /// Publishes at the pace until `end_ns`.
    pub(super) fn publish_until(&mut self, end_ns: u64, pace: &mut Pace) -> Result<()> {
        while self.traffic.clock.now_ns() < end_ns && !self.is_stalled() {
            self.poll()?;
            self.publish_due(pace, u64::MAX)?;
        }
        Ok(())
    }

    /// Polls until every delivery and answer has come, or none has for a while.
    pub(super) fn drain(&mut self) -> Result<()> {
        while self.is_waiting() && !self.is_stalled() {
            self.poll()?;
        }
        Ok(())
    }

    fn is_waiting(&self) -> bool {
        self.traffic.ledger.in_flight() > 0 || self.traffic.answers.waiting() > 0
    }

    fn is_stalled(&self) -> bool {
        let progress_ns = self.traffic.last_delivery_ns.max(self.last_publish_ns);
        self.is_waiting() && self.traffic.clock.now_ns() > progress_ns + STALL_NS
    }

    /// Receives what has come, and sends sequence acknowledgements whose time has come.
    fn poll(&mut self) -> Result<bool> {
        let received = self.wire.poll(&mut self.traffic)?;
        let Some(acks) = &mut self.traffic.acks else {
            return Ok(received);
        };
        let now_ns = self.traffic.clock.now_ns();
        self.frames.clear();
        while let Some(subscriber) = acks.next_due(now_ns, &mut self.frames) {
            self.wire.peer(subscriber).send(&self.frames)?;
            self.frames.clear();
        }
        Ok(received)
    }

    /// Publishes every message that is due, up to `published_max` in all, then writes once per publisher.
    fn publish_due(&mut self, pace: &mut Pace, published_max: u64) -> Result<()> {
        let now_ns = self.traffic.clock.now_ns();
        let mut queued = false;
        while self.traffic.ledger.counts().published < published_max && self.has_free_publisher() {
            let Some(stamp_ns) = pace.next(now_ns, self.traffic.ledger.in_flight()) else {
                break;
            };
            self.publish(stamp_ns);
            queued = true;
        }
        if queued {
            self.last_publish_ns = now_ns;
            let first = self.scenario.connections();
            (first..first + self.scenario.publishers).try_for_each(|peer| self.wire.peer(peer).flush())?;
        }
        Ok(())
    }

    fn has_free_publisher(&self) -> bool {
        !self.scenario.publishers_wait() || !self.traffic.free_publishers.is_empty()
    }

    fn publish(&mut self, sent_ns: u64) {
        let group = self.published % self.scenario.groups;
        let publisher = match self.scenario.publishers_wait() {
            true => self.traffic.free_publishers.pop().unwrap_or_default(),
            false => self.published % self.scenario.publishers,
        };
        let number = self.traffic.ledger.publish(publisher, group);
        self.frames.clear();
        let stamp = Stamp { publisher: publisher as u8, group: group as u32, number, sent_ns };
        let ack_id = self.publisher.encode(stamp, group, &mut self.frames);
        if self.scenario.path == PublishPath::Rest || self.expects_acks {
            self.traffic.ask(publisher, ack_id.unwrap_or(self.published as u64), sent_ns);
        }
        self.wire.peer(self.scenario.connections() + publisher).queue(&self.frames);
        self.published += 1;
    }
}

/// The client connections of a run: subscribers, then WebSocket publishers.
pub(crate) fn openings(scenario: &Fanout, server: &Server, is_reference: bool) -> Result<Vec<Opening>> {
    let signer = Signer::new(&server.access_key);
    let path = "/client/hubs/bench";
    let audience = format!("http://{}{path}", server.host);
    let mut openings = Vec::with_capacity(scenario.connections() + scenario.publishers);
    let membership = scenario.membership();
    for subscriber in 0..scenario.connections() {
        let groups: Vec<String> = membership.groups_of(subscriber).map(|group| format!("g{group}")).collect();
        let token = signer.client(&audience, &format!("s{subscriber}"), &groups)?;
        // The plain loop knows one group of a connection, which is all that scenarios with it ask for.
        let first = membership.groups_of(subscriber).next().filter(|_| is_reference);
        let suffix = first.map_or(String::new(), |group| format!("&g={group}"));
        let target = format!("{path}?access_token={token}{suffix}");
        let extensions = if scenario.compression { upgrade::COMPRESSION } else { "" };
        openings.push(Opening { target, protocol: scenario.protocol, extensions, tls: scenario.tls });
    }
    if scenario.path == PublishPath::Websocket {
        for _ in 0..scenario.publishers {
            let token = signer.client(&audience, "publisher", &[])?;
            // Publishers speak the JSON subprotocol whatever the subscribers speak.
            let publisher = Opening::plain(format!("{path}?access_token={token}"), Protocol::Json);
            openings.push(Opening { tls: scenario.tls, ..publisher });
        }
    }
    Ok(openings)
}
