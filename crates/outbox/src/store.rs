use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use crate::disk::DiskStore;
use crate::memory::MemoryStore;
use crate::{DeadLetter, Entry, Life, Serial};

/// An entry or a dead letter as it is kept.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Record {
    #[prost(string, tag = "1")]
    pub(crate) destination: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) lane: Bytes,
    #[prost(uint64, tag = "3")]
    pub(crate) raised_ms: u64,
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) body: Bytes,
    /// From here on only of a dead letter.
    #[prost(string, tag = "5")]
    pub(crate) reason: String,
    #[prost(uint64, tag = "6")]
    pub(crate) parked_ms: u64,
    #[prost(uint32, tag = "7")]
    pub(crate) attempts: u32,
}

impl Record {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self {
            destination: entry.destination.as_ref().to_owned(),
            lane: Bytes::copy_from_slice(&entry.lane.to_be_bytes()),
            raised_ms: entry.raised_ms,
            body: entry.body.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn lane(&self) -> u128 {
        self.lane.as_ref().try_into().map_or(0, u128::from_be_bytes)
    }

    pub(crate) fn dead_letter(&self, serial: Serial) -> DeadLetter {
        DeadLetter {
            serial,
            destination: self.destination.clone(),
            lane: format!("{:032x}", self.lane()),
            raised_ms: self.raised_ms,
            parked_ms: self.parked_ms,
            attempts: self.attempts,
            reason: self.reason.clone(),
        }
    }

    pub(crate) fn entry(&self) -> Entry {
        Entry {
            destination: Arc::from(self.destination.as_str()),
            lane: self.lane(),
            raised_ms: self.raised_ms,
            body: self.body.clone(),
            life: Life::None,
        }
    }
}

/// Where entries are kept.
pub(crate) enum Store {
    /// As long as the process lives.
    Memory(MemoryStore),
    /// In a folder.
    Disk(DiskStore),
}

/// What a store held when it was opened.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) pending: Vec<(Serial, Record)>,
    pub(crate) dead: Vec<(Serial, Record)>,
    /// Ends that nobody has told.
    pub(crate) lives: Vec<Record>,
}

macro_rules! either {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Store::Memory($store) => $call,
            Store::Disk($store) => $call,
        }
    };
}

impl Store {
    /// Keeps entries, all or none.
    pub(crate) fn append(&mut self, entries: &[(Serial, Entry)]) -> Result<(), String> {
        either!(self, store => store.append(entries))
    }

    /// The body of an entry that waits.
    pub(crate) fn body(&self, serial: Serial) -> Result<Bytes, String> {
        either!(self, store => store.body(serial))
    }

    /// An entry has been delivered. It may come back after a crash, but not after [`Store::settle`].
    pub(crate) fn remove(&mut self, serial: Serial) {
        either!(self, store => store.remove(serial));
    }

    /// Makes an entry a dead letter.
    pub(crate) fn park(
        &mut self,
        serial: Serial,
        reason: &str,
        parked_ms: u64,
        attempts: u32,
    ) -> Result<Record, String> {
        either!(self, store => store.park(serial, reason, parked_ms, attempts))
    }

    /// Makes dead letters entries again, under new serials.
    pub(crate) fn revive(&mut self, serials: &[(Serial, Serial)]) -> Result<Vec<(Serial, Entry)>, String> {
        either!(self, store => store.revive(serials))
    }

    /// Forgets dead letters.
    pub(crate) fn drop_dead(&mut self, serials: &[Serial]) -> Result<(), String> {
        either!(self, store => store.drop_dead(serials))
    }

    /// Writes down what has been delivered. `safely` waits until it would survive a power loss.
    pub(crate) fn settle(&mut self, safely: bool) -> Result<(), String> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Disk(store) => store.settle(safely),
        }
    }
}
