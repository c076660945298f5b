//! The log and the registry in memory, as JetStream would have them, with answers that get lost.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::rc::Rc;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::nats::registry::Stored;
use crate::nats::streams::{Kept, Streams, Subject};

struct Inner {
    rng: StdRng,
    now_ms: i64,
    log: Vec<Kept>,
    ids: HashMap<String, u64>,
    registry: BTreeMap<Subject, Kept>,
    revisions: u64,
}

/// Both streams; clones share them.
#[derive(Clone)]
pub(super) struct MemoryStreams(Rc<RefCell<Inner>>);

impl MemoryStreams {
    pub(super) fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            rng: StdRng::seed_from_u64(seed),
            now_ms: 0,
            log: Vec::new(),
            ids: HashMap::new(),
            registry: BTreeMap::new(),
            revisions: 0,
        })))
    }

    pub(super) fn set_now_ms(&self, now_ms: u64) {
        self.0.borrow_mut().now_ms = i64::try_from(now_ms).unwrap_or_default();
    }

    /// Appends a message. Answers its position, and whether one with its id stood there before: then it still stands there once.
    pub(super) fn append(&self, bytes: Bytes, message_id: Option<&str>) -> (u64, bool) {
        let inner = &mut *self.0.borrow_mut();
        let sequence = inner.log.len() as u64 + 1;
        if let Some(message_id) = message_id {
            if let Some(first) = inner.ids.get(message_id) {
                return (*first, true);
            }
            inner.ids.insert(message_id.to_owned(), sequence);
        }
        inner.log.push(Kept { sequence, payload: bytes, time_ms: inner.now_ms });
        (sequence, false)
    }

    pub(super) fn last_position(&self) -> u64 {
        self.0.borrow().log.len() as u64
    }

    pub(super) fn entry(&self, position: u64) -> Option<Bytes> {
        self.0.borrow().log.get(position as usize - 1).map(|kept| kept.payload.clone())
    }

    pub(super) fn has(&self, subject: Subject) -> bool {
        self.0.borrow().registry.contains_key(&subject)
    }

    /// Records that are left.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        self.0.borrow().registry.keys().copied().collect()
    }
}

impl Streams for MemoryStreams {
    async fn write(&self, subject: Subject, bytes: &Bytes, expected: u64) -> Stored {
        let inner = &mut *self.0.borrow_mut();
        if inner.registry.get(&subject).map_or(0, |kept| kept.sequence) != expected {
            return Stored::Lost;
        }
        if inner.rng.random_bool(0.02) {
            return Stored::Unanswered;
        }
        inner.revisions += 1;
        let kept = Kept { sequence: inner.revisions, payload: bytes.clone(), time_ms: inner.now_ms };
        inner.registry.insert(subject, kept);
        if inner.rng.random_bool(0.02) { Stored::Unanswered } else { Stored::Revision(inner.revisions) }
    }

    async fn last(&self, subject: Subject) -> Result<Option<Kept>, String> {
        Ok(self.0.borrow().registry.get(&subject).cloned())
    }

    async fn nodes(&self) -> Result<Vec<(u32, Kept)>, String> {
        let node = |(subject, kept): (&Subject, &Kept)| match subject {
            Subject::Node(node) => Some((*node, kept.clone())),
            Subject::Session(_) => None,
        };
        Ok(self.0.borrow().registry.iter().filter_map(node).collect())
    }

    async fn sessions(&self, take: impl FnMut(Kept) + Send) -> Result<(), String> {
        if self.0.borrow_mut().rng.random_bool(0.05) {
            return Err("no answer".to_owned());
        }
        let session =
            |(subject, kept): (&Subject, &Kept)| matches!(subject, Subject::Session(_)).then(|| kept.clone());
        let found: Vec<_> = self.0.borrow().registry.iter().filter_map(session).collect();
        found.into_iter().for_each(take);
        Ok(())
    }

    async fn first_position(&self) -> Result<u64, String> {
        Ok(1)
    }

    async fn entries(
        &self,
        from: u64,
        until: u64,
        take: impl FnMut(Kept) -> ControlFlow<()> + Send,
    ) -> Result<(), String> {
        let wanted = |kept: &&Kept| (from..=until).contains(&kept.sequence);
        let found: Vec<_> = self.0.borrow().log.iter().filter(wanted).cloned().collect();
        // Who breaks off has enough.
        let _enough = found.into_iter().try_for_each(take);
        Ok(())
    }

    async fn erase(&self, revision: u64) {
        self.0.borrow_mut().registry.retain(|_, kept| kept.sequence != revision);
    }

    async fn erase_node(&self, node: u32) {
        self.0.borrow_mut().registry.remove(&Subject::Node(node));
    }
}
