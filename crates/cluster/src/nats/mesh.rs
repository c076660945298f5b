//! What a node knows of the others, and what it tells them. Sans-IO: datagrams, items and the time in, datagrams and errands out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hubwire_hub::{Busy, Letter, Recipient, Reply, Routed};
use hubwire_protocol::ConnectionId;
use prost::Message;
use tokio::sync::oneshot;

use super::backlog::{Backlog, Item};
use super::calls::{self, Calls};
use super::encode;
use super::handover::{Handovers, Stop};
use super::interests::Announced;
use super::ledger::{Append, Ledger};
use super::link::Incoming;
use super::peer::Peer;
use super::registry::Store;
use super::schema::{Body, Content, Datagram, Goodbye, RelayClose, RelayData, RelayOpen};
use super::settings::{Limits, LogSettings};
use super::takeover::Sweep;
use crate::memory::Router;

/// Where a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Every node of the cluster.
    Everyone,
    /// One node.
    Node(u32),
}

/// What others want of this node that takes time, or more than the mesh has.
pub(crate) enum Errand {
    /// Wait for what comes of a command, and send it to the node that asked.
    Answer { node: u32, ticket: u64, reply: Routed, joins: bool },
    /// A part of a carried socket has come from a node.
    Relay { node: u32, event: RelayEvent },
    /// A node is gone, and with it the other ends of carried sockets.
    Gone { node: u32 },
    /// Wait until no worker reads a client, since a node stops and hands its sessions to an heir.
    Quiet { stop: Stop, quiet: Routed },
    /// Wait for the packed sessions of this node.
    Pack(Routed),
    /// Wait until the sessions of another node are unpacked.
    Unpack { of: u32, replies: Vec<Routed> },
    /// Put something into the log.
    Append(Append),
    /// Write what is to be kept of a session.
    Store(Store),
    /// Erase a revision of the registry.
    Erase(u64),
    /// Wait for the sessions of this node that have changed up to an entry.
    Record { position: u64, reply: Routed },
    /// Write this node's own record in place of a revision.
    Checkpoint { bytes: Bytes, expected: u64 },
    /// Look for dead nodes.
    Sweep(Sweep),
    /// Wait until the sessions of dead nodes are in the shards.
    Restore { of: Vec<u32>, replies: Vec<Routed> },
    /// Erase the record of a node whose sessions are here.
    EraseNode(u32),
    /// Read what stands in the log in place of something that a session has left to be said.
    Reread { connection: ConnectionId, index: usize, position: u64 },
    /// Say whether the registry has a session.
    Find { connection: ConnectionId, caller: oneshot::Sender<Result<Reply, Busy>> },
}

/// What a node says of a carried socket.
pub(crate) enum RelayEvent {
    Open(RelayOpen),
    Data(RelayData),
    Close(RelayClose),
}

/// The state of one node's part in its cluster.
pub(crate) struct Mesh {
    pub(super) backlog: Arc<Backlog>,
    pub(super) local: Arc<Router>,
    pub(super) limits: Limits,
    /// Worker threads of this node.
    pub(super) workers: u32,
    pub(super) address: String,
    /// In order, so that a course of the simulation can be repeated.
    pub(super) peers: BTreeMap<u32, Peer>,
    /// The receiving ends, also of nodes that are thought dead: one may come back and go on.
    pub(super) incoming: HashMap<u32, Incoming>,
    /// Links that this node has begun.
    pub(super) links: u64,
    /// The nodes that it has begun one with before.
    pub(super) met: HashSet<u32>,
    /// Nodes that it has taken for dead, and that have not come back.
    pub(super) lost: BTreeSet<u32>,
    pub(super) announced: Announced,
    pub(super) calls: Calls,
    pub(super) handovers: Handovers,
    /// Its part in the log; only if hubs have one.
    pub(super) ledger: Option<Ledger>,
    /// Connections to be told when all items up to a number have arrived.
    settling: VecDeque<(u64, ConnectionId)>,
    /// Items so far.
    pub(super) items: u64,
    pub(super) started_ms: u64,
    pub(super) next_hello_ms: u64,
    pub(super) now_ms: u64,
    /// What is to be sent.
    pub(super) out: Vec<(Destination, Bytes)>,
    /// What is to be done.
    pub(super) errands: Vec<Errand>,
}

impl Mesh {
    pub(crate) fn new(
        backlog: Arc<Backlog>,
        local: Arc<Router>,
        limits: Limits,
        (workers, address): (u32, String),
        now_ms: u64,
    ) -> Self {
        Self {
            backlog,
            local,
            limits,
            workers,
            address,
            peers: BTreeMap::new(),
            incoming: HashMap::new(),
            links: 0,
            met: HashSet::new(),
            lost: BTreeSet::new(),
            announced: Announced::default(),
            calls: Calls::default(),
            handovers: Handovers::default(),
            ledger: None,
            settling: VecDeque::new(),
            items: 0,
            started_ms: now_ms,
            next_hello_ms: 0,
            now_ms,
            out: Vec::new(),
            errands: Vec::new(),
        }
    }

    /// Takes in what the threads of this process have to tell others.
    pub(crate) fn take_items(&mut self, items: &mut Vec<Item>, now_ms: u64) {
        self.now_ms = now_ms;
        let bytes: usize = items.iter().map(Item::bytes).sum();
        for item in items.drain(..) {
            self.items += 1;
            self.take_item(item);
        }
        self.backlog.taken.store(self.items, Ordering::Relaxed);
        self.backlog.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn take_item(&mut self, item: Item) {
        match item {
            Item::Frame { peers, frame } => {
                for peer in self.peers.values_mut().filter(|peer| peer.bit & peers != 0) {
                    peer.outgoing.push(frame.clone(), self.items);
                }
            }
            Item::Direct { node, frame } => self.push(node, frame),
            Item::Letter { recipient, letter, node } => self.send_letter(node, &recipient, &letter),
            Item::Slot(slot) => self.announce(slot),
            Item::Drained => self.drained(),
            Item::Quiet(stop) => self.hold_back(stop),
            Item::Paused(stop) => self.say_paused(stop),
            Item::Packed(sessions) => self.send_luggage(&sessions),
            Item::Unpacked { of } => self.say_heir(of),
            Item::Settle(connection) => self.settling.push_back((self.items, connection)),
            Item::Append(append) => self.append(append),
            Item::Appended { waiter, bytes, outcome } => self.appended(waiter, bytes, outcome),
            Item::LoggedCall { hub, command, caller } => self.append_call(hub, command, caller),
            Item::Answered { ticket, reply } => self.calls.answer(ticket, self.backlog.node, reply),
            Item::Keep(session) => self.keep(&session),
            Item::Forget(parting) => self.forget(parting),
            Item::Stored { connection, stored } => self.stored(connection, stored),
            Item::Recorded { position, sessions } => self.checkpoint(position, sessions),
            Item::Checkpointed(stored) => self.checkpointed(stored),
            Item::Swept(swept) => self.swept(swept),
            Item::Reread { connection, index, found } => self.farewell_met(connection, index, found),
            Item::Restored { of, sessions } => self.restored(&of, sessions),
            Item::Find { connection, caller } => self.errands.push(Errand::Find { connection, caller }),
            Item::Call { nodes, hub, command, cause, caller } => {
                let (nodes, gone): (Vec<_>, Vec<_>) =
                    nodes.into_iter().partition(|node| self.peers.contains_key(node));
                let due_ms = self.now_ms + self.limits.answer_timeout_ms;
                let strict = self.backlog.logged.contains(&hub) && calls::is_about_one(&command);
                let handed_over = gone.iter().any(|node| self.backlog.has_heir(*node));
                if handed_over || (strict && !gone.is_empty()) {
                    // It has gone since the router asked who lives. Whoever asked may have gone away by now.
                    let _gone = caller.send(Err(Busy::Moving));
                    return;
                }
                let ticket = self.calls.begin(nodes.iter().copied().collect(), due_ms, strict, caller);
                let cause = encode::cause(cause);
                let command = super::schema::Command { cause, ..encode::command(ticket, &hub, &command) };
                let frame = encode::frame(Content::Command(command));
                nodes.into_iter().for_each(|node| self.push(node, frame.clone()));
            }
        }
    }

    /// Has a frame taken to a node. Who still has something to tell one that is gone is told so.
    pub(super) fn push(&mut self, node: u32, frame: Bytes) {
        match self.peers.get_mut(&node) {
            Some(peer) => peer.outgoing.push(frame, self.items),
            None => self.errands.push(Errand::Gone { node }),
        }
    }

    /// Takes a letter to a node, which may be this one if the nodes have changed meanwhile.
    pub(super) fn send_letter(&mut self, node: u32, recipient: &Recipient, letter: &Letter) {
        let node = match recipient {
            // Nodes may have come or gone since. Who waits for an answer must get one from somebody; all else is said again to the new home.
            Recipient::Home(hub, group) => match self.backlog.home(hub, group) {
                home if home == node || letter.asker().is_some() => home,
                _ => return,
            },
            Recipient::Members(..) | Recipient::Owner(_) => node,
        };
        if node == self.backlog.node {
            return self.local.send(recipient, letter);
        }
        let (Some(peer), Some(encoded)) = (self.peers.get_mut(&node), encode::letter(letter)) else {
            return;
        };
        peer.note_request(recipient, letter);
        peer.outgoing.push(encode::frame(Content::Letter(encoded)), self.items);
    }

    /// Packs and receipts what has come together, and tells who waited for what has arrived. To be called when a turn's input is used up.
    pub(crate) fn finish_turn(&mut self) {
        let mut packets = Vec::new();
        // A node whose workers cannot keep up lets its peers know by silence: their backlogs grow, and they read their clients less.
        let receives = !self.local.is_filling();
        for (node, peer) in &mut self.peers {
            peer.outgoing.pack(self.now_ms, &mut packets);
            self.out.extend(packets.drain(..).map(|packet| (Destination::Node(*node), packet)));
            let incoming = self.incoming.get_mut(node).filter(|_| receives);
            if let Some(receipt) = incoming.and_then(Incoming::receipt) {
                let datagram = Datagram { from: self.backlog.node, body: Some(Body::Receipt(receipt)) };
                self.out.push((Destination::Node(*node), datagram.encode_to_vec().into()));
            }
        }
        self.settle();
        self.measure();
    }

    /// Notes how far everything has arrived.
    fn settle(&mut self) {
        let first = self.peers.values().filter_map(|peer| peer.outgoing.first_item()).min();
        let unkept = self.ledger.as_ref().and_then(Ledger::first_unsettled);
        let first = first.into_iter().chain(unkept).min();
        let settled = first.map_or(self.items, |first| first.saturating_sub(1));
        while self.settling.front().is_some_and(|(item, _)| *item <= settled)
            && let Some((_, connection)) = self.settling.pop_front()
        {
            self.local.send(&Recipient::Owner(connection), &Letter::Settled(connection));
        }
        let mut missed = Vec::new();
        for (node, peer) in &mut self.peers {
            let arrived = |until: &mut u64| peer.outgoing.first_item().is_none_or(|first| first > *until);
            missed.extend(peer.missed_until.take_if(arrived).map(|_| *node));
        }
        for node in &missed {
            // It has forgotten the states of this node's connections.
            let nodes = self.backlog.nodes.load();
            let others = nodes.iter().map(|known| known.node).filter(|other| other != node);
            self.tell_homes(others.collect(), vec![*node]);
        }
        if !missed.is_empty() {
            self.end_sessions();
        }
        self.backlog.settled.send_if_modified(|known| std::mem::replace(known, settled) != settled);
    }

    /// Messages from another node may be lost.
    pub(super) fn end_sessions(&self) {
        metrics::counter!("webpubsub_cluster_gaps_total").increment(1);
        tracing::warn!(
            "this node and another had lost each other: reliable sessions here may have missed messages, and end"
        );
        self.local.tell_all(&Letter::Missed);
    }

    fn measure(&self) {
        let levels = self.peers.values().map(|peer| peer.outgoing.level());
        let (frames, bytes) = levels.fold((0, 0), |sum, level| (sum.0 + level.0, sum.1 + level.1));
        self.backlog.link_frames.store(frames, Ordering::Relaxed);
        self.backlog.link_bytes.store(bytes, Ordering::Relaxed);
        self.backlog.interests.store(self.announced.count as usize, Ordering::Relaxed);
        metrics::gauge!("webpubsub_cluster_backlog_frames").set(frames as f64);
        metrics::gauge!("webpubsub_cluster_backlog_bytes").set(bytes as f64);
        self.measure_log();
        metrics::gauge!("webpubsub_cluster_interests").set(f64::from(self.announced.count));
    }

    /// Whether this node has found the others, and they know of it: only then can its clients rely on them.
    pub(crate) fn is_ready(&self) -> bool {
        /// How long a node listens for others before it believes that it is alone, in milliseconds: they answer its first hello at once.
        const DISCOVERY_MS: u64 = 500;
        let met = |peer: &Peer| peer.introduced && peer.outgoing.is_begun();
        self.now_ms >= self.started_ms + DISCOVERY_MS && self.peers.values().all(met)
    }

    /// When [`Mesh::keep_time`] next has something to do.
    pub(crate) fn next_due_ms(&self) -> u64 {
        /// How often links and commands under way are looked at, in milliseconds.
        const BUSY_INTERVAL_MS: u64 = 25;
        let idle =
            self.settling.is_empty() && self.calls.is_empty() && !self.handovers.is_busy() && self.is_ready();
        let quiet = idle && self.peers.values().all(|peer| peer.outgoing.first_item().is_none());
        let due_ms =
            if quiet { self.next_hello_ms } else { self.next_hello_ms.min(self.now_ms + BUSY_INTERVAL_MS) };
        self.ledger.as_ref().map_or(due_ms, |ledger| due_ms.min(ledger.next_due_ms()))
    }

    /// Whether something waits for others, so that time matters.
    pub(crate) fn is_busy(&self) -> bool {
        !self.calls.is_empty() || self.peers.values().any(|peer| peer.outgoing.first_item().is_some())
    }

    /// Sends again, gives up, and tells the others that this node lives.
    pub(crate) fn keep_time(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.calls.keep_time(now_ms);
        self.keep_handover_time();
        self.keep_log_time();
        let mut packets = Vec::new();
        for (node, peer) in &mut self.peers {
            peer.outgoing.keep_time(now_ms, &mut packets);
            self.out.extend(packets.drain(..).map(|packet| (Destination::Node(*node), packet)));
        }
        if now_ms >= self.next_hello_ms {
            self.next_hello_ms = now_ms + self.limits.lease_ms / super::membership::HELLOS_PER_LEASE;
            let hello = self.hello();
            self.out.push((Destination::Everyone, hello));
        }
        self.expire();
    }

    /// This node stops: the others need not wait for its lease to end.
    pub(crate) fn leave(&mut self) {
        let (lost, own) = (self.lost.iter().copied().collect(), self.backlog.node);
        let heir = if self.backlog.has_heir(own) { self.backlog.resolve(own) } else { 0 };
        let datagram = Datagram { from: own, body: Some(Body::Goodbye(Goodbye { lost, heir })) };
        self.out.push((Destination::Everyone, datagram.encode_to_vec().into()));
    }

    /// Whether a worker of this node has so much waiting that others have to wait for it.
    pub(crate) fn is_filling(&self) -> bool {
        self.local.is_filling()
    }

    /// How the log is kept, if there is one.
    pub(crate) fn log_settings(&self) -> Option<Arc<LogSettings>> {
        self.ledger.as_ref().map(|ledger| ledger.settings.clone())
    }

    /// What is to be sent.
    pub(crate) fn take_out(&mut self) -> Vec<(Destination, Bytes)> {
        std::mem::take(&mut self.out)
    }

    /// What is to be done.
    pub(crate) fn take_errands(&mut self) -> Vec<Errand> {
        std::mem::take(&mut self.errands)
    }
}
