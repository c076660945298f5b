//! What nodes say to each other by way of NATS: delayed, mixed, lost and repeated; and nodes that NATS is parted from.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::node::{LEASE_MS, Node};
use crate::nats::mesh::Destination;

/// How long a node believes in a connection on which nothing comes, in milliseconds: its client tests it six times in a lease.
const BELIEF_MS: u64 = LEASE_MS / 2;

/// How bad a course's network is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    loss: f64,
    repetition: f64,
    delay_ms_max: u64,
    pub(super) partition_chance: f64,
}

impl Weather {
    fn any(rng: &mut StdRng) -> Self {
        Self {
            loss: [0.0, 0.02, 0.2][rng.random_range(0..3)],
            repetition: [0.0, 0.1][rng.random_range(0..2)],
            delay_ms_max: [3, 15, 200][rng.random_range(0..3)],
            partition_chance: [0.0, 0.006][rng.random_range(0..2)],
        }
    }

    const FINE: Self = Self { loss: 0.0, repetition: 0.0, delay_ms_max: 3, partition_chance: 0.0 };
}

/// A node that nothing comes through to.
#[derive(Debug, Clone, Copy)]
struct Parted {
    since_ms: u64,
    until_ms: u64,
}

pub(super) struct Network {
    rng: StdRng,
    pub(super) weather: Weather,
    /// Datagrams on their way: when they arrive, and where.
    flying: Vec<(u64, usize, Bytes)>,
    parted: Vec<Option<Parted>>,
}

/// What becomes of a node's connection to NATS.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Connection {
    Same,
    /// The node gives it up.
    Lost,
    /// The node has another one.
    Back,
}

impl Network {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(!seed);
        let weather = Weather::any(&mut rng);
        Self { rng, weather, flying: Vec::new(), parted: Vec::new() }
    }

    /// The weather is fine from now on.
    pub(super) fn calm(&mut self, now_ms: u64) {
        self.weather = Weather::FINE;
        for parted in self.parted.iter_mut().flatten() {
            parted.until_ms = parted.until_ms.min(now_ms);
        }
    }

    /// Parts a node from NATS for less than a lease, or for more.
    pub(super) fn part(&mut self, index: usize, now_ms: u64) {
        self.parted.resize(self.parted.len().max(index + 1), None);
        let until_ms = now_ms + self.rng.random_range(50..4 * LEASE_MS);
        self.parted[index].get_or_insert(Parted { since_ms: now_ms, until_ms });
    }

    /// Whether a node and NATS are apart.
    pub(super) fn is_parted(&self, index: usize) -> bool {
        self.parted.get(index).is_some_and(Option::is_some)
    }

    /// What a node notices of its connection.
    pub(super) fn follow(&mut self, index: usize, knows: bool, now_ms: u64) -> Connection {
        match self.parted.get(index).copied().flatten() {
            Some(parted) if now_ms >= parted.until_ms => {
                self.parted[index] = None;
                if knows { Connection::Back } else { Connection::Same }
            }
            Some(parted) if !knows && now_ms >= parted.since_ms + BELIEF_MS => Connection::Lost,
            _ => Connection::Same,
        }
    }

    /// What has come to a node.
    pub(super) fn arrived(&mut self, index: usize, now_ms: u64) -> Vec<Bytes> {
        let due = self.flying.extract_if(.., |(due_ms, to, _)| *to == index && *due_ms <= now_ms);
        let arrived: Vec<_> = due.map(|(_, _, datagram)| datagram).collect();
        if self.is_parted(index) { Vec::new() } else { arrived }
    }

    pub(super) fn send(
        &mut self,
        nodes: &[Node],
        from: usize,
        destination: Destination,
        datagram: &Bytes,
        now_ms: u64,
    ) {
        if self.is_parted(from) {
            return;
        }
        for (to, node) in nodes.iter().enumerate() {
            let meant = match destination {
                Destination::Everyone => to != from,
                Destination::Node(number) => node.number == number,
            };
            if !meant || self.rng.random_bool(self.weather.loss) {
                continue;
            }
            let times = if self.rng.random_bool(self.weather.repetition) { 2 } else { 1 };
            for _ in 0..times {
                let due_ms = now_ms + self.rng.random_range(0..=self.weather.delay_ms_max);
                self.flying.push((due_ms, to, datagram.clone()));
            }
        }
    }
}
