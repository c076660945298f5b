//! A node's part in the log and the registry: what it appends, what it applies, and what it keeps of its sessions. Sans-IO.
//!
//! Everything that decides what sessions of a hub with a log receive stands in the log, in one order for all nodes, and takes effect when it
//! comes back from there. So a session is a function of its record, which the registry keeps, and of the log behind it. A checkpoint says how
//! far that is: whatever has changed since the last one is recorded, then the node's own record says up to where nothing else has changed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hubwire_hub::{
    Act, Author, Busy, Command, Entry, Event, Letter, Luggage, Parting, Recipient, Refusal, Router as _,
};
use hubwire_protocol::{ConnectionId, HubName};
use prost::Message;
use tokio::sync::oneshot;

use super::calls::Caller;
use super::farewells::Farewells;
use super::handover::ANY_HUB;
use super::log_entry;
use super::log_schema::NodeRecord;
use super::mesh::{Errand, Mesh};
use super::pieces::Line;
use super::registry::{Progress, Record, Registry, Store, Stored, Write};
use super::schema::VERSION_OF_PUBLISHERS;
use super::settings::LogSettings;

/// Entries that may come while sessions are taken from a dead node; beyond it the attempt is given up, and begins anew.
const TAIL_ENTRIES_MAX: usize = 1 << 18;

/// Something that is to stand in the log.
pub(crate) struct Append {
    pub(crate) bytes: Bytes,
    /// What stands in the log once, however often it is sent.
    pub(crate) message_id: String,
    pub(crate) waiter: Waiter,
}

/// Who is told that an entry is in the log, or is not.
pub(crate) enum Waiter {
    /// A client, which waits for the entry itself.
    Client(Author),
    /// An application.
    Caller(oneshot::Sender<Result<(), Busy>>),
    /// Nodes are to say what came of a command: its ticket.
    Call(u64),
    /// The last record of a session, which is erased when all that the session leaves to be said is there: which part of that it is.
    Farewell { connection: ConnectionId, index: usize },
    /// Nobody.
    Nobody,
}

/// What came of appending: where that stands which has the same id and stood there already, if something does.
pub(crate) type Appended = Result<Option<u64>, Busy>;

/// The state of a node's part in the log.
pub(crate) struct Ledger {
    pub(super) settings: Arc<LogSettings>,
    /// The latest entry that was handed to the shards.
    pub(super) position: u64,
    pub(super) registry: Registry,
    /// Sessions that have begun and are not kept yet, by the items that brought them.
    unsettled: BTreeMap<u64, ConnectionId>,
    /// The revision of this node's own record.
    node_revision: u64,
    checkpoint: Checkpoint,
    pub(super) next_checkpoint_ms: u64,
    pub(super) next_sweep_ms: u64,
    pub(super) sweeping: bool,
    /// Entries that have come since a sweep began.
    pub(super) tail: Vec<(u64, Arc<Entry>)>,
    /// Whether these are all.
    pub(super) tail_is_whole: bool,
    /// Nodes that have said goodbye.
    pub(super) departed: BTreeSet<u32>,
    /// Nodes whose sessions are here, and whose records are to go with the next checkpoint, or the one after it.
    pub(super) taken: Vec<(u32, bool)>,
    /// The revision of the latest claim whose sessions are here.
    pub(super) term: u64,
    /// Sessions that are on their way into the shards.
    pub(super) arriving: Vec<Arriving>,
    /// What sessions that have ended leave to be said.
    pub(super) farewells: Farewells,
    /// Another node has taken the sessions of this one.
    pub(super) fenced: bool,
}

/// Sessions of dead nodes.
pub(super) struct Arriving {
    /// The dead nodes.
    pub(super) of: Vec<u32>,
    /// The nodes where the sessions began.
    pub(super) origins: BTreeSet<u32>,
    /// The revision of the claim.
    pub(super) term: u64,
}

/// How far a checkpoint is.
#[derive(Debug, Default)]
enum Checkpoint {
    #[default]
    None,
    /// The shards are asked what has changed.
    Asking,
    /// Records of so many sessions are being written.
    Recording(u64, HashSet<ConnectionId>),
    /// The node's own record is being written.
    Closing,
}

impl Ledger {
    /// Begins behind a position of the log, with the node's own record as this revision.
    pub(crate) fn new(settings: Arc<LogSettings>, position: u64, node_revision: u64, now_ms: u64) -> Self {
        Self {
            next_checkpoint_ms: now_ms + settings.checkpoint_interval_ms,
            // Nodes have to have heard of each other before one can be missed.
            next_sweep_ms: now_ms + 2 * settings.sweep_interval_ms,
            settings,
            position,
            registry: Registry::default(),
            unsettled: BTreeMap::new(),
            node_revision,
            checkpoint: Checkpoint::None,
            sweeping: false,
            tail: Vec::new(),
            tail_is_whole: true,
            departed: BTreeSet::new(),
            taken: Vec::new(),
            term: 0,
            arriving: Vec::new(),
            farewells: Farewells::default(),
            fenced: false,
        }
    }

    /// The item of the oldest session that is not kept yet.
    pub(super) fn first_unsettled(&self) -> Option<u64> {
        self.unsettled.keys().next().copied()
    }

    /// When there is next something to do.
    pub(super) fn next_due_ms(&self) -> u64 {
        self.next_checkpoint_ms.min(self.next_sweep_ms)
    }

    /// The other nodes whose sessions this one has, and whose clients find them in its shards.
    pub(super) fn keeps(&self, own: u32) -> Vec<u32> {
        let arrives = |node: &u32| self.arriving.iter().any(|arriving| arriving.origins.contains(node));
        let mut kept = self.registry.origins_but(own);
        kept.retain(|node| !arrives(node));
        kept
    }

    fn settle(&mut self, connection: ConnectionId) {
        self.unsettled.retain(|_, unsettled| *unsettled != connection);
    }
}

impl Mesh {
    /// Takes part in the log from now on.
    pub(crate) fn begin_log(&mut self, ledger: Ledger) {
        self.local.tell_all(&Letter::LogPosition(ledger.position));
        self.ledger = Some(ledger);
    }

    /// Whether another node has taken the sessions of this one, which must end therefore.
    pub(crate) fn is_fenced(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.fenced)
    }

    /// Has something put into the log.
    pub(super) fn append(&mut self, append: Append) {
        self.backlog.log_entries.fetch_add(1, Ordering::Relaxed);
        self.backlog.log_bytes.fetch_add(append.bytes.len(), Ordering::Relaxed);
        self.errands.push(Errand::Append(append));
    }

    /// A command that goes through the log: every node says what came of it when it gets there.
    pub(super) fn append_call(&mut self, hub: HubName, command: Command, caller: Caller) {
        let strict = super::calls::is_about_one(&command);
        let own = self.backlog.node;
        let nodes: HashSet<u32> = self.peers.keys().copied().chain([own]).collect();
        let due_ms = self.now_ms + self.limits.answer_timeout_ms;
        let ticket = self.calls.begin(nodes.into_iter().collect(), due_ms, strict, caller);
        let entry = Entry { hub, author: None, act: Act::Command(command) };
        let bytes = log_entry::encode(&entry, Some((own, ticket)));
        let message_id = self.backlog.next_message_id();
        self.append(Append { bytes, message_id, waiter: Waiter::Call(ticket) });
    }

    /// Takes in whether an entry is in the log.
    pub(super) fn appended(&mut self, waiter: Waiter, bytes: usize, outcome: Appended) {
        self.backlog.log_entries.fetch_sub(1, Ordering::Relaxed);
        self.backlog.log_bytes.fetch_sub(bytes, Ordering::Relaxed);
        match outcome {
            Ok(_) => metrics::counter!("webpubsub_log_entries_appended_total").increment(1),
            Err(_) => metrics::counter!("webpubsub_log_refusals_total").increment(1),
        }
        match waiter {
            Waiter::Client(author) => {
                let refusal = match outcome {
                    Ok(None) => None,
                    Ok(Some(_)) => Some(Refusal::Duplicate),
                    Err(Busy::TooLarge) => Some(Refusal::TooLarge),
                    Err(_) => Some(Refusal::NotStored),
                };
                if let Some(refusal) = refusal {
                    let letter = Letter::AppendRefused { author, refusal };
                    self.local.send(&Recipient::Owner(author.connection), &letter);
                }
            }
            // Whoever asked may have gone away by now.
            Waiter::Caller(caller) => drop(caller.send(outcome.map(drop))),
            Waiter::Call(ticket) => {
                if let Err(busy) = outcome {
                    self.calls.fail(ticket, busy);
                }
            }
            Waiter::Farewell { connection, index } => self.farewell_said(connection, index, &outcome),
            Waiter::Nobody => {}
        }
    }

    /// Hands what stands in the log to the shards. Lines come in the order of the log.
    pub(crate) fn take_line(&mut self, position: u64, line: Line) {
        let Some(ledger) = self.ledger.as_mut().filter(|ledger| position > ledger.position) else {
            return;
        };
        if position > ledger.position + 1 || line == Line::Torn {
            metrics::counter!("webpubsub_log_gaps_total").increment(1);
            tracing::error!(
                from = ledger.position + 1,
                to = position,
                "the log has dropped entries before this node read them: sessions here may have missed messages, and end"
            );
            self.local.tell_all(&Letter::LogMissed);
            ledger.tail_is_whole = false;
        }
        ledger.position = position;
        let Line::Entry(bytes) = line else {
            return;
        };
        metrics::counter!("webpubsub_log_entries_applied_total").increment(1);
        let log_entry::Read { entry, asker } = match log_entry::decode(bytes) {
            Ok(read) => read,
            Err(error) => return super::arrival::refuse(&error),
        };
        let entry = Arc::new(entry);
        if ledger.sweeping {
            if ledger.tail.len() < TAIL_ENTRIES_MAX {
                ledger.tail.push((position, entry.clone()));
            } else {
                ledger.tail_is_whole = false;
            }
        }
        let reply = self.local.apply(position, entry);
        if let (Some(reply), Some((node, ticket))) = (reply, asker) {
            self.errands.push(Errand::Answer { node, ticket, reply, joins: false });
        }
    }

    /// A session has begun: keeps it. What comes behind the item is settled only when that is done. Or a plain publisher has opened a stream, and
    /// waits until it is kept as it is now.
    pub(super) fn keep(&mut self, session: &Luggage) {
        let record = Record { is_awaited: !session.subprotocol.is_reliable(), ..self.record(session) };
        let item = self.items;
        // A node of an older version would take a plain publisher for a session.
        let is_old = self.peers.values().any(|peer| peer.version < VERSION_OF_PUBLISHERS);
        if let Some(ledger) = &mut self.ledger {
            if record.is_awaited && is_old && !ledger.registry.goes_on(session.id) {
                return self.tell_kept(session.id, record.position);
            }
            if !record.is_awaited {
                ledger.unsettled.insert(item, session.id);
            }
            let store = ledger.registry.begin(session.id, record);
            self.store(store);
        }
    }

    fn tell_kept(&self, connection: ConnectionId, position: u64) {
        self.local.send(&Recipient::Owner(connection), &Letter::Kept { connection, position });
    }

    fn record(&self, session: &Luggage) -> Record {
        let bytes = log_entry::session(self.backlog.node, session);
        Record { bytes, position: session.position, is_awaited: false }
    }

    /// A session, or a plain publisher, has ended: what is kept of it goes, and then all is said and told that it leaves.
    pub(super) fn forget(&mut self, parting: Box<Parting>) {
        let (bytes, connection) = (log_entry::ended(self.backlog.node, &parting), parting.end.connection);
        if let Some(ledger) = &mut self.ledger {
            ledger.settle(connection);
            if !ledger.registry.goes_on(connection) {
                // It was too large to be kept, or is another node's now: only the first of these is this node's to tell.
                if !ledger.fenced {
                    self.part(*parting, None);
                }
                return;
            }
            let store = ledger.registry.write(connection, Write::End(bytes, parting));
            self.store(store);
        }
    }

    /// Says and tells what a session leaves, whose last record this is.
    pub(super) fn part(&mut self, parting: Parting, revision: Option<u64>) {
        let Parting { end, is_told, farewells } = parting;
        self.say_farewells(end.connection, revision, &farewells);
        if !is_told {
            self.tell(end);
        }
    }

    /// Has a worker tell its application.
    pub(super) fn tell(&self, event: impl Into<Box<Event>>) {
        let event = event.into();
        self.local.send(&Recipient::Owner(event.connection), &Letter::Tell(event));
    }

    fn store(&mut self, store: Option<Store>) {
        self.errands.extend(store.map(Errand::Store));
    }

    /// Takes in what came of a write.
    pub(super) fn stored(&mut self, connection: ConnectionId, stored: Stored) {
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        let Progress { next, kept, ended, over } = ledger.registry.stored(connection, stored);
        if matches!(stored, Stored::Revision(_)) {
            ledger.settle(connection);
        }
        let waits = next.is_some();
        self.store(next);
        if let Some(position) = kept {
            self.tell_kept(connection, position);
        }
        if let Some((parting, revision)) = ended {
            self.part(*parting, Some(revision));
        }
        match stored {
            Stored::Lost if !over => {
                tracing::error!(%connection, "another node has a session of this one");
                if let Some(ledger) = &mut self.ledger {
                    ledger.fenced = true;
                }
            }
            Stored::TooLarge => {
                metrics::counter!("webpubsub_log_records_refused_total").increment(1);
                tracing::error!(%connection, "a session is larger than NATS takes, so that it cannot be kept, and ends: max_payload of the NATS servers");
                self.local.send(&Recipient::Owner(connection), &Letter::Unkept(connection));
            }
            _ => {}
        }
        if !waits {
            self.recorded(connection);
        }
    }

    /// Does what is due: checkpoints, and looking for nodes that are dead.
    pub(super) fn keep_log_time(&mut self) {
        let now_ms = self.now_ms;
        let cut_off = self.backlog.cut_off.load(Ordering::Relaxed);
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        metrics::gauge!("webpubsub_log_position").set(ledger.position as f64);
        metrics::gauge!("webpubsub_log_sessions").set(ledger.registry.len() as f64);
        if now_ms >= ledger.next_checkpoint_ms {
            ledger.next_checkpoint_ms = now_ms + ledger.settings.checkpoint_interval_ms;
            if matches!(ledger.checkpoint, Checkpoint::None)
                && !cut_off
                && let Ok(hub) = HubName::parse(ANY_HUB)
            {
                ledger.checkpoint = Checkpoint::Asking;
                ledger.taken.iter_mut().for_each(|(_, recorded)| *recorded = true);
                // Behind every entry that the shards have been given, and in front of those that come.
                let (position, reply) = (ledger.position, self.local.execute(hub, Command::Record));
                self.errands.push(Errand::Record { position, reply });
            }
            if !cut_off {
                self.send_farewells();
            }
        }
        self.keep_sweep_time(cut_off);
    }

    /// The shards have said what has changed; or could not.
    pub(super) fn checkpoint(&mut self, position: u64, sessions: Option<Vec<Luggage>>) {
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        let Some(sessions) = sessions else {
            ledger.checkpoint = Checkpoint::None;
            return;
        };
        metrics::counter!("webpubsub_log_records_total").increment(sessions.len() as u64);
        for session in &sessions {
            let write = Write::Record(self.record(session));
            let store = self.ledger.as_mut().and_then(|ledger| ledger.registry.write(session.id, write));
            self.store(store);
        }
        if let Some(ledger) = &mut self.ledger {
            // Who has ended since has nothing left to be recorded, nor has who was recorded later.
            let connections = sessions.iter().map(|session| session.id);
            let connections = connections.filter(|id| ledger.registry.is_recording(*id)).collect();
            ledger.checkpoint = Checkpoint::Recording(position, connections);
        }
        self.close_checkpoint();
    }

    /// Nothing of a session waits to be written.
    fn recorded(&mut self, connection: ConnectionId) {
        if let Some(Checkpoint::Recording(_, waiting)) =
            self.ledger.as_mut().map(|ledger| &mut ledger.checkpoint)
        {
            waiting.remove(&connection);
            self.close_checkpoint();
        }
    }

    fn close_checkpoint(&mut self) {
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        if let Checkpoint::Recording(position, waiting) = &ledger.checkpoint
            && waiting.is_empty()
        {
            let record = NodeRecord { position: *position, heir: None };
            let (bytes, expected) = (record.encode_to_vec().into(), ledger.node_revision);
            ledger.checkpoint = Checkpoint::Closing;
            self.errands.push(Errand::Checkpoint { bytes, expected });
        }
    }

    /// Takes in what came of writing this node's own record.
    pub(super) fn checkpointed(&mut self, stored: Stored) {
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        ledger.checkpoint = Checkpoint::None;
        match stored {
            Stored::Revision(revision) => {
                ledger.node_revision = revision;
                metrics::counter!("webpubsub_log_checkpoints_total").increment(1);
                let (registry, farewells) = (&ledger.registry, &ledger.farewells);
                let waits = |node: u32| registry.awaits(node) || farewells.awaits(node);
                let is_over = |(node, recorded): &mut (u32, bool)| *recorded && !waits(*node);
                let gone = ledger.taken.extract_if(.., is_over);
                self.errands.extend(gone.map(|(node, _)| Errand::EraseNode(node)));
            }
            Stored::Lost => ledger.fenced = true,
            // The next one says all that this one would have said.
            Stored::Unanswered | Stored::TooLarge => {}
        }
    }
}
