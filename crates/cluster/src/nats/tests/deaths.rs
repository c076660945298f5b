//! Hubs with a log while nodes die, pause, come, and are parted from NATS, over a network that loses, delays and repeats: sessions outlive their nodes, in courses that a seed decides.

mod checks;
mod speakers;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::Bytes;
use hubwire_hub::{Ending, Exchange as _, Limits};
use prost::Message;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::client::GROUPS;
use super::memory_streams::MemoryStreams;
use super::mourner::Mourner;
use super::network::{Connection, Network};
use super::node::{LEASE_MS, Node, WORKERS, context, log_settings};
use super::seeds;
use super::speaker::Speaker;
use super::writing::{Reading, Writing};
use crate::nats::backlog::Item;
use crate::nats::ledger::Ledger;
use crate::nats::log_errands;
use crate::nats::log_schema::NodeRecord;
use crate::nats::mesh::Errand;
use crate::nats::registry::Stored;
use crate::nats::settings::LogSettings;
use crate::nats::streams::Streams;

/// Courses that every test run takes.
const SEEDS: u64 = 20;
/// How long sessions wait for clients that do not come back, in milliseconds: longer than a node can pause and be parted one after the other, since
/// a client whose node is silent for so long comes too late.
const RECOVERY_WINDOW_MS: u64 = 16_000;

type Outcome = Pin<Box<dyn Future<Output = Option<Item>>>>;

#[derive(Debug, Default)]
struct Report {
    published: u64,
    obliged: u64,
    deaths: u64,
    fenced: u64,
    partitions: u64,
    recoveries: u64,
    ended: u64,
    streamed: u64,
    stream_ends: u64,
    unstored: u64,
    /// States that subscribers knew of at the end.
    states: u64,
    /// Streams of plain publishers, what was seen of them, and those that were seen and whose node died.
    plain_streams: u64,
    spoken: u64,
    mourned: u64,
}

struct World {
    rng: StdRng,
    now_ms: u64,
    limits: Arc<Limits>,
    settings: Arc<LogSettings>,
    streams: MemoryStreams,
    nodes: Vec<Node>,
    /// Of each node: what it has read, until when it does nothing, and what is on its way to the log.
    reading: Vec<Reading>,
    paused: Vec<u64>,
    writing: Vec<Writing>,
    errands: Vec<(u64, usize, Outcome)>,
    items: Vec<(u64, usize, Item)>,
    network: Network,
    /// So many nodes a course is to have.
    size: usize,
    clients: Vec<Mourner>,
    /// Plain publishers of streams.
    speakers: Vec<Speaker>,
    obligations: Vec<(usize, usize, u64)>,
    /// Who must see which message of a stream: recipient, publisher, which of its streams, number.
    stream_obligations: Vec<(usize, usize, usize, u64)>,
    /// The same of plain publishers.
    spoken: Vec<(usize, usize, usize, u64)>,
    report: Report,
}

impl World {
    fn new(seed: u64) -> Self {
        let limits = Arc::new(Limits {
            window_messages_max: 100_000,
            outbox_messages_max: 100_000,
            recovery_window_ms: RECOVERY_WINDOW_MS,
            ..Limits::default()
        });
        let settings = log_settings(&limits);
        let mut world = Self {
            rng: StdRng::seed_from_u64(seed),
            now_ms: 1,
            limits,
            settings: Arc::new(settings),
            streams: MemoryStreams::new(seed),
            nodes: Vec::new(),
            reading: Vec::new(),
            paused: Vec::new(),
            writing: Vec::new(),
            errands: Vec::new(),
            items: Vec::new(),
            network: Network::new(seed),
            size: 3,
            clients: Vec::new(),
            speakers: Vec::new(),
            obligations: Vec::new(),
            stream_obligations: Vec::new(),
            spoken: Vec::new(),
            report: Report::default(),
        };
        world.size = world.rng.random_range(3..=7);
        (0..world.size).for_each(|_| world.bear_node());
        world
    }

    /// A node starts.
    fn bear_node(&mut self) {
        let number = 0x1000 + self.nodes.len() as u32;
        let position = self.streams.last_position();
        let record = Bytes::from(NodeRecord { position, heir: None }.encode_to_vec());
        let mut revision = 0;
        while revision == 0 {
            let mut stored = Box::pin(self.streams.store_node(number, &record, 0));
            if let Poll::Ready(Stored::Revision(found)) = stored.as_mut().poll(&mut context()) {
                revision = found;
            }
        }
        let mut node = Node::with_log(number, &self.limits, &self.settings.logged, self.now_ms);
        node.mesh.begin_log(Ledger::new(self.settings.clone(), position, revision, self.now_ms));
        self.nodes.push(node);
        self.reading.push(Reading::behind(position));
        self.paused.push(0);
        self.writing.push(Writing::default());
    }

    fn run(mut self) -> Result<Report, String> {
        (0..100).try_for_each(|_| self.tick())?;
        for _ in 0..700 {
            self.fate();
            self.act();
            self.tick()?;
        }
        self.network.calm(self.now_ms);
        for _ in 0..3000 {
            self.tick()?;
            let quiet =
                self.clients.iter().all(Mourner::is_content) && self.speakers.iter().all(Speaker::is_content);
            let settled = self.now_ms > 60 * LEASE_MS;
            if quiet && settled {
                break;
            }
        }
        self.end_some()?;
        self.check()?;
        Ok(self.report)
    }

    fn serving(&self) -> Vec<usize> {
        let serves = |index: &usize| self.nodes[*index].alive && self.paused[*index] <= self.now_ms;
        (0..self.nodes.len()).filter(serves).collect()
    }

    fn die(&mut self, index: usize) {
        self.nodes[index].alive = false;
        // What it had sent may still get there: from the first on, up to some.
        drop(self.writing[index].give_up(&self.streams, &mut self.rng));
        self.errands.retain(|(_, node, _)| *node != index);
        for client in self.clients.iter_mut().filter(|client| client.node == index && !client.gone) {
            (client.away, client.gone) = (true, !client.begun);
        }
        for speaker in self.speakers.iter_mut().filter(|speaker| speaker.node == index) {
            speaker.gone = true;
        }
    }

    /// Nodes die, pause and come.
    fn fate(&mut self) {
        let serving = self.serving();
        if serving.len() > 1 && self.rng.random_bool(0.01) {
            self.report.deaths += 1;
            let victim = serving[self.rng.random_range(0..serving.len())];
            self.die(victim);
        } else if serving.len() > 2 && self.rng.random_bool(0.006) {
            let index = serving[self.rng.random_range(0..serving.len())];
            self.paused[index] = self.now_ms + self.rng.random_range(10..4 * LEASE_MS);
        }
        if serving.len() <= self.size && self.rng.random_bool(0.03) {
            self.bear_node();
        }
        if serving.len() > 1 && self.rng.random_bool(self.network.weather.partition_chance) {
            self.report.partitions += 1;
            self.network.part(serving[self.rng.random_range(0..serving.len())], self.now_ms);
        }
    }

    fn act(&mut self) {
        let serving = self.serving();
        if serving.is_empty() {
            return;
        }
        self.speak(&serving);
        if self.clients.len() < 16 && self.rng.random_bool(0.1) {
            let node = serving[self.rng.random_range(0..serving.len())];
            let (random, worker) = (self.rng.random(), self.rng.random_range(0..WORKERS));
            self.clients.push(Mourner::connect(&mut self.nodes, node, random, worker));
        }
        for me in 0..self.clients.len() {
            let client = &self.clients[me];
            if client.gone || client.away || !client.begun || !serving.contains(&client.node) {
                continue;
            }
            if self.nodes[client.node].workers[0].exchange.is_congested() {
                continue;
            }
            let group = self.rng.random_range(0..GROUPS.len());
            match self.rng.random_range(0..100) {
                0..5 => self.clients[me].join(&mut self.nodes, group, self.now_ms),
                5..25 => self.publish(me, group),
                25..40 => self.stream(me, group),
                40..46 => {
                    let (clears, wants) = (self.rng.random_bool(0.2), self.rng.random_bool(0.3));
                    self.clients[me].state(&mut self.nodes, group, (clears, wants), self.now_ms);
                }
                99 if self.rng.random_bool(0.05) => {
                    self.report.ended += 1;
                    self.clients[me].leave(&mut self.nodes, Ending::Lost, self.now_ms);
                }
                _ => {}
            }
        }
    }

    fn publish(&mut self, me: usize, group: usize) {
        let serial = self.clients[me].published + 1;
        let joined = |(_, client): &(usize, &Mourner)| !client.gone && client.joined.contains(&group);
        let members: Vec<_> =
            self.clients.iter().enumerate().filter(joined).map(|(index, _)| index).collect();
        self.report.published += 1;
        self.report.obliged += members.len() as u64;
        self.obligations.extend(members.into_iter().map(|member| (member, me, serial)));
        let more = if self.rng.random_bool(0.1) { self.rng.random_range(0..4000) } else { 0 };
        self.clients[me].publish(&mut self.nodes, (me, more), group, self.now_ms);
    }

    fn stream(&mut self, me: usize, group: usize) {
        /// Long enough that only a takeover puts an end to it, and short enough that silence does.
        const IDLE_MS: [u32; 2] = [600_000, 300];
        let (ends, idle_ms) = (self.rng.random_bool(0.1), IDLE_MS[usize::from(self.rng.random_bool(0.2))]);
        let (client, now_ms) = (&mut self.clients[me], self.now_ms);
        let Some(number) = client.stream(&mut self.nodes, (me, group), (ends, idle_ms), now_ms) else {
            return;
        };
        let index = client.streams.own.len() - 1;
        let group = client.streams.own[index].group;
        let joined = |(_, client): &(usize, &Mourner)| !client.gone && client.joined.contains(&group);
        let members =
            self.clients.iter().enumerate().filter(joined).map(|(member, _)| (member, me, index, number));
        self.stream_obligations.extend(members);
    }

    fn tick(&mut self) -> Result<(), String> {
        self.now_ms += self.rng.random_range(1..20);
        self.streams.set_now_ms(self.now_ms);
        for index in 0..self.nodes.len() {
            if self.nodes[index].alive {
                self.follow_connection(index);
                self.write(index);
            }
            if self.nodes[index].alive && self.paused[index] <= self.now_ms {
                self.turn(index);
            }
        }
        self.run_errands();
        for index in 0..self.nodes.len() {
            if self.nodes[index].alive && self.nodes[index].mesh.is_fenced() {
                // It ends, and its supervisor starts another one.
                self.report.fenced += 1;
                self.die(index);
            }
        }
        self.follow_clients()
    }

    fn turn(&mut self, index: usize) {
        let now_ms = self.now_ms;
        let many = self.rng.random_range(0..30);
        for _ in 0..many {
            let streams = Some(&self.streams).filter(|_| !self.network.is_parted(index));
            let Some((position, line)) = streams.and_then(|streams| self.reading[index].next(streams)) else {
                break;
            };
            self.nodes[index].mesh.take_line(position, line);
        }
        for (_, _, item) in self.items.extract_if(.., |(due_ms, to, _)| *to == index && *due_ms <= now_ms) {
            self.nodes[index].backlog.put(item);
        }
        let arrived = self.network.arrived(index, now_ms);
        for (destination, datagram) in self.nodes[index].turn(arrived, now_ms) {
            self.network.send(&self.nodes, index, destination, &datagram, now_ms);
        }
        for errand in std::mem::take(&mut self.nodes[index].wanted) {
            let due_ms = now_ms + self.rng.random_range(0..20);
            if let Errand::Append(append) = errand {
                self.writing[index].push(due_ms, append);
                continue;
            }
            let (streams, settings) = (self.streams.clone(), self.settings.clone());
            let outcome = log_errands::run(streams, settings, self.nodes[index].number, errand);
            self.errands.push((due_ms, index, Box::pin(outcome)));
        }
    }

    /// What a node has sent gets to the log, in order; or is refused while it is cut off.
    fn write(&mut self, index: usize) {
        let items = if self.nodes[index].backlog.cut_off.load(Ordering::Relaxed) {
            self.writing[index].give_up(&self.streams, &mut self.rng)
        } else if self.network.is_parted(index) {
            Vec::new()
        } else {
            self.writing[index].write(&self.streams, &mut self.rng, self.now_ms)
        };
        for item in items {
            self.items.push((self.now_ms + self.rng.random_range(0..20), index, item));
        }
        self.report.unstored += std::mem::take(&mut self.writing[index].unstored);
        for author in std::mem::take(&mut self.writing[index].refused) {
            let of = self.clients.iter_mut().find(|client| client.id == author.connection);
            of.into_iter().for_each(|client| client.note_refused(author.ack_id));
        }
    }

    /// A node notices that NATS is away, or back.
    fn follow_connection(&mut self, index: usize) {
        let cut_off = &self.nodes[index].backlog.cut_off;
        match self.network.follow(index, cut_off.load(Ordering::Relaxed), self.now_ms) {
            Connection::Same => {}
            Connection::Lost => {
                let items = self.writing[index].give_up(&self.streams, &mut self.rng);
                self.items.extend(items.into_iter().map(|item| (self.now_ms, index, item)));
                cut_off.store(true, Ordering::Relaxed);
            }
            Connection::Back => {
                cut_off.store(false, Ordering::Relaxed);
                self.nodes[index].mesh.reconnect(self.now_ms);
            }
        }
    }

    fn run_errands(&mut self) {
        for (due_ms, index, mut outcome) in std::mem::take(&mut self.errands) {
            let ready =
                due_ms <= self.now_ms && self.paused[index] <= self.now_ms && !self.network.is_parted(index);
            match ready.then(|| outcome.as_mut().poll(&mut context())) {
                Some(Poll::Ready(Some(item))) => {
                    self.items.push((self.now_ms + self.rng.random_range(0..20), index, item));
                }
                Some(Poll::Ready(None)) => {}
                _ => self.errands.push((due_ms, index, outcome)),
            }
        }
    }

    fn follow_clients(&mut self) -> Result<(), String> {
        let (now_ms, serving) = (self.now_ms, self.serving());
        self.follow_speakers(&serving)?;
        for index in 0..self.clients.len() {
            let client = &mut self.clients[index];
            let outcome = if client.gone || serving.is_empty() {
                continue;
            } else if client.away {
                let by = serving[self.rng.random_range(0..serving.len())];
                client.come_back(&mut self.nodes, by, (&self.streams, &self.network), now_ms)
            } else if serving.contains(&client.node) {
                client.read(&mut self.nodes, self.rng.random_bool(0.3), now_ms)
            } else {
                continue;
            };
            outcome.map_err(|problem| format!("client {index} at {now_ms} ms: {problem}"))?;
        }
        Ok(())
    }

    /// Some clients say goodbye, and some never come back.
    fn end_some(&mut self) -> Result<(), String> {
        for index in (0..self.clients.len()).filter(|index| index % 2 == 0) {
            if !self.clients[index].gone {
                let ending = if index % 4 == 0 { Ending::Normal(String::new()) } else { Ending::Lost };
                self.report.ended += 1;
                self.clients[index].leave(&mut self.nodes, ending, self.now_ms);
            }
        }
        for client in self.clients.iter_mut().filter(|client| !client.gone) {
            client.show_life(&mut self.nodes, self.now_ms);
        }
        self.end_some_speakers();
        let until_ms = self.now_ms + RECOVERY_WINDOW_MS + 4 * LEASE_MS;
        while self.now_ms < until_ms {
            self.tick()?;
        }
        Ok(())
    }
}

#[test]
fn sessions_outlive_their_nodes_with_every_message_once_and_in_order_at_one_owner() {
    if let Some(sum) = seeds::take(SEEDS, |seed| World::new(seed).run(), add) {
        // Courses in which nothing happens would prove nothing.
        assert!(sum.published > 5_000 && sum.obliged > 10_000 && sum.recoveries > 50, "{sum:?}");
        assert!(sum.streamed > 3_000 && sum.stream_ends > 100 && sum.unstored > 100, "{sum:?}");
        assert!(sum.plain_streams > 300 && sum.spoken > 1_000 && sum.mourned > 50, "{sum:?}");
        assert!(sum.states > 100, "{sum:?}");
        assert!(sum.deaths > 25 && sum.fenced > 0 && sum.partitions > 20 && sum.ended > 50, "{sum:?}");
    }
}

fn add(sum: &mut Report, report: &Report) {
    sum.published += report.published;
    sum.obliged += report.obliged;
    sum.deaths += report.deaths;
    sum.fenced += report.fenced;
    sum.partitions += report.partitions;
    sum.recoveries += report.recoveries;
    sum.ended += report.ended;
    sum.streamed += report.streamed;
    sum.stream_ends += report.stream_ends;
    sum.unstored += report.unstored;
    sum.states += report.states;
    sum.plain_streams += report.plain_streams;
    sum.spoken += report.spoken;
    sum.mourned += report.mourned;
}
