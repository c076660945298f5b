//! What sessions that have ended leave to be said: the ends of their streams. It stands in the last record of a session, and is appended until the
//! log has it; only then that record is erased. So whoever finds the record says it instead. Sans-IO.
//!
//! Where the end of a stream should stand there may be a message of it, which its publisher's node had on its way when it was lost. Then the end
//! comes behind that.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hubwire_hub::{Act, Busy, Entry};
use hubwire_protocol::ConnectionId;

use super::ledger::{Append, Appended, Waiter};
use super::log_entry;
use super::mesh::{Errand, Mesh};

/// The sessions that have ended and whose last words are not in the log yet. There are as many as sessions end in the time of a write, and more
/// only while JetStream is away.
#[derive(Default)]
pub(crate) struct Farewells(BTreeMap<ConnectionId, Farewell>);

struct Farewell {
    /// The session's last record.
    revision: Option<u64>,
    /// The dead node whose record that is, if it is not this node's.
    owner: Option<u32>,
    parts: Vec<Part>,
}

struct Part {
    entry: Entry,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is to be appended.
    Waiting,
    /// It is on its way.
    Sent,
    /// It is there.
    Said,
}

impl Farewells {
    /// Notes whose record it is that says what a session leaves: it is found by way of that node, should this one die.
    pub(super) fn note_owner(&mut self, connection: ConnectionId, owner: u32) {
        if let Some(farewell) = self.0.get_mut(&connection) {
            farewell.owner = Some(owner);
        }
    }

    /// Whether something that a node has left to be said is not in the log yet.
    pub(super) fn awaits(&self, node: u32) -> bool {
        self.0.values().any(|farewell| farewell.owner == Some(node))
    }
}

impl Mesh {
    /// Appends what a session has left to be said, and then has its last record erased.
    pub(super) fn say_farewells(
        &mut self,
        connection: ConnectionId,
        revision: Option<u64>,
        entries: &[Entry],
    ) {
        let part = |entry: &Entry| Part { entry: entry.clone(), state: State::Waiting };
        let parts: Vec<_> = entries.iter().map(part).collect();
        if let Some(ledger) = self.ledger.as_mut().filter(|_| !parts.is_empty()) {
            ledger.farewells.0.insert(connection, Farewell { revision, owner: None, parts });
            self.send_farewells();
        } else {
            self.errands.extend(revision.map(Errand::Erase));
        }
    }

    /// Appends whatever waits for it.
    pub(super) fn send_farewells(&mut self) {
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        let mut appends = Vec::new();
        for (connection, farewell) in &mut ledger.farewells.0 {
            let waiting =
                farewell.parts.iter_mut().enumerate().filter(|(_, part)| part.state == State::Waiting);
            for (index, part) in waiting {
                part.state = State::Sent;
                let waiter = Waiter::Farewell { connection: *connection, index };
                let bytes = log_entry::encode(&part.entry, None);
                let message_id = log_entry::message_id(&part.entry);
                let message_id = message_id.unwrap_or_else(|| self.backlog.next_message_id());
                appends.push(Append { bytes, message_id, waiter });
            }
        }
        appends.into_iter().for_each(|append| self.append(append));
    }

    /// Takes in whether something of it is in the log. What is not is appended again with the next checkpoint.
    pub(super) fn farewell_said(&mut self, connection: ConnectionId, index: usize, outcome: &Appended) {
        let state = match outcome {
            // It may be that, or a message that was on its way.
            Ok(Some(position)) => {
                let position = *position;
                return self.errands.push(Errand::Reread { connection, index, position });
            }
            // What is too large now always will be; the other parts of the stream were not, so it never is.
            Ok(None) | Err(Busy::TooLarge) => State::Said,
            Err(_) => State::Waiting,
        };
        self.note_farewell(connection, index, |_| state);
    }

    /// Takes in what stands in the log in place of it; nothing if that could not be read, which is tried again with the next checkpoint.
    pub(super) fn farewell_met(&mut self, connection: ConnectionId, index: usize, found: Option<Bytes>) {
        let Some(found) = found else {
            return self.note_farewell(connection, index, |_| State::Waiting);
        };
        let is_end = |entry: &Entry| match &entry.act {
            Act::Publish(envelope) => envelope.message.stream.as_ref().is_some_and(|part| part.end.is_some()),
            _ => false,
        };
        // Ends are small, so what stands there in pieces is a message.
        if log_entry::decode(found).is_ok_and(|read| is_end(&read.entry)) {
            return self.note_farewell(connection, index, |_| State::Said);
        }
        self.note_farewell(connection, index, |entry| {
            if let Act::Publish(envelope) = &mut entry.act
                && let Some(own) = &mut Arc::make_mut(&mut envelope.message).stream
            {
                own.sequence_id += 1;
            }
            State::Waiting
        });
        self.send_farewells();
    }

    fn note_farewell(
        &mut self,
        connection: ConnectionId,
        index: usize,
        note: impl FnOnce(&mut Entry) -> State,
    ) {
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        let Some(farewell) = ledger.farewells.0.get_mut(&connection) else {
            return;
        };
        if let Some(part) = farewell.parts.get_mut(index) {
            part.state = note(&mut part.entry);
        }
        if farewell.parts.iter().all(|part| part.state == State::Said) {
            self.errands.extend(farewell.revision.map(Errand::Erase));
            ledger.farewells.0.remove(&connection);
        }
    }
}
