use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::backoff::wait_ms;
use crate::entry::entry_bytes;
use crate::{Entry, Failure, Serial};

/// What is known of entries that wait, without their bodies: which of them is due, and when the next one is.
#[derive(Default)]
pub(crate) struct Index {
    destinations: Vec<Destination>,
    names: FxHashMap<Arc<str>, usize>,
    lanes: FxHashMap<LaneKey, Lane>,
    /// Lanes that wait after a failure, by when they are due.
    waiting: BTreeSet<(u64, LaneKey)>,
    /// Entries under way.
    in_flight: FxHashMap<Serial, LaneKey>,
    entries: usize,
    bytes: usize,
    /// The destination that is served first next time, so that each gets its turn.
    turn: usize,
}

/// A destination, by its place, and a lane of it.
type LaneKey = (usize, u128);

struct Destination {
    name: Arc<str>,
    /// Lanes whose first entry can go, by the serial of that entry.
    ready: BTreeMap<Serial, u128>,
    /// Times in a row that it was away.
    failures: u32,
    /// Nothing goes there before this time.
    paused_until_ms: u64,
    /// One entry is on its way to find out whether it is back.
    probing: bool,
    /// Entries under way to it.
    in_flight: usize,
}

impl Destination {
    /// Whether more may go there now, if it is not paused.
    fn is_open(&self, room: usize) -> bool {
        !self.probing && self.in_flight < room
    }
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Item>,
    /// Times in a row that its first entry was refused.
    failures: u32,
}

struct Item {
    serial: Serial,
    raised_ms: u64,
    bytes: usize,
    attempts: u32,
}

/// An entry that is due.
pub(crate) struct Due {
    pub(crate) serial: Serial,
    pub(crate) destination: Arc<str>,
    pub(crate) lane: u128,
    pub(crate) raised_ms: u64,
    pub(crate) attempts: u32,
}

/// What a failed delivery leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is tried again.
    Again,
    /// It is too old for that, after so many attempts.
    GivenUp(u32),
}

impl Index {
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn add(&mut self, serial: Serial, entry: &Entry) {
        let destination = self.destination(&entry.destination);
        let key = (destination, entry.lane);
        let bytes = entry_bytes(entry.body.len());
        self.entries += 1;
        self.bytes += bytes;
        let lane = self.lanes.entry(key).or_default();
        lane.waiting.push_back(Item { serial, raised_ms: entry.raised_ms, bytes, attempts: 0 });
        if lane.waiting.len() == 1 {
            self.destinations[destination].ready.insert(serial, entry.lane);
        }
    }

    fn destination(&mut self, name: &Arc<str>) -> usize {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        self.destinations.push(Destination {
            name: name.clone(),
            ready: BTreeMap::new(),
            failures: 0,
            paused_until_ms: 0,
            probing: false,
            in_flight: 0,
        });
        self.names.insert(name.clone(), self.destinations.len() - 1);
        self.destinations.len() - 1
    }

    /// Takes entries that are due, as long as there is room, each destination in its turn. They are under way until [`Index::delivered`] or
    /// [`Index::failed`].
    ///
    /// A destination has no more under way than there is still room for others: however many destinations hang, and however much waits for
    /// them, one more finds room.
    pub(crate) fn take_due(&mut self, now_ms: u64, room: usize) -> Vec<Due> {
        self.end_waits(now_ms);
        let mut due = Vec::new();
        let count = self.destinations.len();
        let mut idle = 0;
        while due.len() < room && idle < count {
            self.turn = (self.turn + 1) % count;
            match self.take_one(self.turn, now_ms, room - due.len()) {
                Some(one) => {
                    due.push(one);
                    idle = 0;
                }
                None => idle += 1,
            }
        }
        due
    }

    fn take_one(&mut self, place: usize, now_ms: u64, room: usize) -> Option<Due> {
        let destination = &mut self.destinations[place];
        if !destination.is_open(room) || destination.paused_until_ms > now_ms {
            return None;
        }
        let (serial, lane) = destination.ready.pop_first()?;
        // After a pause one entry goes first; the others follow if it finds the destination back.
        destination.probing = destination.failures > 0;
        let key = (place, lane);
        let item = self.lanes.get(&key)?.waiting.front()?;
        destination.in_flight += 1;
        self.in_flight.insert(serial, key);
        let name = destination.name.clone();
        Some(Due { serial, destination: name, lane, raised_ms: item.raised_ms, attempts: item.attempts })
    }

    fn end_waits(&mut self, now_ms: u64) {
        while let Some((due_ms, key)) = self.waiting.first().copied()
            && due_ms <= now_ms
        {
            self.waiting.pop_first();
            self.make_ready(key);
        }
    }

    fn make_ready(&mut self, key: LaneKey) {
        if let Some(first) = self.lanes.get(&key).and_then(|lane| lane.waiting.front()) {
            self.destinations[key.0].ready.insert(first.serial, key.1);
        }
    }

    /// When [`Index::take_due`] next has something for this room, as long as nothing else happens.
    pub(crate) fn next_due_ms(&self, room: usize) -> Option<u64> {
        let destinations = self.destinations.iter();
        let open =
            destinations.filter(|destination| destination.is_open(room) && !destination.ready.is_empty());
        let waits = self.waiting.first().map(|(due_ms, _)| *due_ms);
        open.map(|destination| destination.paused_until_ms).chain(waits).min()
    }

    /// An entry has reached its destination, or was given up there: the next one of its lane follows. `false` if it was not under way.
    pub(crate) fn delivered(&mut self, serial: Serial) -> bool {
        let Some(key) = self.landed(serial) else {
            return false;
        };
        self.answered(key.0);
        self.pass(key);
        true
    }

    /// An entry is not under way any more; its lane, if it was.
    fn landed(&mut self, serial: Serial) -> Option<LaneKey> {
        let key = self.in_flight.remove(&serial)?;
        let destination = &mut self.destinations[key.0];
        destination.in_flight = destination.in_flight.saturating_sub(1);
        Some(key)
    }

    /// The destination has answered, whatever it said: it is not away.
    fn answered(&mut self, place: usize) {
        let destination = &mut self.destinations[place];
        (destination.failures, destination.paused_until_ms, destination.probing) = (0, 0, false);
    }

    /// Takes the first entry of a lane away.
    fn pass(&mut self, key: LaneKey) {
        let Some(lane) = self.lanes.get_mut(&key) else {
            return;
        };
        lane.failures = 0;
        if let Some(item) = lane.waiting.pop_front() {
            self.entries -= 1;
            self.bytes -= item.bytes;
        }
        if lane.waiting.is_empty() {
            self.lanes.remove(&key);
        } else {
            self.make_ready(key);
        }
    }

    /// An entry was not delivered. One that is given up stays under way until [`Index::delivered`].
    pub(crate) fn failed(
        &mut self,
        serial: Serial,
        failure: &Failure,
        now_ms: u64,
        retention_ms: u64,
    ) -> Option<Next> {
        let key = *self.in_flight.get(&serial)?;
        let lane = self.lanes.get_mut(&key)?;
        let item = lane.waiting.front_mut()?;
        item.attempts += 1;
        let (attempts, raised_ms) = (item.attempts, item.raised_ms);
        let due_ms = match failure {
            Failure::Away(_) => self.pause(key.0, now_ms),
            Failure::Refused(_) => {
                lane.failures += 1;
                let due_ms = now_ms + wait_ms(lane.failures);
                self.answered(key.0);
                due_ms
            }
        };
        if due_ms > raised_ms.saturating_add(retention_ms) {
            return Some(Next::GivenUp(attempts));
        }
        self.landed(serial);
        match failure {
            Failure::Away(_) => self.make_ready(key),
            Failure::Refused(_) => {
                self.waiting.insert((due_ms, key));
            }
        }
        Some(Next::Again)
    }

    /// Lets nothing go to a destination for a while, and answers until when. Deliveries that were under way together count as one failure.
    fn pause(&mut self, place: usize, now_ms: u64) -> u64 {
        let destination = &mut self.destinations[place];
        destination.probing = false;
        if destination.paused_until_ms <= now_ms {
            destination.failures += 1;
            destination.paused_until_ms = now_ms + wait_ms(destination.failures);
        }
        destination.paused_until_ms
    }

    /// An entry under way is given up, although its destination did not answer.
    pub(crate) fn given_up(&mut self, serial: Serial) {
        if let Some(key) = self.landed(serial) {
            self.pass(key);
        }
    }

    /// First entries of lanes that wait for a destination that is away, and that are too old to be tried again; at most so many. They count as
    /// under way.
    pub(crate) fn take_expired(&mut self, now_ms: u64, retention_ms: u64, max: usize) -> Vec<(Serial, u32)> {
        let mut expired = Vec::new();
        for place in 0..self.destinations.len() {
            while expired.len() < max
                && self.destinations[place].failures > 0
                && let Some((serial, lane)) = self.destinations[place].ready.first_key_value()
            {
                let (serial, key) = (*serial, (place, *lane));
                let Some(item) = self.lanes.get(&key).and_then(|lane| lane.waiting.front()) else {
                    break;
                };
                let next_ms = self.destinations[place].paused_until_ms.max(now_ms);
                if next_ms <= item.raised_ms.saturating_add(retention_ms) {
                    break;
                }
                expired.push((serial, item.attempts));
                self.destinations[place].ready.pop_first();
                self.destinations[place].in_flight += 1;
                self.in_flight.insert(serial, key);
            }
        }
        expired
    }
}
