use std::path::Path;

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch as WriteBatch, PersistMode};
use prost::Message;

use crate::store::{Found, Record};
use crate::{Entry, Error, Life, Serial};

/// Delivered entries that are forgotten together: so many may be delivered once more after a crash.
const SETTLED_TOGETHER: usize = 64;
/// What the storage may keep of recent reads, in bytes: bodies are read once, soon after they were written.
const CACHE_BYTES: u64 = 8 << 20;

/// Keeps entries in a folder. What has been appended is with the operating system when the call returns, so it outlives this process.
pub(crate) struct DiskStore {
    database: Database,
    pending: Keyspace,
    dead: Keyspace,
    lives: Keyspace,
    /// Delivered, and not written down yet.
    settled: Vec<Serial>,
}

impl DiskStore {
    pub(crate) fn open(folder: &Path) -> Result<(Self, Found), Error> {
        let wrong = |problem: String| Error::Storage { path: folder.to_owned(), problem };
        std::fs::create_dir_all(folder).map_err(|error| wrong(error.to_string()))?;
        let opened = Database::builder(folder).cache_size(CACHE_BYTES).worker_threads(1).open();
        let database = opened.map_err(|error| match error {
            fjall::Error::Locked => Error::InUse(folder.to_owned()),
            error => wrong(error.to_string()),
        })?;
        let keyspace = |name| {
            database.keyspace(name, KeyspaceCreateOptions::default).map_err(|error| wrong(error.to_string()))
        };
        let (pending, dead, lives) = (keyspace("pending")?, keyspace("dead")?, keyspace("lives")?);
        let store = Self { pending, dead, lives, database: database.clone(), settled: Vec::new() };
        let found = store.read().map_err(wrong)?;
        Ok((store, found))
    }

    fn read(&self) -> Result<Found, String> {
        let mut found = Found::default();
        for (keyspace, into) in [(&self.pending, &mut found.pending), (&self.dead, &mut found.dead)] {
            for item in keyspace.iter() {
                let (key, value) = item.into_inner().map_err(text)?;
                let serial =
                    key.as_ref().try_into().map(Serial::from_be_bytes).map_err(|_| "a key is damaged")?;
                into.push((serial, decode(&value)?));
            }
        }
        for item in self.lives.iter() {
            found.lives.push(decode(&item.value().map_err(text)?)?);
        }
        Ok(found)
    }

    /// Forgets every life: their ends have been appended.
    pub(crate) fn forget_lives(&mut self) -> Result<(), String> {
        let mut batch = self.batch();
        for item in self.lives.iter() {
            batch.remove(&self.lives, item.key().map_err(text)?);
        }
        batch.commit().map_err(text)
    }

    /// A write that is with the operating system when it is committed.
    fn batch(&self) -> WriteBatch {
        self.database.batch().durability(Some(PersistMode::Buffer))
    }

    pub(crate) fn append(&mut self, entries: &[(Serial, Entry)]) -> Result<(), String> {
        let mut batch = self.batch();
        for (serial, entry) in entries {
            let record = Record::of(entry).encode_to_vec();
            if entry.life == Life::Begins {
                batch.insert(&self.lives, life_key(entry), record);
                continue;
            }
            if entry.life == Life::Moves {
                batch.remove(&self.lives, life_key(entry));
                continue;
            }
            batch.insert(&self.pending, serial.to_be_bytes(), record);
            if entry.life == Life::Ends {
                batch.remove(&self.lives, life_key(entry));
            }
        }
        batch.commit().map_err(text)
    }

    pub(crate) fn body(&self, serial: Serial) -> Result<Bytes, String> {
        let value = self.pending.get(serial.to_be_bytes()).map_err(text)?;
        Ok(decode(&value.ok_or("the entry is gone")?)?.body)
    }

    pub(crate) fn remove(&mut self, serial: Serial) {
        self.settled.push(serial);
        if self.settled.len() >= SETTLED_TOGETHER
            && let Err(error) = self.settle(false)
        {
            tracing::error!(
                error,
                "what was delivered cannot be written down; it may be delivered once more after a restart"
            );
        }
    }

    pub(crate) fn settle(&mut self, safely: bool) -> Result<(), String> {
        if !self.settled.is_empty() {
            let mut batch = self.batch();
            for serial in &self.settled {
                batch.remove(&self.pending, serial.to_be_bytes());
            }
            batch.commit().map_err(text)?;
            self.settled.clear();
        }
        if safely { self.database.persist(PersistMode::SyncData).map_err(text) } else { Ok(()) }
    }

    pub(crate) fn park(
        &mut self,
        serial: Serial,
        reason: &str,
        parked_ms: u64,
        attempts: u32,
    ) -> Result<Record, String> {
        let value = self.pending.get(serial.to_be_bytes()).map_err(text)?;
        let mut record = decode(&value.ok_or("the entry is gone")?)?;
        (record.reason, record.parked_ms, record.attempts) = (reason.to_owned(), parked_ms, attempts);
        let mut batch = self.batch();
        batch.remove(&self.pending, serial.to_be_bytes());
        batch.insert(&self.dead, serial.to_be_bytes(), record.encode_to_vec());
        batch.commit().map_err(text)?;
        Ok(record)
    }

    pub(crate) fn revive(&mut self, serials: &[(Serial, Serial)]) -> Result<Vec<(Serial, Entry)>, String> {
        let mut revived = Vec::with_capacity(serials.len());
        let mut batch = self.batch();
        for (dead, serial) in serials {
            let value = self.dead.get(dead.to_be_bytes()).map_err(text)?;
            let entry = decode(&value.ok_or("the dead letter is gone")?)?.entry();
            batch.remove(&self.dead, dead.to_be_bytes());
            batch.insert(&self.pending, serial.to_be_bytes(), Record::of(&entry).encode_to_vec());
            revived.push((*serial, entry));
        }
        batch.commit().map_err(text)?;
        Ok(revived)
    }

    pub(crate) fn drop_dead(&mut self, serials: &[Serial]) -> Result<(), String> {
        let mut batch = self.batch();
        for serial in serials {
            batch.remove(&self.dead, serial.to_be_bytes());
        }
        batch.commit().map_err(text)
    }
}

fn life_key(entry: &Entry) -> Vec<u8> {
    let mut key = entry.lane.to_be_bytes().to_vec();
    key.extend_from_slice(entry.destination.as_bytes());
    key
}

fn decode(value: &[u8]) -> Result<Record, String> {
    Record::decode(value).map_err(|error| format!("an entry is damaged: {error}"))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
