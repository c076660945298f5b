//! What a shard remembers of its decisions while somebody watches, so that they can be explained.
//!
//! A decision is sixteen bytes, written where it is taken. Everything else that an explanation needs follows from what the shard knows now and
//! from the changes since: who was in which group is found by undoing the changes of memberships that came later.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use hubwire_filter::Filter;
use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};

use crate::connection::Connection;
use crate::{Delivered, Envelope, MessageId, Source, Target};

/// Publishes that are remembered; older ones are forgotten first. Some 200 bytes each, so less than a mebibyte.
const PUBLISHES_MAX: usize = 4_096;
/// Decisions that are remembered over all publishes, sixteen bytes each: 4 MiB.
const DECISIONS_MAX: usize = 262_144;
/// Changes of memberships that are remembered, some 60 bytes each: a mebibyte.
const CHANGES_MAX: usize = 16_384;
/// Ended connections that are remembered, some 200 bytes each: less than a mebibyte.
const ENDS_MAX: usize = 4_096;
/// Frames dropped for their time to live that are remembered.
const LATE_FRAMES_MAX: usize = 4_096;

/// What was decided about one message and one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Delivered,
    Excluded,
    Filtered,
    Skipped,
    OutboxFull,
    WindowFull,
}

/// A decision. The connection is known by the random bits of its id; the number is that of the message in its window, or else of the frame
/// in its outbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decision {
    tag: u64,
    pub(crate) number: u32,
    pub(crate) verdict: Verdict,
}

/// One publish, and what was decided about it.
pub(crate) struct Record {
    pub(crate) message: MessageId,
    pub(crate) serial: u64,
    pub(crate) at_ms: u64,
    pub(crate) filter: Option<Arc<Filter>>,
    pub(crate) source: Source,
    pub(crate) ttl_s: u16,
    decisions: Vec<Decision>,
    tally: Delivered,
}

/// A membership that began or ended.
pub(crate) struct Change {
    pub(crate) serial: u64,
    pub(crate) at_ms: u64,
    pub(crate) connection: ConnectionId,
    pub(crate) group: GroupName,
    pub(crate) joined: bool,
}

/// A connection that has ended.
pub(crate) struct End {
    pub(crate) serial: u64,
    pub(crate) connection: ConnectionId,
    pub(crate) hub: HubName,
    pub(crate) user: Option<UserId>,
    pub(crate) protocol: Option<Arc<str>>,
    pub(crate) opened_ms: u64,
    pub(crate) at_ms: u64,
    pub(crate) reason: Cow<'static, str>,
    pub(crate) code: Option<u16>,
    /// Nobody came back in time.
    pub(crate) expired: bool,
    /// The newest number that its client had acknowledged, if it is one that does.
    pub(crate) acknowledged: Option<u64>,
    /// The first frame that was not written.
    pub(crate) unwritten: Option<u32>,
}

#[derive(Default)]
pub(crate) struct Recording {
    serials: u64,
    publishes: VecDeque<Record>,
    decisions: usize,
    /// When the newest publish was made that is forgotten.
    forgotten_ms: u64,
    changes: VecDeque<Change>,
    ends: VecDeque<End>,
    late: VecDeque<(u64, u32, u64)>,
    since_ms: u64,
}

/// What tells connections apart here.
pub(crate) fn tag(id: ConnectionId) -> u64 {
    (id.bits() >> 8) as u64
}

/// The number by which a message is found again for a connection that has just got it.
pub(crate) fn number(connection: &Connection) -> u32 {
    match &connection.window {
        Some(window) => window.last() as u32,
        None => connection.outbox.last_number(),
    }
}

impl Record {
    pub(crate) fn new(envelope: &Envelope, at_ms: u64, recipients: usize) -> Self {
        Self {
            message: envelope.message_id,
            serial: 0,
            at_ms,
            filter: envelope.filter.clone(),
            source: envelope.source,
            ttl_s: envelope.ttl_s,
            decisions: Vec::with_capacity(recipients.min(DECISIONS_MAX)),
            tally: Delivered { message: envelope.message_id, ..Delivered::default() },
        }
    }

    pub(crate) fn note(&mut self, connection: &Connection, verdict: Verdict) {
        self.tally.recipients += 1;
        let count = match verdict {
            Verdict::Delivered => &mut self.tally.delivered,
            Verdict::Excluded => &mut self.tally.excluded,
            Verdict::Filtered => &mut self.tally.filtered,
            Verdict::Skipped => &mut self.tally.skipped,
            Verdict::OutboxFull | Verdict::WindowFull => &mut self.tally.overflowed,
        };
        *count += 1;
        if self.decisions.len() < DECISIONS_MAX {
            let (tag, number) = (tag(connection.id), number(connection));
            self.decisions.push(Decision { tag, number, verdict });
        }
    }

    pub(crate) fn tally(&self) -> Delivered {
        self.tally
    }

    pub(crate) fn decision(&self, connection: ConnectionId) -> Option<Decision> {
        self.decisions.iter().find(|decision| decision.tag == tag(connection)).copied()
    }

    /// Whether there were more recipients than are kept.
    pub(crate) fn is_cut(&self) -> bool {
        self.tally.recipients > self.decisions.len()
    }
}

impl Recording {
    /// An empty one that begins at a moment.
    pub(crate) fn since(since_ms: u64) -> Self {
        Self { since_ms, ..Self::default() }
    }

    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }

    pub(crate) fn keep(&mut self, mut record: Record) {
        record.serial = self.next_serial();
        self.decisions += record.decisions.len();
        self.publishes.push_back(record);
        while self.publishes.len() > PUBLISHES_MAX
            || (self.decisions > DECISIONS_MAX && self.publishes.len() > 1)
        {
            if let Some(forgotten) = self.publishes.pop_front() {
                self.decisions -= forgotten.decisions.len();
                self.forgotten_ms = forgotten.at_ms;
            }
        }
    }

    pub(crate) fn changed(&mut self, connection: ConnectionId, group: &GroupName, joined: bool, at_ms: u64) {
        let serial = self.next_serial();
        bounded(
            &mut self.changes,
            Change { serial, at_ms, connection, group: group.clone(), joined },
            CHANGES_MAX,
        );
    }

    pub(crate) fn ended(&mut self, end: End) {
        bounded(&mut self.ends, end, ENDS_MAX);
    }

    pub(crate) fn late(&mut self, connection: ConnectionId, number: u32, at_ms: u64) {
        bounded(&mut self.late, (tag(connection), number, at_ms), LATE_FRAMES_MAX);
    }

    /// Corrects what an ended connection left unwritten, once its socket is gone.
    pub(crate) fn left_unwritten(&mut self, connection: ConnectionId, unwritten: Option<u32>) {
        if let Some(end) = self.ends.iter_mut().rev().find(|end| end.connection == connection) {
            end.unwritten = unwritten;
        }
    }

    pub(crate) fn record(&self, message: MessageId) -> Option<&Record> {
        self.publishes.iter().rev().find(|record| record.message == message)
    }

    /// Whether everything since a moment is still remembered.
    pub(crate) fn reaches(&self, at_ms: u64) -> bool {
        at_ms >= self.since_ms && (self.forgotten_ms == 0 || at_ms > self.forgotten_ms)
    }

    pub(crate) fn end(&self, connection: ConnectionId) -> Option<&End> {
        self.ends.iter().rev().find(|end| end.connection == connection)
    }

    pub(crate) fn ends(&self) -> impl Iterator<Item = &End> {
        self.ends.iter().rev()
    }

    pub(crate) fn changes(&self) -> impl DoubleEndedIterator<Item = &Change> {
        self.changes.iter()
    }

    /// When a frame was dropped for its time to live.
    pub(crate) fn dropped_ms(&self, connection: ConnectionId, number: u32) -> Option<u64> {
        let tag = tag(connection);
        self.late.iter().find(|late| late.0 == tag && late.1 == number).map(|late| late.2)
    }
}

fn bounded<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    if queue.len() >= max {
        queue.pop_front();
    }
    queue.push_back(item);
}

/// Whom a record's target stands for is not kept with it: the inquiry brings it along.
pub(crate) fn is_meant(target: &Target, connection: ConnectionId, user: Option<&UserId>) -> bool {
    match target {
        Target::Hub | Target::Group(_) => true,
        Target::User(name) => user == Some(name),
        Target::Connection(id) => *id == connection,
    }
}
