//! How a node's interests reach the others: all of them at the beginning of a link, then each change.

use bytes::Bytes;

use super::encode;
use super::mesh::Mesh;
use super::schema::{Content, Interest, Interests};
use crate::memory::SLOTS;

/// What this node has told the others of its interests: one bit for each slot, 8 KiB.
pub(super) struct Announced {
    slots: Box<[u8]>,
    pub(super) count: u32,
}

impl Default for Announced {
    fn default() -> Self {
        Self { slots: vec![0; SLOTS / 8].into(), count: 0 }
    }
}

impl Announced {
    /// Notes what a slot is now. Whether that is news.
    fn note(&mut self, slot: usize, interested: bool) -> bool {
        let (byte, bit) = (&mut self.slots[slot / 8], 1 << (slot % 8));
        if (*byte & bit != 0) == interested {
            return false;
        }
        *byte ^= bit;
        self.count = if interested { self.count + 1 } else { self.count - 1 };
        true
    }

    pub(super) fn frame(&self) -> Bytes {
        encode::frame(Content::Interests(Interests { slots: Bytes::copy_from_slice(&self.slots) }))
    }
}

impl Mesh {
    /// Tells the others what a slot is now, if they do not know. It is looked up here and not where it changed: two workers may change a slot
    /// at the same time, and what they say could arrive in the wrong order.
    pub(super) fn announce(&mut self, slot: usize) {
        let interested = self.local.table().bits(slot) != 0;
        if !self.announced.note(slot, interested) {
            return;
        }
        let frame = encode::frame(Content::Interest(Interest { slot: slot as u32, interested }));
        for peer in self.peers.values_mut() {
            peer.outgoing.push(frame.clone(), self.items);
        }
    }

    /// Takes in all interests of a peer.
    pub(super) fn learn_all(&mut self, node: u32, interests: &Interests) {
        let Some(peer) = self.peers.get_mut(&node).filter(|_| interests.slots.len() == SLOTS / 8) else {
            return;
        };
        peer.introduced = true;
        for slot in 0..SLOTS {
            let interested = interests.slots[slot / 8] & 1 << (slot % 8) != 0;
            self.backlog.table.set(slot, peer.bit, interested);
        }
    }

    /// Takes in a change.
    pub(super) fn learn(&mut self, node: u32, interest: Interest) {
        let slot = interest.slot as usize;
        if let Some(peer) = self.peers.get(&node).filter(|_| slot < SLOTS) {
            self.backlog.table.set(slot, peer.bit, interest.interested);
        }
    }
}
