use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::disk::DiskStore;
use crate::entry::entry_bytes;
use crate::index::{Index, Next};
use crate::memory::MemoryStore;
use crate::store::{Found, Store};
use crate::{Counts, DeadLetter, Delivery, Entry, Error, Failure, Limits, Serial, Which};

/// Expired entries that one call parks at most.
const EXPIRED_PER_CALL: usize = 256;
/// Dead letters that one call revives at most in one write.
const REVIVED_TOGETHER: usize = 256;

/// Where an outbox is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In memory: what waits is lost with the process.
    Memory,
    /// In a folder: what waits outlives the process.
    Folder(PathBuf),
}

/// What waits to be delivered. Shared by those who append and those who deliver.
pub struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    limits: Limits,
    store: Store,
    index: Index,
    dead: BTreeMap<Serial, DeadLetter>,
    next_serial: Serial,
    counts: Counts,
    /// Something was written since the last sync.
    unsynced: bool,
}

impl Outbox {
    /// Opens an outbox with what it held when it was last closed, or killed. Lives that were not ended are ended now.
    ///
    /// # Errors
    /// [`Error`] if the folder cannot be used.
    pub fn open(place: &Place, limits: Limits, now_ms: u64) -> Result<Self, Error> {
        let (store, found) = match place {
            Place::Memory => (Store::Memory(MemoryStore::default()), Found::default()),
            Place::Folder(folder) => {
                let (store, found) = DiskStore::open(folder)?;
                (Store::Disk(store), found)
            }
        };
        let mut state = State {
            limits,
            store,
            index: Index::default(),
            dead: BTreeMap::new(),
            next_serial: 1,
            counts: Counts::default(),
            unsynced: false,
        };
        let problem = |problem| match place {
            Place::Folder(path) => Error::Storage { path: path.clone(), problem },
            Place::Memory => Error::Storage { path: PathBuf::new(), problem },
        };
        state.take_in(found, now_ms).map_err(problem)?;
        Ok(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the bounds for all that follows.
    pub fn set_limits(&self, limits: Limits) {
        self.state().limits = limits;
    }

    /// Keeps entries. When this returns, those that were taken outlive the process, if the outbox is kept in a folder. Answers how many were
    /// refused: the outbox is full, or its folder cannot be written; they are counted, and nothing else happens to them.
    pub fn append(&self, entries: Vec<Entry>) -> usize {
        if entries.is_empty() {
            return 0;
        }
        let refused = self.state().append(entries);
        self.changed.notify_one();
        refused
    }

    /// Takes entries that are due, one of each lane, as long as there is room for one more. What came of each must be said by
    /// [`Outbox::delivered`], [`Outbox::failed`] or [`Outbox::park`].
    ///
    /// A destination has no more under way than there is still room for others, so one that hangs never takes the last place.
    pub fn take_due(&self, now_ms: u64, room: usize) -> Vec<Delivery> {
        self.state().take_due(now_ms, room)
    }

    /// When [`Outbox::take_due`] next has something for this room, in milliseconds since 1970, unless something changes before.
    pub fn next_due_ms(&self, room: usize) -> Option<u64> {
        self.state().index.next_due_ms(room)
    }

    /// Comes back when something has changed since it last did.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// An entry has reached its destination.
    pub fn delivered(&self, serial: Serial) {
        let mut state = self.state();
        if state.index.delivered(serial) {
            state.store.remove(serial);
            state.counts.delivered += 1;
            state.unsynced = true;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// An entry was not delivered. It is tried again, or given up if it is too old.
    pub fn failed(&self, serial: Serial, failure: &Failure, now_ms: u64) {
        self.state().failed(serial, failure, now_ms);
        self.changed.notify_one();
    }

    /// An entry will never be delivered: its destination has said so.
    pub fn park(&self, serial: Serial, reason: &str, attempts: u32, now_ms: u64) {
        let mut state = self.state();
        state.park(serial, reason, attempts, now_ms);
        state.index.delivered(serial);
        drop(state);
        self.changed.notify_one();
    }

    /// Dead letters in the order of their serials: those after one, at most so many.
    pub fn dead_letters(&self, after: Serial, limit: usize) -> Vec<DeadLetter> {
        let state = self.state();
        let after = state.dead.range(after.saturating_add(1)..);
        after.take(limit).map(|(_, letter)| letter.clone()).collect()
    }

    /// Makes dead letters entries again, at the ends of their lanes and in the order in which they were raised. Answers how many.
    ///
    /// # Errors
    /// What the storage says.
    pub fn replay(&self, which: &Which, now_ms: u64) -> Result<usize, String> {
        let revived = self.state().replay(which, now_ms);
        self.changed.notify_one();
        revived
    }

    /// Forgets dead letters. Answers how many.
    ///
    /// # Errors
    /// What the storage says.
    pub fn drop_dead(&self, which: &Which) -> Result<usize, String> {
        let mut state = self.state();
        let serials = state.meant(which);
        state.store.drop_dead(&serials)?;
        for serial in &serials {
            state.dead.remove(serial);
        }
        Ok(serials.len())
    }

    /// What it holds, and has done.
    pub fn counts(&self) -> Counts {
        let state = self.state();
        Counts {
            pending: state.index.entries() as u64,
            pending_bytes: state.index.bytes() as u64,
            in_flight: state.index.in_flight() as u64,
            dead: state.dead.len() as u64,
            ..state.counts
        }
    }

    /// Has everything survive a power loss that was said so far. To be called now and then.
    ///
    /// # Errors
    /// What the storage says.
    pub fn sync(&self) -> Result<(), String> {
        let mut state = self.state();
        if !std::mem::take(&mut state.unsynced) {
            return Ok(());
        }
        state.store.settle(true)
    }
}

impl State {
    fn take_in(&mut self, found: Found, now_ms: u64) -> Result<(), String> {
        let serials = found.pending.iter().chain(&found.dead).map(|(serial, _)| *serial);
        self.next_serial = 1 + serials.max().unwrap_or_default();
        for (serial, record) in found.pending {
            self.index.add(serial, &record.entry());
        }
        for (serial, record) in found.dead {
            self.dead.insert(serial, record.dead_letter(serial));
        }
        if found.lives.is_empty() {
            return Ok(());
        }
        tracing::info!(
            lives = found.lives.len(),
            "the process ended before it could tell these ends; they are told now"
        );
        let farewells = found.lives.into_iter().map(|life| Entry { raised_ms: now_ms, ..life.entry() });
        let numbered = self.number(farewells.collect());
        self.store.append(&numbered)?;
        for (serial, entry) in &numbered {
            self.index.add(*serial, entry);
        }
        match &mut self.store {
            Store::Disk(store) => store.forget_lives(),
            Store::Memory(_) => Ok(()),
        }
    }

    fn number(&mut self, entries: Vec<Entry>) -> Vec<(Serial, Entry)> {
        let numbered = entries.into_iter().map(|entry| {
            self.next_serial += 1;
            (self.next_serial - 1, entry)
        });
        numbered.collect()
    }

    fn append(&mut self, mut entries: Vec<Entry>) -> usize {
        let (mut count, mut bytes) = (self.index.entries(), self.index.bytes());
        let fits = |entry: &Entry| {
            if !entry.life.is_delivered() {
                // Lives are as many as whatever they belong to, which is bounded elsewhere.
                return true;
            }
            count += 1;
            bytes += entry_bytes(entry.body.len());
            count <= self.limits.entries_max && bytes <= self.limits.bytes_max
        };
        let before = entries.len();
        entries.retain(fits);
        let mut refused = before - entries.len();
        let numbered = self.number(entries);
        if let Err(error) = self.store.append(&numbered) {
            tracing::error!(error, entries = numbered.len(), "events cannot be stored, and are lost");
            refused += numbered.len();
        } else {
            for (serial, entry) in numbered.iter().filter(|(_, entry)| entry.life.is_delivered()) {
                self.index.add(*serial, entry);
            }
            self.unsynced = true;
        }
        self.counts.refused += refused as u64;
        refused
    }

    fn take_due(&mut self, now_ms: u64, room: usize) -> Vec<Delivery> {
        let expired = self.index.take_expired(now_ms, self.limits.retention_ms, EXPIRED_PER_CALL);
        for (serial, attempts) in expired {
            self.park(serial, "its destination was away for too long", attempts, now_ms);
            self.index.given_up(serial);
        }
        let due = self.index.take_due(now_ms, room);
        let mut deliveries = Vec::with_capacity(due.len());
        for due in due {
            match self.store.body(due.serial) {
                Ok(body) => deliveries.push(Delivery {
                    serial: due.serial,
                    destination: due.destination,
                    lane: due.lane,
                    raised_ms: due.raised_ms,
                    attempts: due.attempts,
                    body,
                }),
                Err(error) => {
                    tracing::error!(error, serial = due.serial, "an event cannot be read; it is tried again");
                    self.failed(due.serial, &Failure::Refused(error), now_ms);
                }
            }
        }
        deliveries
    }

    fn failed(&mut self, serial: Serial, failure: &Failure, now_ms: u64) {
        self.counts.failed += 1;
        if let Some(Next::GivenUp(attempts)) =
            self.index.failed(serial, failure, now_ms, self.limits.retention_ms)
        {
            self.park(serial, failure.reason(), attempts, now_ms);
            self.index.given_up(serial);
        }
    }

    fn park(&mut self, serial: Serial, reason: &str, attempts: u32, now_ms: u64) {
        match self.store.park(serial, reason, now_ms, attempts) {
            Ok(record) => {
                self.counts.parked += 1;
                self.unsynced = true;
                tracing::warn!(
                    serial,
                    destination = record.destination,
                    reason,
                    attempts,
                    "an event is given up, and kept as a dead letter"
                );
                self.dead.insert(serial, record.dead_letter(serial));
            }
            Err(error) => tracing::error!(error, serial, reason, "an event is given up, and cannot be kept"),
        }
        while self.dead.len() > self.limits.dead_letters_max
            && let Some((oldest, _)) = self.dead.pop_first()
        {
            self.counts.dropped += 1;
            if let Err(error) = self.store.drop_dead(&[oldest]) {
                tracing::error!(error, serial = oldest, "a dead letter cannot be dropped");
            }
        }
    }

    fn meant(&self, which: &Which) -> Vec<Serial> {
        let meant = |(serial, letter): &(&Serial, &DeadLetter)| match which {
            Which::All => true,
            Which::One(one) => *serial == one,
            Which::Destination(name) => letter.destination == *name,
        };
        self.dead.iter().filter(meant).map(|(serial, _)| *serial).collect()
    }

    fn replay(&mut self, which: &Which, now_ms: u64) -> Result<usize, String> {
        let meant = self.meant(which);
        for together in meant.chunks(REVIVED_TOGETHER) {
            let renumbered: Vec<_> = together
                .iter()
                .map(|dead| {
                    self.next_serial += 1;
                    (*dead, self.next_serial - 1)
                })
                .collect();
            for (serial, entry) in self.store.revive(&renumbered)? {
                // Its time begins anew: otherwise it would be given up at its first failure.
                self.index.add(serial, &Entry { raised_ms: now_ms, ..entry });
            }
            for dead in together {
                self.dead.remove(dead);
            }
        }
        self.unsynced = true;
        Ok(meant.len())
    }
}
