//! What sessions that have ended leave to be said: the ends of their streams. It stands in the last record of a session, and is appended until the
//! log has it; only then that record is erased. So whoever finds the record says it instead. Sans-IO.

use std::collections::BTreeMap;

use bytes::Bytes;
use hubwire_hub::{Busy, Entry};
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
    parts: Vec<Part>,
}

struct Part {
    bytes: Bytes,
    message_id: String,
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

impl Mesh {
    /// Appends what a session has left to be said, and then has its last record erased.
    pub(super) fn say_farewells(
        &mut self,
        connection: ConnectionId,
        revision: Option<u64>,
        entries: &[Entry],
    ) {
        let part = |entry: &Entry| Part {
            bytes: log_entry::encode(entry, None),
            message_id: log_entry::message_id(entry).unwrap_or_else(|| self.backlog.next_message_id()),
            state: State::Waiting,
        };
        let parts: Vec<_> = entries.iter().map(part).collect();
        if let Some(ledger) = self.ledger.as_mut().filter(|_| !parts.is_empty()) {
            ledger.farewells.0.insert(connection, Farewell { revision, parts });
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
                let (bytes, message_id) = (part.bytes.clone(), part.message_id.clone());
                appends.push(Append { bytes, message_id, waiter });
            }
        }
        appends.into_iter().for_each(|append| self.append(append));
    }

    /// Takes in whether something of it is in the log. What is not is appended again with the next checkpoint.
    pub(super) fn farewell_said(&mut self, connection: ConnectionId, index: usize, outcome: &Appended) {
        let farewells = self.ledger.as_mut().map(|ledger| &mut ledger.farewells.0);
        let Some((farewells, farewell)) = farewells.and_then(|all| {
            let farewell = all.remove(&connection)?;
            Some((all, farewell))
        }) else {
            return;
        };
        let mut farewell = farewell;
        if let Some(part) = farewell.parts.get_mut(index) {
            // What is too large now always will be; the other parts of the stream were not, so it never is.
            let is_over = matches!(outcome, Ok(_) | Err(Busy::TooLarge));
            part.state = if is_over { State::Said } else { State::Waiting };
        }
        if farewell.parts.iter().all(|part| part.state == State::Said) {
            self.errands.extend(farewell.revision.map(Errand::Erase));
        } else {
            farewells.insert(connection, farewell);
        }
    }
}
