use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use hubwire_hub::Target;
use hubwire_protocol::{GroupName, HubName};

/// Slots of the table: 512 KiB for the process and 256 KiB more for each worker. With as many targets as slots, two of three
/// envelopes for a target that a worker has no part in still pass it by.
const SLOTS: usize = 1 << 16;

/// Which workers have recipients for a target: one bit per worker, in the slot that the target's hash names.
///
/// Publishers read it and workers write it without a lock. Two targets in one slot make a worker see an envelope that it has no
/// recipients for, which is harmless; an envelope never passes by a worker that has some.
pub(super) struct InterestTable {
    slots: Box<[AtomicU64]>,
    /// Seeded at random, so that nobody can choose names that share a slot.
    hasher: RandomState,
}

impl Default for InterestTable {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }
}

impl InterestTable {
    /// The workers that an envelope must reach. A connection's owner stands in its id.
    pub(super) fn workers(&self, hub: &HubName, target: &Target) -> u64 {
        match target {
            Target::Connection(id) => 1_u64.checked_shl(u32::from(id.worker())).unwrap_or(0),
            target => self.slots[self.slot(hub, target)].load(Ordering::SeqCst),
        }
    }

    /// A number that all workers know a group by.
    pub(super) fn hash(&self, hub: &HubName, group: &GroupName) -> u64 {
        self.hasher.hash_one((hub, 0_u8, group.as_str()))
    }

    fn slot(&self, hub: &HubName, target: &Target) -> usize {
        let hash = match target {
            Target::Group(group) => self.hash(hub, group),
            Target::User(user) => self.hasher.hash_one((hub, 1_u8, user.as_str())),
            Target::Hub | Target::Connection(_) => self.hasher.hash_one((hub, 2_u8)),
        };
        hash as usize % SLOTS
    }
}

/// One worker's part in the table: how many of its targets share each slot.
pub(super) struct Interests {
    bit: u64,
    counts: Box<[u32]>,
}

impl Interests {
    pub(super) fn new(worker: usize) -> Self {
        Self { bit: 1 << worker, counts: vec![0; SLOTS].into() }
    }

    pub(super) fn add(&mut self, table: &InterestTable, hub: &HubName, target: &Target) {
        let slot = table.slot(hub, target);
        self.counts[slot] += 1;
        if self.counts[slot] == 1 {
            table.slots[slot].fetch_or(self.bit, Ordering::SeqCst);
        }
    }

    pub(super) fn remove(&mut self, table: &InterestTable, hub: &HubName, target: &Target) {
        let slot = table.slot(hub, target);
        self.counts[slot] -= 1;
        if self.counts[slot] == 0 {
            table.slots[slot].fetch_and(!self.bit, Ordering::SeqCst);
        }
    }
}
