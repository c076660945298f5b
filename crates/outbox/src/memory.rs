use std::collections::HashMap;

use bytes::Bytes;

use crate::store::Record;
use crate::{Entry, Serial};

/// Keeps entries as long as the process lives.
#[derive(Default)]
pub(crate) struct MemoryStore {
    pending: HashMap<Serial, Record>,
    dead: HashMap<Serial, Record>,
}

const MISSING: &str = "there is no such entry";

impl MemoryStore {
    pub(crate) fn append(&mut self, entries: &[(Serial, Entry)]) -> Result<(), String> {
        let kept = entries.iter().filter(|(_, entry)| entry.life.is_delivered());
        self.pending.extend(kept.map(|(serial, entry)| (*serial, Record::of(entry))));
        Ok(())
    }

    pub(crate) fn body(&self, serial: Serial) -> Result<Bytes, String> {
        self.pending.get(&serial).map(|record| record.body.clone()).ok_or_else(|| MISSING.to_owned())
    }

    pub(crate) fn remove(&mut self, serial: Serial) {
        self.pending.remove(&serial);
    }

    pub(crate) fn park(
        &mut self,
        serial: Serial,
        reason: &str,
        parked_ms: u64,
        attempts: u32,
    ) -> Result<Record, String> {
        let mut record = self.pending.remove(&serial).ok_or_else(|| MISSING.to_owned())?;
        (record.reason, record.parked_ms, record.attempts) = (reason.to_owned(), parked_ms, attempts);
        self.dead.insert(serial, record.clone());
        Ok(record)
    }

    pub(crate) fn revive(&mut self, serials: &[(Serial, Serial)]) -> Result<Vec<(Serial, Entry)>, String> {
        let mut revived = Vec::with_capacity(serials.len());
        for (dead, serial) in serials {
            let record = self.dead.remove(dead).ok_or_else(|| MISSING.to_owned())?;
            revived.push((*serial, record.entry()));
        }
        self.append(&revived)?;
        Ok(revived)
    }

    pub(crate) fn drop_dead(&mut self, serials: &[Serial]) -> Result<(), String> {
        for serial in serials {
            self.dead.remove(serial);
        }
        Ok(())
    }
}
