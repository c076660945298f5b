use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hubwire_hub::{ConnectionKey, Effect, Event, Exchange as _, Limits as HubLimits, Logged, Routed, Shard};
use hubwire_protocol::json;
use tokio::sync::mpsc;

use crate::hashing::Hashing;
use crate::memory::{self, InboxLimits, InterestTable};
use crate::nats::backlog::{Backlog, Item};
use crate::nats::mesh::{Destination, Errand, Mesh};
use crate::nats::schema::Content;
use crate::nats::{Exchange, Limits, LogSettings, OnNatsLoss, encode};

/// Workers of each node.
pub(super) const WORKERS: usize = 2;
/// A short lease, so that courses see many end.
pub(super) const LEASE_MS: u64 = 1000;

/// How the log is kept that all hubs have.
pub(super) fn log_settings(limits: &Arc<HubLimits>) -> LogSettings {
    LogSettings {
        logged: Arc::new(Logged { others: true, ..Logged::default() }),
        age_max_s: 600,
        bytes_max: 1 << 30,
        replicas: 1,
        checkpoint_interval_ms: LEASE_MS / 4,
        sweep_interval_ms: LEASE_MS,
        stale_ms: LEASE_MS / 2,
        hub_limits: limits.clone(),
        json_form: hubwire_protocol::JsonForm::default(),
        presence: None,
    }
}

/// One worker: a shard, and what the gateway would do for it.
pub(super) struct Worker {
    pub(super) shard: Shard,
    pub(super) exchange: Exchange,
    /// What its application was told.
    pub(super) told: Vec<Event>,
}

/// A command that another node has asked for, and what it waits for.
struct Asked {
    node: u32,
    ticket: u64,
    reply: Option<Routed>,
    answer: Option<Bytes>,
    joins: bool,
    mark: u64,
}

/// A part of a handover that waits for workers.
struct Moving {
    replies: Vec<Routed>,
    packed: Vec<hubwire_hub::Luggage>,
    /// What is to be said then.
    done: Option<Box<dyn FnOnce(Vec<hubwire_hub::Luggage>) -> Item>>,
}

impl Moving {
    fn new(replies: Vec<Routed>, done: impl FnOnce(Vec<hubwire_hub::Luggage>) -> Item + 'static) -> Self {
        Self { replies, packed: Vec::new(), done: Some(Box::new(done)) }
    }
}

/// One process, whose only way to others is what a course makes of its datagrams.
pub(super) struct Node {
    pub(super) number: u32,
    pub(super) alive: bool,
    pub(super) backlog: Arc<Backlog>,
    pub(super) workers: Vec<Worker>,
    pub(super) mesh: Mesh,
    items: mpsc::UnboundedReceiver<Item>,
    asked: Vec<Asked>,
    moving: Vec<Moving>,
    /// What it wants of the log and the registry.
    pub(super) wanted: Vec<Errand>,
    /// It stops: its clients go elsewhere.
    pub(super) stopping: bool,
}

impl Node {
    pub(super) fn new(number: u32, limits: &Arc<HubLimits>, now_ms: u64) -> Self {
        Self::with_log(number, limits, &Arc::default(), now_ms)
    }

    /// The same, where some hubs have a log.
    pub(super) fn with_log(number: u32, limits: &Arc<HubLimits>, logged: &Arc<Logged>, now_ms: u64) -> Self {
        let hashing = || Hashing::shared("test");
        let (exchanges, local) = memory::connect_by(WORKERS, InboxLimits::default(), hashing());
        let bounds = Limits { lease_ms: LEASE_MS, ..Limits::default() };
        let table = Arc::new(InterestTable::new(hashing()));
        let (backlog, items) = Backlog::new(number, table, logged.clone(), bounds, OnNatsLoss::Wait);
        let backlog = Arc::new(backlog);
        let place = (WORKERS as u32, format!("node {number}"));
        let workers = exchanges.into_iter().map(|exchange| {
            let mut shard = Shard::new(limits.clone());
            shard.set_spans_nodes(true);
            shard.set_logged(logged.clone());
            Worker { shard, exchange: Exchange::new(exchange, backlog.clone()), told: Vec::new() }
        });
        Self {
            number,
            alive: true,
            workers: workers.collect(),
            mesh: Mesh::new(backlog.clone(), local, bounds, place, now_ms),
            backlog,
            items,
            asked: Vec::new(),
            moving: Vec::new(),
            wanted: Vec::new(),
            stopping: false,
        }
    }

    /// One turn of every worker and of the thread that talks to NATS. What it wants sent comes back.
    pub(super) fn turn(&mut self, arrived: Vec<Bytes>, now_ms: u64) -> Vec<(Destination, Bytes)> {
        for datagram in arrived {
            self.mesh.receive(datagram, now_ms);
        }
        self.workers.iter_mut().for_each(|worker| worker.turn(now_ms));
        let mut items = Vec::new();
        while let Ok(item) = self.items.try_recv() {
            items.push(item);
        }
        self.mesh.take_items(&mut items, now_ms);
        self.mesh.keep_time(now_ms);
        self.mesh.finish_turn();
        self.run_errands();
        self.mesh.take_out()
    }

    fn run_errands(&mut self) {
        for errand in self.mesh.take_errands() {
            match errand {
                Errand::Answer { node, ticket, reply, joins } => {
                    let reply = Some(reply);
                    self.asked.push(Asked { node, ticket, reply, answer: None, joins, mark: 0 });
                }
                Errand::Quiet { stop, quiet } => {
                    self.moving.push(Moving::new(vec![quiet], move |_| Item::Quiet(stop)));
                }
                Errand::Pack(reply) => self.moving.push(Moving::new(vec![reply], Item::Packed)),
                Errand::Unpack { of, replies } => {
                    self.moving.push(Moving::new(replies, move |_| Item::Unpacked { of }));
                }
                Errand::Relay { .. } | Errand::Gone { .. } => {}
                errand => self.wanted.push(errand),
            }
        }
        let backlog = &self.backlog;
        self.moving.retain_mut(|moving| {
            let packed = &mut moving.packed;
            moving.replies.retain_mut(|reply| match reply.as_mut().poll(&mut context()) {
                Poll::Ready(Ok(hubwire_hub::Reply::Packed(sessions))) => {
                    packed.extend(sessions);
                    false
                }
                Poll::Ready(_) => false,
                Poll::Pending => true,
            });
            if moving.replies.is_empty()
                && let Some(done) = moving.done.take()
            {
                backlog.put(done(std::mem::take(&mut moving.packed)));
            }
            !moving.replies.is_empty()
        });
        self.asked.retain_mut(|asked| {
            if let Some(reply) = &mut asked.reply
                && let Poll::Ready(outcome) = reply.as_mut().poll(&mut context())
            {
                asked.reply = None;
                let answer = encode::answer(asked.ticket, outcome.ok().as_ref());
                (asked.answer, asked.mark) = (Some(encode::frame(Content::Answer(answer))), backlog.mark());
            }
            let settled = !asked.joins || backlog.is_past(asked.mark);
            match asked.answer.take_if(|_| settled) {
                Some(frame) => {
                    backlog.put(Item::Direct { node: asked.node, frame });
                    false
                }
                None => true,
            }
        });
    }
}

impl Worker {
    /// Takes in what has come from other shards, and carries out what the shard wants.
    pub(super) fn turn(&mut self, now_ms: u64) {
        self.shard.set_now_ms(now_ms);
        let mut parcels = Vec::new();
        let _none = self.exchange.poll_parcels(&mut context(), &mut parcels, usize::MAX);
        for parcel in parcels {
            match parcel {
                hubwire_hub::Parcel::Envelope(envelope) => self.shard.publish(&envelope, now_ms),
                hubwire_hub::Parcel::Letter(letter) => self.shard.receive(letter, now_ms),
                hubwire_hub::Parcel::Entry { position, entry, reply } => {
                    let answer = self.shard.apply(position, &entry, now_ms);
                    self.carry_out();
                    if let Some(reply) = reply {
                        reply(answer);
                    }
                }
                hubwire_hub::Parcel::Command { hub, command, reply, .. } => {
                    let answer = self.shard.execute(&hub, &command);
                    self.carry_out();
                    reply(answer);
                }
            }
        }
        self.shard.keep_time(now_ms);
        self.carry_out();
    }

    /// Reads what a client has said, as long as it does not hold it.
    pub(super) fn read(&mut self, key: ConnectionKey, unread: &mut VecDeque<String>, now_ms: u64) {
        while !self.shard.is_held(key)
            && let Some(text) = unread.pop_front()
        {
            self.shard.request(key, json::decode(&text).unwrap(), now_ms);
            self.carry_out();
        }
    }

    pub(super) fn carry_out(&mut self) {
        loop {
            let effects = self.shard.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Publish(envelope) => self.exchange.publish(envelope),
                    Effect::Send(recipient, letter) => self.exchange.send(&recipient, letter),
                    Effect::Interested(hub, target) => self.exchange.interested(&hub, &target),
                    Effect::Uninterested(hub, target) => self.exchange.uninterested(&hub, &target),
                    Effect::Settle(connection) => self.exchange.settle(connection),
                    Effect::Notify(event) => self.told.push(event),
                    Effect::Append(entry) => self.exchange.append(entry),
                    Effect::Keep(session) => self.exchange.keep(session),
                    Effect::Forget(parting) => self.exchange.forget(parting),
                    Effect::Moved { .. } | Effect::Ask { .. } | Effect::Released(_) | Effect::Closing(_) => {}
                }
            }
        }
    }
}

pub(super) fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
