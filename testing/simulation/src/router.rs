use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use hubwire_hub::{Command, Envelope, Reply, Scope, Target};
use hubwire_protocol::HubName;
use rand::Rng;
use rand::rngs::StdRng;

/// What travels between shards.
pub(crate) enum Parcel {
    Envelope(Envelope),
    Command { ticket: usize, hub: HubName, command: Arc<Command> },
}

/// A command whose answer is awaited.
pub(crate) struct Ticket {
    pub(crate) hub: HubName,
    pub(crate) command: Arc<Command>,
    pub(crate) unanswered: usize,
    pub(crate) reply: Option<Reply>,
    /// The sessions that were there when it was issued.
    pub(crate) sessions_before: usize,
    pub(crate) done: bool,
}

/// One way from a sender to a worker: what is sent on it arrives in order, some time later.
#[derive(Default)]
struct Link {
    parcels: VecDeque<(u64, Parcel)>,
    last_due_ms: u64,
}

/// The interests of all workers, and a link for every pair of a sender and a worker. Senders are the workers, and behind them the
/// application's callers.
pub(crate) struct Router {
    workers: usize,
    links: Vec<Link>,
    /// One bit per worker.
    interests: HashMap<String, u64>,
    pub(crate) tickets: Vec<Ticket>,
}

impl Router {
    pub(crate) fn new(workers: usize, callers: usize) -> Self {
        let links = (0..(workers + callers) * workers).map(|_| Link::default()).collect();
        Self { workers, links, interests: HashMap::new(), tickets: Vec::new() }
    }

    fn send(&mut self, sender: usize, worker: usize, parcel: Parcel, now_ms: u64, rng: &mut StdRng) {
        let link = &mut self.links[sender * self.workers + worker];
        link.last_due_ms = link.last_due_ms.max(now_ms + rng.random_range(0..80));
        link.parcels.push_back((link.last_due_ms, parcel));
    }

    /// Hands an envelope to every worker with interest but its sender.
    pub(crate) fn publish(&mut self, sender: usize, envelope: &Envelope, now_ms: u64, rng: &mut StdRng) {
        let workers = match &envelope.target {
            Target::Connection(id) => 1 << id.worker(),
            target => self.interests.get(&interest(&envelope.hub, target)).copied().unwrap_or_default(),
        };
        for worker in 0..self.workers {
            if workers & (1 << worker) != 0 && worker != sender {
                self.send(sender, worker, Parcel::Envelope(envelope.clone()), now_ms, rng);
            }
        }
    }

    /// Sends a command to every worker in its scope.
    pub(crate) fn execute(
        &mut self,
        sender: usize,
        hub: &HubName,
        command: Command,
        sessions_before: usize,
        (now_ms, rng): (u64, &mut StdRng),
    ) {
        let scope = match command.scope() {
            Scope::Owner(id) => usize::from(id.worker())..usize::from(id.worker()) + 1,
            Scope::All => 0..self.workers,
        };
        let (ticket, command) = (self.tickets.len(), Arc::new(command));
        self.tickets.push(Ticket {
            hub: hub.clone(),
            command: command.clone(),
            unanswered: scope.len(),
            reply: None,
            sessions_before,
            done: false,
        });
        for worker in scope {
            let parcel = Parcel::Command { ticket, hub: hub.clone(), command: command.clone() };
            self.send(sender, worker, parcel, now_ms, rng);
        }
    }

    /// A worker has carried out its part of a command.
    pub(crate) fn answer(&mut self, ticket: usize, reply: Reply) {
        let ticket = &mut self.tickets[ticket];
        ticket.unanswered -= 1;
        ticket.reply = Some(match ticket.reply.take() {
            Some(merged) => merged.merge(reply),
            None => reply,
        });
    }

    /// What has arrived for a worker: of each sender in order, the senders in a random order.
    pub(crate) fn arrived(&mut self, worker: usize, now_ms: u64, rng: &mut StdRng) -> Vec<Parcel> {
        let mut arrived = Vec::new();
        let senders = self.links.len() / self.workers;
        let first = rng.random_range(0..senders);
        for sender in (first..senders).chain(0..first) {
            let link = &mut self.links[sender * self.workers + worker];
            while link.parcels.front().is_some_and(|(due_ms, _)| *due_ms <= now_ms) {
                arrived.extend(link.parcels.pop_front().map(|(_, parcel)| parcel));
            }
        }
        arrived
    }

    pub(crate) fn interested(&mut self, worker: usize, hub: &HubName, target: &Target) -> Result<(), String> {
        let workers = self.interests.entry(interest(hub, target)).or_default();
        let known = std::mem::replace(workers, *workers | 1 << worker) & (1 << worker);
        if known == 0 {
            Ok(())
        } else {
            Err(format!("worker {worker} tells twice of its interest in {target:?}"))
        }
    }

    pub(crate) fn uninterested(
        &mut self,
        worker: usize,
        hub: &HubName,
        target: &Target,
    ) -> Result<(), String> {
        let interest = interest(hub, target);
        let workers = self.interests.entry(interest.clone()).or_default();
        if *workers & (1 << worker) == 0 {
            return Err(format!("worker {worker} had no interest in {target:?}"));
        }
        *workers &= !(1 << worker);
        if *workers == 0 {
            self.interests.remove(&interest);
        }
        Ok(())
    }

    pub(crate) fn interest_count(&self) -> usize {
        self.interests.len()
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.links.iter().all(|link| link.parcels.is_empty()) && self.tickets.iter().all(|ticket| ticket.done)
    }
}

fn interest(hub: &HubName, target: &Target) -> String {
    format!("{hub} {target:?}")
}
