use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use hubwire_filter::Filter;
use hubwire_hub::{
    Busy, Command, Envelope, Letter, Logged, Luggage, Parting, Recipient, Reply, Target, TraceContext,
};
use hubwire_protocol::{ConnectionId, GroupName, HubName};
use tokio::sync::{mpsc, oneshot, watch};

use super::calls::Caller;
use super::encode;
use super::handover::Stop;
use super::ledger::{Append, Appended, Waiter};
use super::registry::Stored;
use super::schema::Content;
use super::settings::{Limits, OnNatsLoss};
use super::takeover::Swept;
use crate::hashing::Hashing;
use crate::memory::{InterestTable, Router};

/// What workers and REST hand to the thread that talks to NATS.
pub(crate) enum Item {
    /// Take the frame to some peers, one bit each.
    Frame { peers: u64, frame: Bytes },
    /// Take the letter to a node. Those that a home has to answer go to another one if it dies.
    Letter { recipient: Recipient, letter: Letter, node: u32 },
    /// A slot of the process's interests may have changed.
    Slot(usize),
    /// Tell a connection's shard when everything before this has arrived.
    Settle(ConnectionId),
    /// Have some nodes carry out a command.
    Call { nodes: Vec<u32>, hub: HubName, command: Command, cause: Option<TraceContext>, caller: Caller },
    /// A worker reads no client any more, since the service stops.
    Drained,
    /// No worker reads a client, since a node stops.
    Quiet(Stop),
    /// Everything that was published before this node held back for one that stops stands before this.
    Paused(Stop),
    /// The sessions of this node, which stops.
    Packed(Vec<Luggage>),
    /// The sessions of another node are here.
    Unpacked { of: u32 },
    /// Take a frame to a node, if it is still there.
    Direct { node: u32, frame: Bytes },
    /// Put something into the log.
    Append(Append),
    /// Whether it is there.
    Appended { waiter: Waiter, bytes: usize, outcome: Appended },
    /// Have all nodes carry out a command when the log gets there.
    LoggedCall { hub: HubName, command: Command, caller: Caller },
    /// What came of such a command here.
    Answered { ticket: u64, reply: Option<Reply> },
    /// What stands in the log in place of something that a session has left to be said.
    Reread { connection: ConnectionId, index: usize, found: Option<Bytes> },
    /// A session of a hub with a log has begun, or a plain publisher has opened a stream there.
    Keep(Box<Luggage>),
    /// One of them has ended.
    Forget(Box<Parting>),
    /// What came of writing a session into the registry.
    Stored { connection: ConnectionId, stored: Stored },
    /// What has changed of this node's sessions up to an entry; nothing is known if a worker did not say.
    Recorded { position: u64, sessions: Option<Vec<Luggage>> },
    /// What came of writing this node's own record.
    Checkpointed(Stored),
    /// What a look for dead nodes has brought; nothing, if it failed.
    Swept(Option<Swept>),
    /// The sessions of dead nodes are in the shards.
    Restored { of: Vec<u32>, sessions: usize },
    /// Say whether the registry has a session.
    Find { connection: ConnectionId, caller: oneshot::Sender<Result<Reply, Busy>> },
}

/// A node as publishers know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KnownNode {
    pub(crate) node: u32,
    /// Its bit in the table of interests; none for this node itself.
    pub(crate) bit: u64,
}

/// Who has the sessions that a node has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Keeping {
    keeper: u32,
    /// The revision of its latest claim: whoever has the greatest has them.
    term: u64,
}

/// The way from all threads of the process to the one that talks to NATS, and what they must know of the other nodes.
pub(crate) struct Backlog {
    pub(crate) node: u32,
    items: mpsc::UnboundedSender<Item>,
    /// Items that were put in so far.
    put: AtomicU64,
    /// Items that were taken out so far.
    pub(super) taken: AtomicU64,
    /// Bytes of the items that wait to be taken.
    pub(super) queued_bytes: AtomicUsize,
    /// Frames, and their bytes, that have not arrived at their nodes.
    pub(super) link_frames: AtomicUsize,
    pub(super) link_bytes: AtomicUsize,
    /// The slots in which this process has recipients.
    pub(super) interests: AtomicUsize,
    /// All items up to this one have arrived.
    pub(super) settled: watch::Sender<u64>,
    /// Whether NATS cannot be reached at the moment.
    pub(super) cut_off: AtomicBool,
    /// Whether something was dropped meanwhile.
    pub(super) dropped: AtomicBool,
    /// Which peers have recipients for what.
    pub(crate) table: Arc<InterestTable>,
    /// This node and all others that live.
    pub(super) nodes: ArcSwap<Vec<KnownNode>>,
    /// Who has the sessions of nodes that have stopped.
    pub(super) heirs: ArcSwap<HashMap<u32, u32>>,
    /// The same for sessions of hubs with a log.
    keepers: ArcSwap<HashMap<u32, Keeping>>,
    /// The hubs that have a log.
    pub(crate) logged: Arc<Logged>,
    /// Entries, and their bytes, that are on their way to the log.
    pub(super) log_entries: AtomicUsize,
    pub(super) log_bytes: AtomicUsize,
    /// Whether all nodes put entries together from pieces.
    pub(super) takes_pieces: AtomicBool,
    /// Ids that were given to entries so far.
    message_ids: AtomicU64,
    /// Whether clients are not to be read, since a node stops.
    quiescing: AtomicBool,
    /// Whether what is published is held back. Publishers pass while they hold it for reading, so that whoever closes it knows that all who
    /// passed have handed over what they had.
    gate: RwLock<bool>,
    /// What is held back, in order.
    held: Mutex<Vec<Held>>,
    held_bytes: AtomicUsize,
    limits: Limits,
    on_loss: OnNatsLoss,
}

/// A publish that is held back, and the worker whose shard has delivered it already.
struct Held {
    worker: Option<usize>,
    envelope: Envelope,
}

impl Backlog {
    pub(crate) fn new(
        node: u32,
        table: Arc<InterestTable>,
        logged: Arc<Logged>,
        limits: Limits,
        on_loss: OnNatsLoss,
    ) -> (Self, mpsc::UnboundedReceiver<Item>) {
        let (items, receiver) = mpsc::unbounded_channel();
        let backlog = Self {
            node,
            items,
            put: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            queued_bytes: AtomicUsize::new(0),
            link_frames: AtomicUsize::new(0),
            link_bytes: AtomicUsize::new(0),
            interests: AtomicUsize::new(0),
            settled: watch::Sender::new(0),
            cut_off: AtomicBool::new(false),
            dropped: AtomicBool::new(false),
            table,
            nodes: ArcSwap::from_pointee(vec![KnownNode { node, bit: 0 }]),
            heirs: ArcSwap::default(),
            keepers: ArcSwap::default(),
            logged,
            log_entries: AtomicUsize::new(0),
            log_bytes: AtomicUsize::new(0),
            takes_pieces: AtomicBool::new(true),
            message_ids: AtomicU64::new(0),
            quiescing: AtomicBool::new(false),
            gate: RwLock::new(false),
            held: Mutex::default(),
            held_bytes: AtomicUsize::new(0),
            limits,
            on_loss,
        };
        (backlog, receiver)
    }

    /// Hands something over, whatever waits already.
    pub(crate) fn put(&self, item: Item) {
        self.put.fetch_add(1, Ordering::SeqCst);
        self.queued_bytes.fetch_add(item.bytes(), Ordering::Relaxed);
        // Nobody takes any more when the process has stopped.
        let _stopped = self.items.send(item);
    }

    /// How many items were put in so far.
    pub(crate) fn mark(&self) -> u64 {
        self.put.load(Ordering::SeqCst)
    }

    /// Whether everything up to a mark has arrived.
    pub(crate) fn is_past(&self, mark: u64) -> bool {
        *self.settled.borrow() >= mark
    }

    /// Whether more than `1 / divisor` of the bounds is taken.
    pub(crate) fn is_filled(&self, divisor: usize) -> bool {
        let waiting = self.mark().saturating_sub(self.taken.load(Ordering::Relaxed)) as usize;
        let on_their_way =
            self.link_frames.load(Ordering::Relaxed) + self.log_entries.load(Ordering::Relaxed);
        waiting + on_their_way > self.limits.backlog_messages_max / divisor
            || self.queued_bytes.load(Ordering::Relaxed)
                + self.link_bytes.load(Ordering::Relaxed)
                + self.log_bytes.load(Ordering::Relaxed)
                + self.held_bytes.load(Ordering::Relaxed)
                > self.limits.backlog_bytes_max / divisor
    }

    /// Whether this node is cut off, and has to wait until it is not.
    pub(crate) fn must_wait(&self) -> bool {
        self.on_loss == OnNatsLoss::Wait && self.cut_off.load(Ordering::Relaxed)
    }

    /// Whether this node is cut off, and goes on by itself as long as there is room for what the others miss.
    pub(crate) fn goes_on_alone(&self) -> bool {
        self.on_loss == OnNatsLoss::Serve && self.cut_off.load(Ordering::Relaxed)
    }

    /// Whether clients should not be read at the moment.
    pub(crate) fn is_congested(&self) -> bool {
        self.quiescing.load(Ordering::Relaxed)
            || self.must_wait()
            || (!self.goes_on_alone() && self.is_filled(2))
    }

    /// Whether publishes and commands are taken at the moment.
    pub(crate) fn check(&self) -> Result<(), Busy> {
        let refusal = if self.must_wait() {
            Busy::CutOff
        } else if !self.goes_on_alone() && self.is_filled(1) {
            Busy::Backlog
        } else {
            return Ok(());
        };
        metrics::counter!("webpubsub_cluster_refusals_total").increment(1);
        Err(refusal)
    }

    /// Whether entries for the log are taken at the moment. Alone, nothing can be stored.
    pub(crate) fn check_log(&self) -> Result<(), Busy> {
        self.check()?;
        if self.cut_off.load(Ordering::Relaxed) {
            metrics::counter!("webpubsub_log_refusals_total").increment(1);
            return Err(Busy::Log);
        }
        Ok(())
    }

    /// An id that no other message of any node has.
    pub(crate) fn next_message_id(&self) -> String {
        format!("{:08x}-{}", self.node, self.message_ids.fetch_add(1, Ordering::Relaxed))
    }

    /// The node that has the sessions that a node has begun, in some hub.
    pub(crate) fn resolve_in(&self, hub: &HubName, node: u32) -> u32 {
        if !self.logged.contains(hub) {
            return self.resolve(node);
        }
        if node == self.node {
            node
        } else {
            self.keepers.load().get(&node).map_or(node, |keeping| keeping.keeper)
        }
    }

    /// The node that has the sessions of hubs with a log that a dead node has begun.
    pub(crate) fn keeper(&self, node: u32) -> Option<u32> {
        self.keepers.load().get(&node).map(|keeping| keeping.keeper).filter(|_| node != self.node)
    }

    /// Notes who has the sessions of hubs with a log that a node has begun, unless it is known of somebody who has taken them later. Only the
    /// thread that talks to NATS does so.
    pub(super) fn set_keeper(&self, of: u32, keeper: u32, term: u64) {
        let (keepers, keeping) = (self.keepers.load(), Keeping { keeper, term });
        let is_old = |known: &Keeping| *known == keeping || known.term > term;
        if of == keeper || keepers.get(&of).is_some_and(is_old) {
            return;
        }
        let mut keepers = HashMap::clone(&keepers);
        keepers.insert(of, keeping);
        self.keepers.store(Arc::new(keepers));
    }

    /// Forgets whom a node has the sessions of, but for some.
    pub(super) fn keep_keepers(&self, keeper: u32, of: &[u32]) {
        let keepers = self.keepers.load();
        let goes_on = |node: &u32, known: &Keeping| known.keeper != keeper || of.contains(node);
        if keepers.iter().all(|(node, known)| goes_on(node, known)) {
            return;
        }
        let mut keepers = HashMap::clone(&keepers);
        keepers.retain(|node, known| goes_on(node, known));
        self.keepers.store(Arc::new(keepers));
    }

    /// The peers with recipients for a target, one bit each.
    pub(crate) fn interested(&self, hub: &HubName, target: &Target) -> u64 {
        match target {
            Target::Connection(id) => self.peer(id.node()).map_or(0, |peer| peer.bit),
            target => self.table.interested(hub, target),
        }
    }

    /// Takes an envelope to the peers with recipients for it.
    pub(crate) fn publish(&self, envelope: &Envelope) {
        let peers = self.interested(&envelope.hub, &envelope.target);
        if peers == 0 {
            return;
        }
        if self.goes_on_alone() && self.is_filled(1) {
            // The operator wants to go on rather than wait, and there is no room for what the others miss.
            metrics::counter!("webpubsub_cluster_frames_lost_total").increment(1);
            self.dropped.store(true, Ordering::Relaxed);
            return;
        }
        let frame = encode::frame(Content::Envelope(encode::envelope(envelope)));
        self.put(Item::Frame { peers, frame });
    }

    /// The node that keeps a group's states.
    pub(crate) fn home(&self, hub: &HubName, group: &GroupName) -> u32 {
        let nodes = self.nodes.load();
        let candidates = nodes.iter().map(|known| known.node);
        Hashing::choose(self.table.hash(hub, group), candidates).unwrap_or(self.node)
    }

    /// All other nodes that live.
    pub(crate) fn others(&self) -> Vec<u32> {
        self.nodes.load().iter().map(|known| known.node).filter(|node| *node != self.node).collect()
    }

    /// Whether a node is there.
    pub(crate) fn lives(&self, node: u32) -> bool {
        self.nodes.load().iter().any(|known| known.node == node)
    }

    /// Whether there are other nodes.
    pub(crate) fn has_peers(&self) -> bool {
        self.nodes.load().len() > 1
    }

    /// The node that has another one's sessions, or that other one, if it lives and is not this one.
    pub(crate) fn peer(&self, node: u32) -> Option<KnownNode> {
        let node = self.resolve(node);
        self.nodes.load().iter().copied().find(|known| known.node == node && known.node != self.node)
    }

    /// The node that has the sessions of a node: itself, unless it has stopped and handed them over.
    pub(crate) fn resolve(&self, node: u32) -> u32 {
        self.heirs.load().get(&node).copied().unwrap_or(node)
    }

    /// Whether a node has stopped and handed its sessions over.
    pub(super) fn has_heir(&self, node: u32) -> bool {
        self.resolve(node) != node
    }

    /// The stopped nodes whose sessions a node has.
    pub(super) fn hosted_by(&self, heir: u32) -> Vec<u32> {
        self.heirs.load().iter().filter(|(_, node)| **node == heir).map(|(of, _)| *of).collect()
    }

    /// Notes who has the sessions of a node that has stopped, and of those whose heir it was. What an heir says may arrive after what is said of
    /// the heir itself. Only the thread that talks to NATS does so.
    pub(super) fn set_heir(&self, of: u32, heir: u32) {
        let heirs = self.heirs.load();
        let heir = heirs.get(&heir).copied().unwrap_or(heir);
        if heirs.get(&of) == Some(&heir) || of == heir {
            return;
        }
        let mut heirs = HashMap::clone(&heirs);
        heirs.values_mut().filter(|node| **node == of).for_each(|node| *node = heir);
        heirs.insert(of, heir);
        self.heirs.store(Arc::new(heirs));
    }

    /// Passes a publish on, or holds it back if that is what is done at the moment.
    pub(crate) fn pass<T>(
        &self,
        worker: Option<usize>,
        envelope: Envelope,
        pass: impl FnOnce(Envelope) -> T,
    ) -> Option<T> {
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        if !*gate {
            return Some(pass(envelope));
        }
        self.held_bytes.fetch_add(envelope.bytes(), Ordering::Relaxed);
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(Held { worker, envelope });
        None
    }

    /// Has clients read no more, or again.
    pub(super) fn quiesce(&self, quiescing: bool) {
        self.quiescing.store(quiescing, Ordering::SeqCst);
    }

    /// Holds back what is published from now on.
    pub(super) fn pause(&self) {
        *self.gate.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Passes on what was held back, in order, and holds back nothing more. Sessions of some nodes have come meanwhile: they were not there when
    /// a worker delivered to its own.
    pub(super) fn go_on(&self, local: &Router, newcomers: &BTreeSet<u32>) {
        self.quiesce(false);
        let mut gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::take(&mut *gate) {
            return;
        }
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        for Held { worker, envelope } in held {
            self.publish(&envelope);
            match worker {
                Some(worker) => {
                    local.publish_from(worker, &envelope);
                    for node in newcomers {
                        local.deliver_to(worker, only(*node, &envelope));
                    }
                }
                None => local.deliver(&envelope),
            }
        }
        self.held_bytes.store(0, Ordering::Relaxed);
    }

    /// The nodes behind bits of the table.
    pub(crate) fn nodes_of(&self, bits: u64) -> Vec<u32> {
        self.nodes.load().iter().filter(|known| known.bit & bits != 0).map(|known| known.node).collect()
    }

    /// Comes back once everything that was put in before has arrived.
    ///
    /// `strictly` also while this node goes on alone.
    pub(crate) async fn settle(&self, strictly: bool) -> Result<(), Busy> {
        let mark = self.mark();
        let mut settled = self.settled.subscribe();
        let timeout = Duration::from_millis(self.limits.answer_timeout_ms);
        match tokio::time::timeout(timeout, settled.wait_for(|settled| *settled >= mark)).await {
            Ok(Ok(_)) => Ok(()),
            // Alone, there is nobody who would have to know.
            _ if !strictly && self.goes_on_alone() => Ok(()),
            _ => Err(Busy::Unanswered),
        }
    }
}

/// An envelope for the sessions that came from a node, by the digits of their ids that name it.
fn only(node: u32, envelope: &Envelope) -> Envelope {
    let filter = Filter::parse(&format!("substring(connectionId,22,8) eq '{node:08x}'"));
    // What is held back by a worker comes from a client, which has no filters.
    Envelope { filter: filter.ok().map(Arc::new), ..envelope.clone() }
}

impl Item {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Frame { frame, .. } | Self::Direct { frame, .. } => frame.len(),
            Self::Letter { letter, .. } => letter.bytes(),
            Self::Append(append) => append.bytes.len(),
            _ => 0,
        }
    }
}
