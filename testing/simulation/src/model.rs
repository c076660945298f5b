use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use hubwire_hub::{Counters, Limits};
use hubwire_protocol::ConnectionId;

use crate::session::Session;

/// A message that was accepted, in the order of acceptance.
pub(crate) struct Accepted {
    pub(crate) publisher: String,
    pub(crate) identity: String,
}

/// What must come of everything that happens, kept in the simplest way there is.
pub(crate) struct Model {
    pub(crate) limits: Arc<Limits>,
    pub(crate) sessions: Vec<Session>,
    by_id: HashMap<ConnectionId, usize>,
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) by_identity: HashMap<String, usize>,
    /// By worker.
    pub(crate) counters: Vec<Counters>,
    /// The sessions that must end in what is being done just now.
    pub(crate) ending: BTreeSet<usize>,
    pub(crate) complaints: Vec<String>,
}

impl Model {
    pub(crate) fn new(workers: usize, limits: Arc<Limits>) -> Self {
        Self {
            limits,
            sessions: Vec::new(),
            by_id: HashMap::new(),
            accepted: Vec::new(),
            by_identity: HashMap::new(),
            counters: vec![Counters::default(); workers],
            ending: BTreeSet::new(),
            complaints: Vec::new(),
        }
    }

    pub(crate) fn complain(&mut self, what: impl Into<String>) {
        self.complaints.push(what.into());
    }

    pub(crate) fn begin(&mut self, session: Session) -> usize {
        let index = self.sessions.len();
        self.by_id.insert(session.id, index);
        self.sessions.push(session);
        index
    }

    pub(crate) fn find(&self, id: ConnectionId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// Notes a message at the moment of its acceptance.
    pub(crate) fn accept(&mut self, identity: String) -> usize {
        let message = self.accepted.len();
        if self.by_identity.insert(identity.clone(), message).is_some() {
            self.complain(format!("{identity} took effect twice"));
        }
        let publisher = identity.rsplit_once('-').map_or("", |(publisher, _)| publisher).to_owned();
        self.accepted.push(Accepted { publisher, identity });
        message
    }

    /// The sessions that must end because their time for a recovery is over.
    pub(crate) fn expire(&mut self, worker: usize, now_ms: u64) {
        let window_ms = self.limits.recovery_window_ms;
        let due = |session: &Session| {
            session.alive
                && session.worker == worker
                && session.detached_ms.is_some_and(|since_ms| since_ms + window_ms <= now_ms)
        };
        let due: Vec<_> = (0..self.sessions.len()).filter(|index| due(&self.sessions[*index])).collect();
        self.counters[worker].sessions_expired += due.len() as u64;
        self.ending.extend(due);
    }

    /// A session has ended, in the eyes of its shard.
    pub(crate) fn end(&mut self, index: usize, why: &str) {
        let session = &mut self.sessions[index];
        if !session.alive {
            self.complain(format!("session {index} ended twice, now: {why}"));
            return;
        }
        session.alive = false;
        session.leave_all();
        self.counters[session.worker].connections_closed += 1;
        if !self.ending.remove(&index) {
            self.complain(format!("session {index} ended without a cause: {why}"));
        }
    }

    /// What was being done is done: whoever had to end has ended.
    pub(crate) fn settle(&mut self, what: &str) {
        for index in std::mem::take(&mut self.ending) {
            self.complain(format!("session {index} still lives after {what}"));
        }
    }

    /// A socket has ended.
    pub(crate) fn disconnect(&mut self, index: usize, said_goodbye: bool, now_ms: u64) {
        let session = &mut self.sessions[index];
        if !session.alive || session.detached_ms.is_some() {
            return;
        }
        if session.is_reliable() && !said_goodbye {
            session.detached_ms = Some(now_ms);
            self.counters[session.worker].sessions_detached += 1;
        } else {
            self.ending.insert(index);
        }
    }

    /// A client comes back. Whether it finds its session.
    pub(crate) fn resume(&mut self, index: usize, worker: usize, now_ms: u64) -> bool {
        let session = &mut self.sessions[index];
        if !session.alive || !session.is_reliable() {
            self.counters[worker].recoveries_refused += 1;
            return false;
        }
        session.detached_ms = None;
        session.window.retain(|kept| kept.deadline_ms == 0 || kept.deadline_ms > now_ms);
        self.counters[worker].sessions_recovered += 1;
        true
    }
}
