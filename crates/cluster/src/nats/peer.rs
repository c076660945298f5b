use std::collections::{BTreeMap, BTreeSet};

use hubwire_hub::{Letter, Recipient};
use hubwire_protocol::ConnectionId;

use super::link::Outgoing;
use super::schema::{Report, VERSION_OF_VIEWS};

/// Another node that lives.
pub(super) struct Peer {
    /// Its bit in the table of interests.
    pub(super) bit: u64,
    /// When something last came from it.
    pub(super) heard_ms: u64,
    /// The version that it speaks.
    pub(super) version: u32,
    /// Its interests are known.
    pub(super) introduced: bool,
    /// What it last said of itself.
    pub(super) report: Option<Report>,
    pub(super) outgoing: Outgoing,
    /// Connections here whose requests its homes have to answer, and the requests: another home is asked if it dies.
    pub(super) asked: BTreeMap<ConnectionId, (Recipient, Letter)>,
    /// Nodes whose sessions of hubs with a log it has, as it said last.
    pub(super) keeper_of: Vec<u32>,
    /// Publishers of streams here that its subscribers have made wait.
    pub(super) holds: BTreeSet<ConnectionId>,
    /// It had taken this node for dead, or this node it. Once it knows the interests of this node again, which it is sent as this item,
    /// messages from it arrive again; those in between are lost.
    pub(super) missed_until: Option<u64>,
}

impl Peer {
    pub(super) fn new(bit: u64, outgoing: Outgoing, now_ms: u64) -> Self {
        Self {
            bit,
            heard_ms: now_ms,
            version: 0,
            introduced: false,
            report: None,
            outgoing,
            asked: BTreeMap::new(),
            keeper_of: Vec::new(),
            holds: BTreeSet::new(),
            missed_until: None,
        }
    }

    /// Whether it says which nodes it knows of, and understands who does.
    pub(super) fn says_views(&self) -> bool {
        self.version >= VERSION_OF_VIEWS
    }

    /// Notes a letter that goes to it, if its answer is waited for.
    pub(super) fn note_request(&mut self, recipient: &Recipient, letter: &Letter) {
        // A client is held until its request is answered, so it has one at a time.
        self.asked.extend(letter.asker().map(|asker| (asker, (recipient.clone(), letter.clone()))));
    }

    /// Notes a letter that comes from it.
    pub(super) fn note_arrival(&mut self, letter: &Letter) {
        match letter {
            Letter::StateSet { connection, .. } => drop(self.asked.remove(connection)),
            Letter::States { subscriber, answer: true, .. } => drop(self.asked.remove(subscriber)),
            Letter::Hold(connection) => drop(self.holds.insert(*connection)),
            Letter::Release(connection) => drop(self.holds.remove(connection)),
            _ => {}
        }
    }
}
