use std::sync::atomic::{AtomicU64, Ordering};

use hubwire_hub::Target;
use hubwire_protocol::{GroupName, HubName};

use crate::hashing::Hashing;

/// Slots of the table: 512 KiB for the process and 256 KiB more for each worker. With as many targets as slots, two of three
/// envelopes for a target that a worker has no part in still pass it by.
pub(crate) const SLOTS: usize = 1 << 16;

/// Which workers have recipients for a target: one bit per worker, in the slot that the target's hash names.
///
/// Publishers read it and workers write it without a lock. Two targets in one slot make a worker see an envelope that it has no
/// recipients for, which is harmless; an envelope never passes by a worker that has some.
pub(crate) struct InterestTable {
    slots: Box<[AtomicU64]>,
    hashing: Hashing,
}

impl InterestTable {
    pub(crate) fn new(hashing: Hashing) -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), hashing }
    }

    /// The bits in a slot: who has recipients for the targets that share it.
    pub(crate) fn bits(&self, slot: usize) -> u64 {
        self.slots[slot].load(Ordering::SeqCst)
    }

    /// Sets or clears one bit in a slot.
    pub(crate) fn set(&self, slot: usize, bit: u64, interested: bool) {
        if interested {
            self.slots[slot].fetch_or(bit, Ordering::SeqCst);
        } else {
            self.slots[slot].fetch_and(!bit, Ordering::SeqCst);
        }
    }

    /// The bits in the slot of a target that is no connection.
    pub(crate) fn interested(&self, hub: &HubName, target: &Target) -> u64 {
        self.bits(self.slot(hub, target))
    }

    /// A number that all workers know a group by.
    pub(crate) fn hash(&self, hub: &HubName, group: &GroupName) -> u64 {
        self.hashing.hash(hub, 0, group.as_str())
    }

    fn slot(&self, hub: &HubName, target: &Target) -> usize {
        let hash = match target {
            Target::Group(group) => self.hash(hub, group),
            Target::User(user) => self.hashing.hash(hub, 1, user.as_str()),
            Target::Hub | Target::Connection(_) => self.hashing.hash(hub, 2, ""),
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

    /// Counts a target. Answers the slot if the process had no recipients there before.
    pub(super) fn add(&mut self, table: &InterestTable, hub: &HubName, target: &Target) -> Option<usize> {
        let slot = table.slot(hub, target);
        self.counts[slot] += 1;
        (self.counts[slot] == 1 && table.slots[slot].fetch_or(self.bit, Ordering::SeqCst) == 0)
            .then_some(slot)
    }

    /// Takes a target back. Answers the slot if the process has no recipients there any more.
    pub(super) fn remove(&mut self, table: &InterestTable, hub: &HubName, target: &Target) -> Option<usize> {
        let slot = table.slot(hub, target);
        self.counts[slot] -= 1;
        let last = |before: u64| before == self.bit;
        (self.counts[slot] == 0 && last(table.slots[slot].fetch_and(!self.bit, Ordering::SeqCst)))
            .then_some(slot)
    }
}
