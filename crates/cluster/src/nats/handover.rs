//! A node that stops hands its reliable sessions to another one, its heir, and nothing that is published meanwhile is lost or doubled.
//!
//! Every message must be in a session's window either by way of the old node or by way of the heir. So everybody holds back what is published
//! for the moment: each node closes its gate and says so, on its links to the old node and to the heir. What it published before stands in front
//! of that; what it holds back follows when the heir has the sessions and has told everybody what they are interested in. The old node packs
//! when all have said so, the heir unpacks when all have said so: the cut goes through all publishers at once. It lasts some ways to and fro, and
//! the time that the sessions take to travel.
//!
//! Nodes that stop at the same time go one after the other, since each needs all others to hold back. Who hears that another one has begun waits
//! until that is over. If two have begun, the one with the higher number lets the other go first and asks again later: an attempt, whose
//! number tells answers to the one before apart. The others are no heirs of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hubwire_hub::{Command, Luggage, Routed, Router as _, Target};
use hubwire_protocol::HubName;

use super::backlog::Item;
use super::mesh::{Errand, Mesh};
use super::schema::{Content, Heir, Pause, Paused};
use super::{encode, luggage, schema};
use crate::hashing::Hashing;

/// How long a node that stops waits for others that stop, in milliseconds. Then it gives up, and its sessions end.
const WAITING_MAX_MS: u64 = 10_000;
/// How long it waits until all others hold back, in milliseconds. Then it gives up likewise.
const PAUSING_MAX_MS: u64 = 2_000;
/// How long the sessions may take to travel, in milliseconds.
const TRAVEL_MAX_MS: u64 = 10_000;
/// How long others hold back at most, in milliseconds: longer than all of that.
const PAUSE_MAX_MS: u64 = PAUSING_MAX_MS + TRAVEL_MAX_MS + 1_000;
/// Commands are carried out by all shards, whatever hub they name.
pub(super) const ANY_HUB: &str = "hub";

/// A node that stops, who is to have its sessions, and how often it has asked for that before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(super) node: u32,
    pub(super) heir: u32,
    pub(super) attempt: u32,
}

/// What a node has done of its own handover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Another node stops, and goes first.
    Waiting,
    /// The others are asked to hold back.
    Pausing,
    /// The sessions are being packed.
    Packing,
    /// They are on their way, or with the heir.
    Sent,
    /// The heir has them, or there was none.
    Done,
}

/// The handover of a node that stops.
pub(super) struct Handover {
    heir: u32,
    attempt: u32,
    stage: Stage,
    paused: BTreeSet<u32>,
    due_ms: u64,
    /// Until when it waits for others that stop.
    waits_until_ms: u64,
}

impl Handover {
    /// Whether the others hold back for it, or are asked to.
    fn is_begun(&self) -> bool {
        !matches!(self.stage, Stage::Waiting | Stage::Done)
    }
}

/// What an heir has got so far of a node that stops.
#[derive(Default)]
pub(super) struct Inheritance {
    attempt: u32,
    /// Everybody is known to have been asked.
    asked: bool,
    paused: BTreeSet<u32>,
    sessions: Vec<Luggage>,
    /// All sessions have come, and what the nodes here had published before they held back is in them.
    complete: Option<BTreeSet<u32>>,
    unpacking: bool,
}

/// Handovers that a node takes part in.
#[derive(Default)]
pub(super) struct Handovers {
    own: Option<Handover>,
    /// Workers of this node that read nobody any more.
    drained: u32,
    inheritances: BTreeMap<u32, Inheritance>,
    /// The nodes that stop, their attempts, and until when this one holds back for them.
    pauses: BTreeMap<u32, (u32, u64)>,
    /// The nodes that stop or have stopped, as long as they are there: none of them is to be an heir.
    stopping: BTreeSet<u32>,
    /// The nodes whose sessions have come here while this one holds back.
    newcomers: BTreeSet<u32>,
    /// The nodes whose sessions this one has.
    pub(super) heir_of: BTreeSet<u32>,
}

impl Handovers {
    /// Whether the sessions of this node are on their way, so that nobody can say anything about them.
    pub(super) fn is_under_way(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.stage != Stage::Waiting)
    }

    /// What has come for an heir of a node, unless it belongs to an attempt that the node has given up.
    fn inheritance(&mut self, node: u32, attempt: u32) -> Option<&mut Inheritance> {
        let inheritance = self.inheritances.entry(node).or_default();
        if inheritance.attempt < attempt {
            *inheritance = Inheritance { attempt, ..Inheritance::default() };
        }
        Some(inheritance).filter(|inheritance| inheritance.attempt == attempt)
    }

    /// Whether there is something to wait for.
    pub(super) fn is_busy(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.stage != Stage::Done) || !self.pauses.is_empty()
    }
}

impl Mesh {
    /// A worker of this node reads no client any more and has told its own that the service stops. When all have, their sessions can go.
    pub(super) fn drained(&mut self) {
        self.handovers.drained += 1;
        if self.handovers.drained == self.workers {
            self.hand_over(self.now_ms);
        }
    }

    /// This node stops: has its sessions taken to another one.
    pub(crate) fn hand_over(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.handovers.own = Some(Handover {
            heir: self.backlog.node,
            attempt: 0,
            stage: Stage::Waiting,
            paused: BTreeSet::new(),
            due_ms: now_ms + WAITING_MAX_MS,
            waits_until_ms: now_ms + WAITING_MAX_MS,
        });
        self.begin_handover();
    }

    /// Asks all others to hold back, if this node waits for its turn and nobody else's sessions are under way.
    fn begin_handover(&mut self) {
        let handovers = &mut self.handovers;
        let Some(own) = handovers.own.as_mut().filter(|own| own.stage == Stage::Waiting) else {
            return;
        };
        if !handovers.pauses.is_empty() {
            return;
        }
        let heirs = self.peers.keys().copied().filter(|node| !handovers.stopping.contains(node));
        let Some(heir) = Hashing::choose(u64::from(self.backlog.node), heirs) else {
            own.stage = Stage::Done;
            return;
        };
        (own.heir, own.stage, own.due_ms) = (heir, Stage::Pausing, self.now_ms + PAUSING_MAX_MS);
        own.paused.clear();
        let pause = Pause { heir, attempt: own.attempt };
        self.backlog.pause();
        self.push_all(&encode::frame(Content::Pause(pause)));
        self.advance();
    }

    /// Asks the others no longer to hold back: another node goes first, or the heir is gone.
    fn withdraw_handover(&mut self) {
        if let Some(own) = &mut self.handovers.own {
            own.attempt += 1;
            (own.stage, own.due_ms) = (Stage::Waiting, own.waits_until_ms);
        }
        let nothing = Heir { node: self.backlog.node, nothing: true };
        self.push_all(&encode::frame(Content::Heir(nothing)));
    }

    /// Whether this node has handed its sessions over, or has given up, and everything that it held back has arrived.
    pub(crate) fn has_handed_over(&self) -> bool {
        let done = self.handovers.own.as_ref().is_some_and(|own| own.stage == Stage::Done);
        done && self.peers.values().all(|peer| peer.outgoing.first_item().is_none())
    }

    fn push_all(&mut self, frame: &bytes::Bytes) {
        for peer in self.peers.values_mut() {
            peer.outgoing.push(frame.clone(), self.items);
        }
    }

    /// A node stops, and asks everybody to hold back.
    pub(super) fn take_pause(&mut self, node: u32, pause: Pause) {
        self.handovers.stopping.insert(node);
        if self.handovers.own.as_ref().is_some_and(Handover::is_begun) {
            if self.backlog.node < node {
                // It hears, or has heard, that this node has begun, and asks again later.
                return;
            }
            self.withdraw_handover();
        }
        let Pause { heir, attempt } = pause;
        self.backlog.quiesce(true);
        self.handovers.pauses.insert(node, (attempt, self.now_ms + PAUSE_MAX_MS));
        // A worker delivers to its own clients before it publishes to others. What it held back would never reach sessions that come to it
        // later, so it first finishes its turn, and reads its clients no more.
        if let Ok(hub) = HubName::parse(ANY_HUB) {
            let quiet = self.local.execute(hub, Command::Exists(Target::Hub));
            self.errands.push(Errand::Quiet { stop: Stop { node, heir, attempt }, quiet });
        }
        if heir == self.backlog.node
            && let Some(inheritance) = self.handovers.inheritance(node, attempt)
        {
            inheritance.asked = true;
        }
    }

    /// No client of this node is being read: closes the gate.
    pub(super) fn hold_back(&mut self, stop: Stop) {
        if self.handovers.pauses.get(&stop.node).is_some_and(|(attempt, _)| *attempt == stop.attempt) {
            self.backlog.pause();
            // By way of the queue, so that it stands behind everything that was published before.
            self.backlog.put(Item::Paused(stop));
        }
    }

    /// Everything that this node published before it held back is on its way.
    pub(super) fn say_paused(&mut self, stop: Stop) {
        let Stop { node, heir, attempt } = stop;
        let frame = encode::frame(Content::Paused(Paused { node, attempt }));
        for to in [node, heir] {
            if to != self.backlog.node {
                self.push(to, frame.clone());
            }
        }
    }

    /// Another node holds back.
    pub(super) fn take_paused(&mut self, from: u32, paused: Paused) {
        let Paused { node, attempt } = paused;
        let mine = node == self.backlog.node;
        if let Some(own) = self.handovers.own.as_mut().filter(|own| mine && own.attempt == attempt) {
            own.paused.insert(from);
        }
        if !mine && let Some(inheritance) = self.handovers.inheritance(node, attempt) {
            inheritance.paused.insert(from);
        }
        self.advance();
    }

    /// A session has come, or the last one has.
    pub(super) fn take_luggage(
        &mut self,
        node: u32,
        luggage: schema::Luggage,
    ) -> Result<(), super::DecodeError> {
        let inheritance = self.handovers.inheritances.entry(node).or_default();
        if luggage.last {
            inheritance.complete = Some(luggage.complete.into_iter().collect());
        } else {
            inheritance.sessions.push(luggage::decode(luggage)?);
        }
        self.advance();
        Ok(())
    }

    /// Goes on with whatever waited for others.
    pub(super) fn advance(&mut self) {
        if let Some(own) = &mut self.handovers.own
            && own.stage == Stage::Pausing
            && self.peers.keys().all(|node| own.paused.contains(node))
        {
            own.stage = Stage::Packing;
            if let Ok(hub) = HubName::parse(ANY_HUB) {
                self.errands.push(Errand::Pack(self.local.execute(hub, Command::Pack)));
            }
        }
        let (peers, backlog) = (&self.peers, &self.backlog);
        for (of, inheritance) in &mut self.handovers.inheritances {
            let Some(complete) = inheritance.complete.as_ref().filter(|_| inheritance.asked) else {
                continue;
            };
            let waiting = |node: &u32| complete.contains(node) && !inheritance.paused.contains(node);
            if inheritance.unpacking || peers.keys().any(waiting) {
                continue;
            }
            // The node that stops did not hear of all that this one hears of: what they published may be in nobody's hands. But nodes that have
            // handed over before go when all they had to say has arrived.
            let known = |node: &u32| node == of || complete.contains(node) || backlog.has_heir(*node);
            let missed = !peers.keys().all(known);
            inheritance.unpacking = true;
            let sessions = std::mem::take(&mut inheritance.sessions).into_iter();
            let sessions = sessions.map(|session| Luggage { missed, ..session });
            let replies: Vec<Routed> = sessions
                .map(|session| self.local.execute(session.hub.clone(), Command::Unpack(Arc::new(session))))
                .collect();
            self.errands.push(Errand::Unpack { of: *of, replies });
        }
    }

    /// This node's sessions are packed.
    pub(super) fn send_luggage(&mut self, sessions: &[Luggage]) {
        let Some(own) = &mut self.handovers.own else {
            return;
        };
        (own.stage, own.due_ms) = (Stage::Sent, self.now_ms + TRAVEL_MAX_MS);
        let (heir, complete) = (own.heir, own.paused.iter().copied().collect());
        tracing::info!(
            sessions = sessions.len(),
            heir = format!("{heir:08x}"),
            "sessions go to another node"
        );
        for session in sessions {
            self.push(heir, encode::frame(Content::Luggage(luggage::encode(session))));
        }
        let last = schema::Luggage { last: true, complete, ..schema::Luggage::default() };
        self.push(heir, encode::frame(Content::Luggage(last)));
    }

    /// The sessions of another node are in the shards of this one. Whoever hears so has heard of their interests before.
    pub(super) fn say_heir(&mut self, of: u32) {
        self.handovers.inheritances.remove(&of);
        self.handovers.heir_of.insert(of);
        let older = self.backlog.hosted_by(of);
        self.handovers.heir_of.extend(older);
        self.backlog.set_heir(of, self.backlog.node);
        self.push_all(&encode::frame(Content::Heir(Heir { node: of, nothing: false })));
        self.handovers.newcomers.insert(of);
        self.resume(of);
    }

    /// A node has the sessions of one that stops; or nobody has, and the one that stops says so itself.
    pub(super) fn take_heir(&mut self, from: u32, heir: Heir) {
        if !heir.nothing {
            self.backlog.set_heir(heir.node, from);
        }
        if heir.node == self.backlog.node {
            self.finish_handover();
        } else {
            self.handovers.inheritances.remove(&heir.node);
            self.resume(heir.node);
        }
    }

    fn finish_handover(&mut self) {
        if let Some(own) = &mut self.handovers.own {
            own.stage = Stage::Done;
        }
        self.go_on();
    }

    /// Nobody need hold back for a node any longer.
    fn resume(&mut self, node: u32) {
        self.handovers.pauses.remove(&node);
        self.go_on();
    }

    fn go_on(&mut self) {
        let own = self.handovers.own.as_ref().is_some_and(Handover::is_begun);
        if !own && self.handovers.pauses.is_empty() {
            let newcomers = std::mem::take(&mut self.handovers.newcomers);
            self.backlog.go_on(&self.local, &newcomers);
            self.begin_handover();
        }
    }

    /// A node is gone, and whatever was under way with it.
    pub(super) fn forget_handover(&mut self, node: u32) {
        if self.handovers.inheritances.get(&node).is_some_and(|inheritance| !inheritance.unpacking) {
            self.handovers.inheritances.remove(&node);
        }
        self.handovers.stopping.remove(&node);
        let stage = self.handovers.own.as_ref().filter(|own| own.heir == node).map(|own| own.stage);
        match stage {
            // Nothing has been packed: there may be another heir.
            Some(Stage::Pausing) => self.withdraw_handover(),
            Some(Stage::Packing | Stage::Sent) => self.give_up_handover(),
            _ => {}
        }
        self.resume(node);
        self.advance();
    }

    /// Gives up what takes too long.
    pub(super) fn keep_handover_time(&mut self) {
        let now_ms = self.now_ms;
        let late = |own: &Handover| own.stage != Stage::Done && own.due_ms <= now_ms;
        if self.handovers.own.as_ref().is_some_and(late) {
            self.give_up_handover();
        }
        let overdue: Vec<_> = self
            .handovers
            .pauses
            .iter()
            .filter(|(_, (_, due_ms))| *due_ms <= now_ms)
            .map(|(node, _)| *node)
            .collect();
        for node in overdue {
            tracing::warn!(
                node = format!("{node:08x}"),
                "a node that stops does not get on; it is waited for no longer"
            );
            self.resume(node);
        }
    }

    fn give_up_handover(&mut self) {
        tracing::warn!("no other node has taken the sessions of this one; they end");
        let nothing = Heir { node: self.backlog.node, nothing: true };
        self.push_all(&encode::frame(Content::Heir(nothing)));
        self.finish_handover();
    }
}
