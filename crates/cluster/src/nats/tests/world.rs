use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use hubwire_hub::{Command, Exchange as _, Limits, Reply, Target};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::oneshot;

use super::client::{Client, GROUPS, group, hub};
use super::node::{LEASE_MS, Node, WORKERS, Worker};
use crate::nats::backlog::Item;
use crate::nats::mesh::Destination;

/// How bad a course's network is.
struct Weather {
    loss: f64,
    repetition: f64,
    delay_ms_max: u64,
    partition_chance: f64,
    death_chance: f64,
    pause_chance: f64,
    stop_chance: f64,
}

/// What a course saw, so that one in which nothing happens is noticed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) published: u64,
    pub(super) obliged: u64,
    pub(super) deaths: u64,
    pub(super) partitions: u64,
    pub(super) sessions_missed: u64,
    pub(super) commands: u64,
    pub(super) stops: u64,
    pub(super) sessions_moved: u64,
}

/// A cluster, its clients, and a network that a seed decides.
pub(super) struct World {
    rng: StdRng,
    weather: Weather,
    now_ms: u64,
    nodes: Vec<Node>,
    clients: Vec<Client>,
    /// Datagrams on their way: when they arrive, from whom, to whom.
    flying: Vec<(u64, usize, usize, Bytes)>,
    /// Pairs of nodes that cannot reach each other, until then.
    cuts: HashMap<(usize, usize), u64>,
    /// Nodes that do nothing, until then.
    paused: Vec<u64>,
    /// Who must see which message, unless its session ends: recipient, publisher, serial; and on which nodes the two were.
    obligations: HashMap<(usize, usize, u64), (usize, usize)>,
    /// Nodes that have lost another one at some time.
    estranged: HashSet<(usize, usize)>,
    calls: Vec<oneshot::Receiver<Result<Reply, hubwire_hub::Busy>>>,
    report: Report,
    /// When all nodes had found each other.
    found_ms: u64,
    is_rough: bool,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let count = rng.random_range(3..=7);
        let weather = Weather {
            loss: [0.0, 0.02, 0.2][rng.random_range(0..3)],
            repetition: [0.0, 0.1][rng.random_range(0..2)],
            delay_ms_max: [3, 40, 200][rng.random_range(0..3)],
            partition_chance: [0.0, 0.01][rng.random_range(0..2)],
            death_chance: [0.0, 0.003][rng.random_range(0..2)],
            pause_chance: [0.0, 0.01][rng.random_range(0..2)],
            stop_chance: [0.0, 0.005][rng.random_range(0..2)],
        };
        let limits = Arc::new(Limits {
            window_messages_max: 100_000,
            outbox_messages_max: 100_000,
            ..Limits::default()
        });
        // So much loss makes nodes lose each other, and handovers take too long.
        let is_rough = weather.loss > 0.1;
        Self {
            nodes: (0..count).map(|index| Node::new(0x1000 + index, &limits, 1)).collect(),
            paused: vec![0; count as usize],
            rng,
            weather,
            now_ms: 1,
            clients: Vec::new(),
            flying: Vec::new(),
            cuts: HashMap::new(),
            obligations: HashMap::new(),
            estranged: HashSet::new(),
            calls: Vec::new(),
            report: Report::default(),
            found_ms: 0,
            is_rough,
        }
    }

    /// A course: the nodes find each other, clients join and publish through all weathers, then everything comes to rest.
    pub(super) fn run(mut self) -> Result<Report, String> {
        self.find_each_other()?;
        for _ in 0..600 {
            self.weather_turn();
            self.act();
            self.tick(1..20)?;
        }
        self.come_to_rest()?;
        self.check()?;
        Ok(self.report)
    }

    fn find_each_other(&mut self) -> Result<(), String> {
        for _ in 0..2000 {
            self.tick(1..20)?;
            let known = |node: &Node| node.mesh.peers.len() + 1 == self.nodes.len() && node.mesh.is_ready();
            if self.nodes.iter().all(known) {
                self.found_ms = self.now_ms;
                return Ok(());
            }
        }
        Err("the nodes do not find each other".to_owned())
    }

    fn weather_turn(&mut self) {
        let now_ms = self.now_ms;
        self.cuts.retain(|_, until_ms| *until_ms > now_ms);
        let any = |rng: &mut StdRng, count| rng.random_range(0..count);
        let count = self.nodes.len();
        if self.rng.random_bool(self.weather.partition_chance) {
            let (one, other) = (any(&mut self.rng, count), any(&mut self.rng, count));
            let until_ms = now_ms + self.rng.random_range(50..3 * LEASE_MS);
            self.cuts.insert((one, other), until_ms);
            if self.rng.random_bool(0.7) {
                self.cuts.insert((other, one), until_ms);
            }
            self.report.partitions += 1;
        }
        if self.rng.random_bool(self.weather.pause_chance) {
            let node = any(&mut self.rng, count);
            self.is_rough = true;
            self.paused[node] = now_ms + self.rng.random_range(10..2 * LEASE_MS);
        }
        if self.rng.random_bool(self.weather.stop_chance) && self.serving().len() > 2 {
            // Now and then two at once; one has to be left that has their sessions.
            let together = self.rng.random_range(1..=2).min(self.serving().len() - 1);
            for _ in 0..together {
                let serving = self.serving();
                let node = serving[self.rng.random_range(0..serving.len())];
                self.stop(node);
            }
        }
        if self.rng.random_bool(self.weather.death_chance) && self.serving().len() > 2 {
            let node = any(&mut self.rng, count);
            self.report.deaths += u64::from(self.nodes[node].alive);
            self.nodes[node].alive = false;
        }
    }

    fn alive(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|index| self.nodes[*index].alive).collect()
    }

    fn serving(&self) -> Vec<usize> {
        self.alive().into_iter().filter(|index| !self.nodes[*index].stopping).collect()
    }

    /// A node stops in order: its clients are sent away, and their sessions go to another node.
    fn stop(&mut self, index: usize) {
        self.report.stops += 1;
        self.nodes[index].stopping = true;
        self.paused[index] = 0;
        for client in self.clients.iter_mut().filter(|client| client.node == index && !client.ended) {
            client.send_away(&mut self.nodes);
        }
        for worker in &self.nodes[index].workers {
            worker.exchange.drained();
        }
    }

    /// Notes which nodes have lost which.
    fn note_estranged(&mut self) {
        for (from, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.alive) {
            let knows = |other: &Node| node.mesh.peers.contains_key(&other.number);
            let lost = self.nodes.iter().enumerate().filter(|(_, other)| other.alive && !knows(other));
            self.estranged.extend(lost.map(|(to, _)| (from, to)));
        }
    }

    /// Those that have been sent away come back, and nodes that have handed over leave.
    fn follow_stops(&mut self) {
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            if node.alive && node.stopping && node.mesh.has_handed_over() {
                node.alive = false;
                node.mesh.leave();
                for (destination, datagram) in node.mesh.take_out() {
                    self.send(index, destination, &datagram);
                }
            }
        }
        for client in self.clients.iter_mut().filter(|client| client.away) {
            client.come_back(&mut self.nodes, self.now_ms);
            self.report.sessions_moved += u64::from(!client.away && !client.ended);
        }
    }

    /// Clients come, join and publish; the application asks.
    fn act(&mut self) {
        let alive = self.serving();
        let node = alive[self.rng.random_range(0..alive.len())];
        if self.clients.len() < 20 && self.rng.random_bool(0.1) {
            let (random, worker) = (self.rng.random(), self.rng.random_range(0..WORKERS));
            self.clients.push(Client::connect(&mut self.nodes, node, random, worker));
        }
        for me in 0..self.clients.len() {
            let ready =
                self.nodes[self.clients[me].node].alive && self.paused[self.clients[me].node] <= self.now_ms;
            let client = &self.clients[me];
            if client.away
                || !ready
                || !client.begun
                || client.ended
                || client.busy
                || !self.rng.random_bool(0.3)
            {
                continue;
            }
            let group = self.rng.random_range(0..GROUPS.len());
            if self.rng.random_bool(0.2) {
                self.clients[me].join(&mut self.nodes, group, self.now_ms);
            } else if !self.nodes[self.clients[me].node].workers[0].exchange.is_congested() {
                self.publish(me, group);
            }
        }
        if self.rng.random_bool(0.1) {
            self.ask(node);
        }
    }

    fn publish(&mut self, me: usize, group: usize) {
        // Whoever has been told of its join gets what is published from now on.
        let members = (0..self.clients.len()).filter(|index| {
            let client = &self.clients[*index];
            client.joined.contains(&group) && !client.ended && (client.away || self.nodes[client.node].alive)
        });
        let serial = self.clients[me].published + 1;
        let sender = self.clients[me].node;
        let members: Vec<_> = members.map(|member| (member, self.clients[member].node)).collect();
        let obliged: Vec<_> =
            members.into_iter().map(|(member, node)| ((member, me, serial), (sender, node))).collect();
        self.report.published += 1;
        self.report.obliged += obliged.len() as u64;
        self.obligations.extend(obliged);
        self.clients[me].publish(&mut self.nodes, me, group, self.now_ms);
    }

    /// Asks every node for the members of a group, as REST would.
    fn ask(&mut self, node: usize) {
        let (caller, answer) = oneshot::channel();
        let nodes = self.nodes[node].mesh.peers.keys().copied().collect();
        let command = Command::List { group: group(0), after: None, limit: 1000 };
        self.nodes[node].backlog.put(Item::Call { nodes, hub: hub(), command, cause: None, caller });
        self.calls.push(answer);
        self.report.commands += 1;
    }

    fn tick(&mut self, pause_ms: std::ops::Range<u64>) -> Result<(), String> {
        self.now_ms += self.rng.random_range(pause_ms);
        for index in 0..self.nodes.len() {
            if !self.nodes[index].alive || self.paused[index] > self.now_ms {
                continue;
            }
            let arrived = self.arrived(index);
            for (destination, datagram) in self.nodes[index].turn(arrived, self.now_ms) {
                self.send(index, destination, &datagram);
            }
        }
        self.follow_stops();
        if self.now_ms > self.found_ms && self.found_ms > 0 {
            self.note_estranged();
        }
        for index in 0..self.clients.len() {
            self.clients[index]
                .read(&mut self.nodes, self.now_ms)
                .map_err(|problem| format!("client {index} at {} ms: {problem}", self.now_ms))?;
        }
        Ok(())
    }

    fn arrived(&mut self, index: usize) -> Vec<Bytes> {
        let now_ms = self.now_ms;
        let due = self.flying.extract_if(.., |(due_ms, _, to, _)| *to == index && *due_ms <= now_ms);
        due.map(|(_, _, _, datagram)| datagram).collect()
    }

    fn send(&mut self, from: usize, destination: Destination, datagram: &Bytes) {
        for to in 0..self.nodes.len() {
            let meant = match destination {
                Destination::Everyone => to != from,
                Destination::Node(number) => self.nodes[to].number == number,
            };
            let cut = self.cuts.contains_key(&(from, to));
            if !meant || cut || self.rng.random_bool(self.weather.loss) {
                continue;
            }
            let times = if self.rng.random_bool(self.weather.repetition) { 2 } else { 1 };
            for _ in 0..times {
                let due_ms = self.now_ms + self.rng.random_range(0..=self.weather.delay_ms_max);
                self.flying.push((due_ms, from, to, datagram.clone()));
            }
        }
    }

    /// The weather is fine, and everything that waits arrives.
    fn come_to_rest(&mut self) -> Result<(), String> {
        self.weather = Weather {
            loss: 0.0,
            repetition: 0.0,
            delay_ms_max: 3,
            partition_chance: 0.0,
            death_chance: 0.0,
            pause_chance: 0.0,
            stop_chance: 0.0,
        };
        self.cuts.clear();
        self.paused.fill(0);
        let patience_ms = self.now_ms + 20 * LEASE_MS;
        while self.now_ms < patience_ms {
            self.tick(5..30)?;
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), String> {
        let alive = self.alive();
        for index in &alive {
            let node = &self.nodes[*index];
            let expected: HashSet<_> =
                alive.iter().filter(|other| *other != index).map(|other| self.nodes[*other].number).collect();
            let known: HashSet<_> = node.mesh.peers.keys().copied().collect();
            if known != expected {
                return Err(format!("node {:x} knows {known:x?}, not {expected:x?}", node.number));
            }
            if !node.backlog.is_past(node.backlog.mark()) {
                return Err(format!("node {:x} still has something to tell", node.number));
            }
        }
        self.check_interests(&alive)?;
        self.check_sessions()?;
        self.check_obligations()?;
        // Calls of nodes that have died are answered by the end of their channel.
        let empty = Err(oneshot::error::TryRecvError::Empty);
        if self.calls.iter_mut().any(|call| call.try_recv() == empty) && alive.len() == self.nodes.len() {
            return Err("a command was never answered".to_owned());
        }
        self.report.sessions_missed = alive
            .iter()
            .flat_map(|index| &self.nodes[*index].workers)
            .map(|worker| worker.shard.counters().sessions_missed)
            .sum();
        Ok(())
    }

    /// Every node knows exactly who is interested in what, but for targets that share a slot.
    fn check_interests(&mut self, alive: &[usize]) -> Result<(), String> {
        for group in (0..GROUPS.len()).map(group) {
            let target = Target::Group(group);
            let exists = Command::Exists(target.clone());
            let mut members = HashSet::new();
            for node in alive {
                let node = &mut self.nodes[*node];
                let has = |worker: &mut Worker| worker.shard.execute(&hub(), &exists) == Reply::Done;
                if node.workers.iter_mut().any(has) {
                    members.insert(node.number);
                }
            }
            for node in alive.iter().map(|index| &self.nodes[*index]) {
                let bits = node.backlog.interested(&hub(), &target);
                let known: HashSet<u32> = node.backlog.nodes_of(bits).into_iter().collect();
                let others: HashSet<u32> =
                    members.iter().copied().filter(|number| *number != node.number).collect();
                if known != others {
                    return Err(format!(
                        "node {:x} sends {target:?} to {known:x?}, not {others:x?}",
                        node.number
                    ));
                }
            }
        }
        Ok(())
    }

    /// Where nothing but ordinary stops happened, no session has ended, and every client has found its own again.
    fn check_sessions(&self) -> Result<(), String> {
        let calm = self.report.deaths + self.report.partitions == 0 && !self.is_rough;
        match self.clients.iter().position(|client| client.ended || client.away) {
            Some(lost) if calm => Err(format!("the session of client {lost} has ended for no reason")),
            _ => Ok(()),
        }
    }

    /// What was published when a member had been told of its join has arrived, unless its session or the publisher's node has ended.
    fn check_obligations(&self) -> Result<(), String> {
        for ((member, publisher, serial), (from, to)) in &self.obligations {
            let (client, sender) = (&self.clients[*member], &self.clients[*publisher]);
            let gone = |client: &Client| !self.nodes[client.node].alive;
            // A node that goes before it has found one again that it had lost can hardly tell it what it missed.
            let lost = self.estranged.contains(&(*from, *to)) && !self.nodes[*from].alive;
            let excused = client.ended || gone(client) || gone(sender) || lost;
            if !excused && !client.seen.contains(&(*publisher, *serial)) {
                return Err(format!("client {member} never saw message {serial} of {publisher}"));
            }
        }
        Ok(())
    }
}
