//! Taking the sessions of dead nodes. The registry has a record of each node, which the node writes again and again; whoever writes itself into
//! the record of a dead one, in place of the revision that it has seen, has that node's sessions, and nobody else. Sans-IO.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hubwire_hub::{Command, Letter, Luggage, Parting, Routed};

use super::encode;
use super::ledger::Arriving;
use super::log_schema::Keeper;
use super::mesh::{Errand, Mesh};
use super::replay::{Replay, Replayed};
use super::schema::Content;

/// What the numbers of a session's events jump by when it is taken: its old node may have given some out that nobody recorded.
const EVENT_NUMBERS_JUMP: u64 = 1 << 20;

/// A look through the registry for nodes that are dead.
#[derive(Debug, Clone)]
pub(crate) struct Sweep {
    /// This node and all others that it knows.
    pub(crate) alive: Vec<u32>,
    /// Nodes that have said goodbye.
    pub(crate) departed: Vec<u32>,
    /// Nodes whose sessions are here already, though their records are still there.
    pub(crate) taken: Vec<u32>,
    /// The entry up to which the log is to be read: what comes behind it this node has kept.
    pub(crate) until: u64,
    /// A node that has not written its record for so long is dead, in milliseconds, if it was not heard of either.
    pub(crate) stale_ms: u64,
}

/// What a sweep has brought.
pub(crate) struct Swept {
    /// The nodes whose sessions this one has now.
    pub(crate) nodes: Vec<u32>,
    /// Their sessions, with all that the log says up to the sweep's beginning.
    pub(crate) replay: Option<Box<Replay>>,
    /// Sessions of theirs whose ends had been noted and may not have been told, what is to be erased of each, and the node that noted it.
    pub(crate) ended: Vec<(Parting, u64, u32)>,
    /// The revision of the latest claim: greater than that of whoever had these sessions before.
    pub(crate) term: u64,
    /// Dead nodes are left that have to be looked at again soon.
    pub(crate) again: bool,
}

impl Mesh {
    /// Looks for dead nodes, if it is time.
    pub(super) fn keep_sweep_time(&mut self, cut_off: bool) {
        let now_ms = self.now_ms;
        let alive = std::iter::once(self.backlog.node).chain(self.peers.keys().copied()).collect();
        let Some(ledger) = self.ledger.as_mut().filter(|ledger| now_ms >= ledger.next_sweep_ms) else {
            return;
        };
        ledger.next_sweep_ms = now_ms + ledger.settings.sweep_interval_ms;
        if ledger.sweeping || cut_off {
            return;
        }
        ledger.sweeping = true;
        ledger.tail.clear();
        ledger.tail_is_whole = true;
        let departed = ledger.departed.iter().copied().collect();
        let (until, stale_ms) = (ledger.position, ledger.settings.stale_ms);
        let taken = ledger.taken.iter().map(|(node, _)| *node).collect();
        self.errands.push(Errand::Sweep(Sweep { alive, departed, taken, until, stale_ms }));
    }

    /// A node is gone: its sessions wait for somebody.
    pub(super) fn sweep_soon(&mut self, departed: Option<u32>) {
        let now_ms = self.now_ms;
        if let Some(ledger) = &mut self.ledger {
            ledger.next_sweep_ms = now_ms;
            ledger.departed.extend(departed);
        }
    }

    /// Takes in what a sweep has brought; or nothing, if it failed.
    pub(super) fn swept(&mut self, swept: Option<Swept>) {
        /// How soon dead nodes are looked at again, in milliseconds.
        const AGAIN_MS: u64 = 100;
        let now_ms = self.now_ms;
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        ledger.sweeping = false;
        let tail = std::mem::take(&mut ledger.tail);
        let Some(Swept { nodes, replay, ended, term, again }) = swept else {
            ledger.next_sweep_ms = ledger.next_sweep_ms.min(now_ms + AGAIN_MS);
            return;
        };
        if again {
            ledger.next_sweep_ms = ledger.next_sweep_ms.min(now_ms + AGAIN_MS);
        }
        if !ledger.tail_is_whole {
            tracing::warn!("so much came while sessions were taken from a dead node that it begins anew");
            ledger.next_sweep_ms = now_ms;
            return;
        }
        if replay.as_ref().is_some_and(|replay| replay.furthest() > ledger.position) {
            // This node reads behind the one that has died.
            ledger.next_sweep_ms = ledger.next_sweep_ms.min(now_ms + AGAIN_MS);
            return;
        }
        for (parting, revision, owner) in ended {
            let connection = parting.end.connection;
            self.part(parting, Some(revision));
            if let Some(ledger) = &mut self.ledger {
                ledger.farewells.note_owner(connection, owner);
            }
        }
        let mut replies = Vec::new();
        if let Some(mut replay) = replay {
            tail.iter().for_each(|(position, entry)| replay.apply(*position, entry, 0));
            replies = self.restore(*replay, (&nodes, term));
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.taken.extend(nodes.iter().map(|node| (*node, false)));
        }
        if !nodes.is_empty() {
            self.errands.push(Errand::Restore { of: nodes, replies });
        }
    }

    /// Has the shards take sessions in, right behind the entry that they have been given last.
    fn restore(&mut self, replay: Replay, (of, term): (&[u32], u64)) -> Vec<Routed> {
        let (Replayed { sessions, ends, events }, mut revisions) = replay.finish();
        let Some(ledger) = &mut self.ledger else {
            return Vec::new();
        };
        let origins = sessions.iter().map(|session| session.id.node()).collect();
        ledger.arriving.push(Arriving { of: of.to_vec(), origins, term });
        let ids = sessions
            .iter()
            .map(|session| session.id)
            .chain(ends.iter().map(|parting| parting.end.connection));
        for id in ids {
            if let Some((revision, owner)) = revisions.remove(&id) {
                ledger.registry.adopt(id, revision, owner);
            }
        }
        metrics::counter!("webpubsub_sessions_taken_over_total").increment(sessions.len() as u64);
        let publishers = ends.iter().filter(|parting| parting.is_told).count() as u64;
        metrics::counter!("webpubsub_plain_publishers_ended_total").increment(publishers);
        for event in events {
            self.tell(event);
        }
        ends.into_iter().for_each(|parting| self.forget(Box::new(parting)));
        let unpack = |session: Luggage| {
            let session = Luggage { events: session.events + EVENT_NUMBERS_JUMP, ..session };
            self.local.execute_always(None, session.hub.clone(), Command::Unpack(session.into()))
        };
        sessions.into_iter().map(unpack).collect()
    }

    /// The sessions of dead nodes are in the shards of this one.
    pub(super) fn restored(&mut self, nodes: &[u32], sessions: usize) {
        tracing::info!(
            sessions,
            from = ?nodes.iter().map(|node| format!("{node:08x}")).collect::<Vec<_>>(),
            "the sessions of dead nodes are here now"
        );
        let own = self.backlog.node;
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        ledger.departed.retain(|node| !nodes.contains(node));
        ledger.next_checkpoint_ms = self.now_ms;
        let arrived = ledger.arriving.extract_if(.., |arriving| arriving.of == nodes);
        ledger.term = arrived.map(|arriving| arriving.term).fold(ledger.term, u64::max);
        let term = ledger.term;
        let mut origins = ledger.keeps(own);
        origins.extend(nodes.iter().filter(|node| **node != own));
        origins.iter().for_each(|node| self.backlog.set_keeper(*node, own, term));
        let frame = encode::frame(Content::Keeper(Keeper { nodes: origins.clone(), term }));
        for peer in self.peers.values_mut() {
            peer.outgoing.push(frame.clone(), self.items);
        }
        // Homes can answer them from here on.
        let origins = Arc::new(origins.into_iter().collect());
        self.local.tell_all(&Letter::SessionsTaken { origins, term });
    }

    /// Another node has the sessions that some nodes have begun.
    pub(super) fn learn_keeper(&mut self, keeper: u32, (nodes, term): (&[u32], u64)) {
        for node in nodes {
            if *node != self.backlog.node {
                self.backlog.set_keeper(*node, keeper, term);
            } else if let Some(ledger) = &mut self.ledger {
                tracing::error!(
                    keeper = format!("{keeper:08x}"),
                    "another node has taken the sessions of this one, since it was not heard of for too long"
                );
                ledger.fenced = true;
            }
        }
    }

    /// The nodes whose sessions this one has. Those that are still on their way into the shards it would not find if it was asked.
    pub(super) fn keeper_of(&self) -> Vec<u32> {
        let own = self.backlog.node;
        self.ledger.as_ref().map(|ledger| ledger.keeps(own)).unwrap_or_default()
    }

    /// How much of the log's bounds is taken.
    pub(super) fn measure_log(&self) {
        metrics::gauge!("webpubsub_log_waiting").set(self.backlog.log_entries.load(Ordering::Relaxed) as f64);
    }
}
