use hubwire_auth::Permissions;
use hubwire_hub::{Command, Opening, Protocol, SimpleMode, Target};
use hubwire_protocol::{ConnectionId, HubName, UserId};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::Violation;
use crate::application::{Application, CALLERS, any_group, check_answers, group, issue};
use crate::around::Around;
use crate::client::{Client, Over, Phase};
use crate::conduct::GROUPS;
use crate::counts::difference;
use crate::model::Model;
use crate::plan::Plan;
use crate::router::Router;
use crate::session::{Allowed, Session, Speech};
use crate::wire::Wire;
use crate::worker::{Arrival, Purpose, Worker};

/// Ticks within which everything must have come to rest once faults and requests stop.
const CALM_TICKS_MAX: usize = 1500;

/// What a course came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages that were accepted.
    pub accepted: usize,
    /// Copies that were put before sessions.
    pub copies: usize,
    /// Recoveries that were served.
    pub recoveries: u64,
    /// Sessions that ended since an outbox or a window was full.
    pub overflows: u64,
    /// Requests that repeated an acknowledgement id.
    pub duplicates: u64,
    /// Copies that were dropped since they were late.
    pub late: u64,
    /// User events that the application was asked about, and took.
    pub events: u64,
    /// When everything had come to rest, in simulated milliseconds.
    pub ended_ms: u64,
}

struct World {
    around: Around,
    workers: Vec<Worker>,
    clients: Vec<Client>,
    application: Application,
}

/// Runs the course of one seed.
///
/// # Errors
/// The first [`Violation`] that is noticed.
pub fn run(seed: u64) -> Result<Report, Violation> {
    let mut world = World::new(seed);
    let complete = world.live().and_then(|()| world.come_to_rest()).and_then(|()| world.close_down());
    complete.map(|()| world.report()).map_err(|what| Violation { seed, at_ms: world.around.now_ms, what })
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let plan = Plan::new(&mut rng);
        let router = Router::new(plan.workers, CALLERS);
        let model = Model::new(plan.workers, plan.limits.clone());
        let around = Around { now_ms: 1000, rng, plan, wires: Vec::new(), router, model, calm: false };
        let workers = (0..around.plan.workers).map(|index| Worker::new(index, &around)).collect();
        Self { around, workers, clients: Vec::new(), application: Application::default() }
    }

    /// The part of the course in which everything happens that can happen.
    fn live(&mut self) -> Result<(), String> {
        for _ in 0..self.around.plan.ticks {
            if self.clients.len() < self.around.plan.clients && self.around.rng.random_bool(0.1) {
                self.open_client();
            }
            self.application.act(&mut self.around);
            self.tick()?;
        }
        Ok(())
    }

    /// No more faults and no more requests: clients come back, and everything that waits is delivered.
    fn come_to_rest(&mut self) -> Result<(), String> {
        self.around.calm = true;
        let patience_ms = self.around.now_ms + self.around.plan.limits.recovery_window_ms + 8000;
        for _ in 0..CALM_TICKS_MAX {
            self.around.wires.iter_mut().for_each(|wire| {
                wire.to_client.heal();
                wire.to_server.heal();
            });
            self.tick()?;
            let handlers = || self.workers.iter().all(|worker| worker.handler.is_quiet());
            let quiet =
                self.around.router.is_quiet() && handlers() && self.clients.iter().all(Client::is_at_rest);
            if quiet && self.around.now_ms > patience_ms {
                return self.check();
            }
        }
        let restless = self.clients.iter().find(|client| !client.is_at_rest()).map(Client::describe);
        Err(format!("no rest: {restless:?}"))
    }

    /// The application closes everything; then nothing may be left.
    fn close_down(&mut self) -> Result<(), String> {
        for index in 0..2 {
            let close = Command::Close { target: Target::Hub, excluded: [].into(), reason: "".into() };
            issue(0, &hub(index), close, &mut self.around);
        }
        for _ in 0..CALM_TICKS_MAX {
            self.tick()?;
            if self.around.router.is_quiet() && self.clients.iter().all(Client::is_at_rest) {
                break;
            }
        }
        // Expiries of recovered sessions are kept until they would have been due.
        self.around.now_ms += self.around.plan.limits.recovery_window_ms + 10_000;
        self.tick()?;
        self.check_counters()?;
        self.check_residue()
    }

    fn tick(&mut self) -> Result<(), String> {
        self.around.now_ms += self.around.rng.random_range(1..40);
        for index in 0..self.clients.len() {
            let client = &mut self.clients[index];
            client.step(&mut self.around);
            if !self.around.calm {
                client.act(&mut self.around);
            }
            if let Phase::Waiting(until_ms) = client.phase
                && until_ms <= self.around.now_ms
            {
                self.reopen(index);
            }
        }
        let first = self.around.rng.random_range(0..self.workers.len());
        for index in (first..self.workers.len()).chain(0..first) {
            // A worker that was busy elsewhere for a while takes in more at once.
            if self.around.calm || self.around.rng.random_bool(0.8) {
                self.workers[index].turn(&mut self.around);
            }
        }
        check_answers(&mut self.around);
        self.around.model.complaints.first().map_or(Ok(()), |first| Err(first.clone()))
    }

    fn open_client(&mut self) {
        let rng = &mut self.around.rng;
        let worker = rng.random_range(0..self.workers.len());
        let id = ConnectionId::new(rng.random(), worker as u8);
        let speech = match rng.random_range(0..8) {
            0 => Speech::Simple(simple_mode(rng)),
            1 => Speech::Json,
            2 => Speech::Protobuf,
            3 | 4 => Speech::ReliableProtobuf,
            _ => Speech::Reliable,
        };
        let groups: Vec<_> = (0..rng.random_range(0..3)).map(|_| any_group(rng)).collect();
        let session = session(rng, (id, worker), speech.clone());
        let opening = opening(&session, groups.clone());
        let (due_ms, bytes_per_step) =
            (self.around.now_ms + rng.random_range(0..50), [20, 500, 100_000][rng.random_range(0..3)]);
        let index = self.around.model.begin(session);
        for group in &groups {
            self.around.model.join(index, group);
        }
        self.around.model.counters[worker].connections_opened += 1;
        let wire = self.new_wire();
        self.clients.push(Client::new(index, speech, wire, bytes_per_step));
        // The session counts from now on, so its socket must arrive before anything else happens.
        self.workers[worker].arrivals.push_front(Arrival {
            due_ms: due_ms.min(self.around.now_ms),
            wire,
            session: index,
            purpose: Purpose::Open(Box::new(opening)),
        });
        self.workers[worker].turn(&mut self.around);
    }

    fn reopen(&mut self, index: usize) {
        let wire = self.new_wire();
        let client = &mut self.clients[index];
        client.reopen(wire, &mut self.around);
        let session = &self.around.model.sessions[client.session];
        let arrivals = &mut self.workers[session.worker].arrivals;
        let due_ms = arrivals
            .back()
            .map_or(0, |last| last.due_ms)
            .max(self.around.now_ms + self.around.rng.random_range(0..50));
        let purpose = Purpose::Resume(session.hub.clone(), session.id);
        arrivals.push_back(Arrival { due_ms, wire, session: client.session, purpose });
    }

    fn new_wire(&mut self) -> usize {
        self.around.wires.push(Wire::new(&mut self.around.rng));
        self.around.wires.len() - 1
    }

    /// What must be true while everything rests.
    fn check(&mut self) -> Result<(), String> {
        self.around.model.check_completeness(self.around.now_ms);
        for client in &self.clients {
            let alive = self.around.model.sessions[client.session].alive;
            let fits = match client.phase {
                Phase::Over(Over::Closed(_) | Over::Goodbye | Over::Gone) => !alive,
                _ => alive,
            };
            if !fits {
                let what =
                    format!("client {} is {:?}, its session lives: {alive}", client.session, client.phase);
                self.around.model.complain(what);
            }
        }
        self.check_members();
        self.check_windows();
        self.check_late();
        self.around.model.complaints.first().map_or_else(|| self.check_counters(), |first| Err(first.clone()))
    }

    /// Every copy that was dropped for being late is counted, and none of them twice.
    fn check_late(&mut self) {
        for worker in &self.workers {
            let (missing, droppable) = self.around.model.late_copies(worker.index);
            let counted = worker.shard.counters().ttl_drops;
            if counted < missing || counted > droppable {
                let complaint = format!(
                    "{counted} late copies are counted, of {missing} missing and {droppable} droppable"
                );
                self.around.model.complain(complaint);
            }
        }
    }

    fn check_members(&mut self) {
        for worker in &mut self.workers {
            for (hub, group) in (0..2).flat_map(|index| GROUPS.map(|name| (hub(index), group(name)))) {
                let command = Command::List { group, after: None, limit: usize::MAX };
                let expected = self.around.model.execute(worker.index, &hub, &command);
                let listed = worker.shard.execute(&hub, &command);
                if listed != expected {
                    self.around.model.complain(format!("{command:?} lists {listed:?}, not {expected:?}"));
                }
            }
        }
    }

    /// A session whose client has acknowledged everything has nothing to replay.
    fn check_windows(&mut self) {
        let Around { model, now_ms, .. } = &mut self.around;
        let sessions = (0..model.sessions.len())
            .filter(|index| model.sessions[*index].alive && model.sessions[*index].is_reliable());
        for index in sessions.collect::<Vec<_>>() {
            let session = &model.sessions[index];
            let kept = session
                .window
                .iter()
                .filter(|kept| kept.deadline_ms == 0 || kept.deadline_ms > *now_ms)
                .count();
            let (hub, id, worker) = (session.hub.clone(), session.id, session.worker);
            model.resume(index, worker, *now_ms);
            let key = self.workers[worker].shard.resume(&hub, id, *now_ms);
            let left = key
                .and_then(|key| self.workers[worker].shard.outbox(key, *now_ms))
                .map(|outbox| outbox.len());
            if left != Some(0) || kept != 0 {
                model.complain(format!("session {index} keeps {left:?} messages, {kept} by the model"));
            }
        }
    }

    fn check_counters(&self) -> Result<(), String> {
        for (worker, expected) in self.workers.iter().zip(&self.around.model.counters) {
            if let Some(difference) = difference(worker.shard.counters(), expected) {
                return Err(format!("worker {}: {difference}", worker.index));
            }
        }
        Ok(())
    }

    fn check_residue(&mut self) -> Result<(), String> {
        for worker in &mut self.workers {
            let outboxes = (0..worker.sockets.len() as u32)
                .filter(|index| {
                    worker.shard.outbox(hubwire_hub::ConnectionKey(*index), self.around.now_ms).is_some()
                })
                .count();
            let left = (
                worker.shard.connection_count(),
                outboxes,
                worker.shard.has_flushes(),
                worker.shard.next_due_ms(),
            );
            if left != (0, 0, false, None) {
                return Err(format!(
                    "worker {} still holds connections, outboxes, flushes, expiries: {left:?}",
                    worker.index
                ));
            }
        }
        match self.around.router.interest_count() {
            0 => Ok(()),
            left => Err(format!("{left} interests are left")),
        }
    }

    fn report(&self) -> Report {
        let model = &self.around.model;
        let sum = |of: fn(&hubwire_hub::Counters) -> u64| {
            self.workers.iter().map(|worker| of(worker.shard.counters())).sum()
        };
        Report {
            accepted: model.accepted.len(),
            copies: model.sessions.iter().map(|session| session.expected.len()).sum(),
            recoveries: sum(|counters| counters.sessions_recovered),
            overflows: sum(|counters| counters.outboxes_full + counters.windows_full),
            duplicates: sum(|counters| counters.duplicates),
            late: sum(|counters| counters.ttl_drops),
            events: sum(|counters| counters.events - counters.events_unhandled - counters.events_failed),
            ended_ms: self.around.now_ms,
        }
    }
}

/// One of the two hubs.
pub(crate) fn hub(index: usize) -> HubName {
    HubName::parse(["alpha", "beta"][index]).expect("the name is valid")
}

/// One of the users.
pub(crate) fn user(index: usize) -> UserId {
    UserId::from_token(&format!("user{index}"))
}

fn simple_mode(rng: &mut StdRng) -> SimpleMode {
    if rng.random_bool(0.2) {
        SimpleMode::SendEvent
    } else {
        SimpleMode::SendToGroup { group: any_group(rng), no_echo: rng.random_bool(0.5) }
    }
}

fn session(rng: &mut StdRng, (id, worker): (ConnectionId, usize), speech: Speech) -> Session {
    let allowed = |rng: &mut StdRng| Allowed { default: rng.random_bool(0.85), ..Allowed::default() };
    Session {
        id,
        worker,
        hub: hub(usize::from(rng.random_bool(0.2))),
        user: rng.random_bool(0.8).then(|| user(rng.random_range(0..3))),
        speech,
        groups: Default::default(),
        leaves: 0,
        may_send: allowed(rng),
        may_join: allowed(rng),
        alive: true,
        detached_ms: None,
        expected: Vec::new(),
        window: Default::default(),
        obligations: Vec::new(),
        seen: 0,
        skipped: 0,
        acks: Vec::new(),
        acks_seen: 0,
        ack_memory: Default::default(),
        asked: None,
        newest: Default::default(),
    }
}

fn opening(session: &Session, groups: Vec<hubwire_protocol::GroupName>) -> Opening {
    let roles =
        [(&session.may_send, "webpubsub.sendToGroup"), (&session.may_join, "webpubsub.joinLeaveGroup")];
    let roles = roles.into_iter().filter(|(allowed, _)| allowed.default).map(|(_, role)| role);
    let subprotocol = session.speech.subprotocol();
    let protocol = match &session.speech {
        Speech::Simple(mode) => Protocol::Simple(Box::new(mode.clone())),
        _ => Protocol::PubSub(subprotocol.expect("only a simple client speaks none")),
    };
    Opening {
        id: session.id,
        hub: session.hub.clone(),
        user: session.user.clone(),
        permissions: Permissions::from_roles(roles).0,
        groups,
        protocol,
        subprotocol: subprotocol.map(|subprotocol| subprotocol.name().into()),
        reconnection_token: session.speech.is_reliable().then(|| "token".to_owned()),
        origin: "localhost".into(),
        state: None,
    }
}
