use std::collections::{HashMap, VecDeque};

use hubwire_protocol::websocket::DeflateWindow;
use hubwire_protocol::{ConnectionId, Head, Subprotocol};

use crate::backpressure::is_behind;
use crate::connection::{Connection, Link};
pub(crate) use crate::encoding::Content;
pub(crate) use crate::encoding::Encodings;
use crate::group::Groups;
use crate::hub::Hub;
use crate::outbox::{Outbound, Outbox};
use crate::recording::{Record, Verdict};
use crate::selection::Selection;
use crate::shard::Shard;
use crate::window::{Full, Window};
use crate::{ConnectionKey, Counters, Envelope, Limits, Target};

/// Publishes to more connections than this are flushed behind smaller ones, so that a large group does not hold up everybody else.
const PROMPT_RECIPIENTS_MAX: usize = 64;
/// The part of its bounds that an outbox may fill before the shard asks for a flush: a socket that takes what it is given never gets
/// near the bounds themselves, however much is published in one turn.
const PRESSURE_DIVISOR: usize = 4;

/// What became of one copy.
pub(crate) enum Outcome {
    Delivered,
    /// There is nothing in it for this client.
    Nothing,
    OutboxFull,
    WindowFull,
}

impl Outcome {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Delivered => Verdict::Delivered,
            Self::Nothing => Verdict::Skipped,
            Self::OutboxFull => Verdict::OutboxFull,
            Self::WindowFull => Verdict::WindowFull,
        }
    }
}

impl Shard {
    /// Delivers an envelope to its recipients in this shard: to the outbox of each that has a socket, and to the window of each that
    /// is reliable. Who cannot take it loses its connection, and nobody else notices.
    pub fn publish(&mut self, envelope: &Envelope, now_ms: u64) {
        self.now_ms = now_ms;
        self.counters.publishes += 1;
        let Some(hub_slot) = self.hub_slot(&envelope.hub) else {
            return;
        };
        let hub = &self.hubs[hub_slot as usize];
        let mut single = None;
        let recipients = recipients(hub, &self.groups, &self.ids, &envelope.target, &mut single);
        let selection = Selection::new(&envelope.excluded, envelope.filter.as_deref());
        let content = Content::Message(&envelope.message);
        let unix_ms = self.unix_ms();
        let encodings = Encodings::new(content, self.json_form, &mut self.deflater);
        let mut delivery = Delivery::new(encodings, envelope.ttl_s, &self.limits, now_ms);
        delivery.position = if hub.logged { self.position } else { 0 };
        let lane = if recipients.len() > PROMPT_RECIPIENTS_MAX { Lane::Bulk } else { Lane::Prompt };
        let recorded = self.trace.is_some() && envelope.message_id.is_recorded();
        let mut record = (recorded || self.causes.wants(envelope))
            .then(|| Record::new(envelope, unix_ms, recipients.len()));
        let mut overflowing = Vec::new();
        let mut behind = false;
        for &key in recipients {
            let connection = &mut self.connections[key.index()];
            if connection.hub != hub_slot {
                continue;
            }
            if let Some(verdict) = selection.leaves_out(key, connection, hub, &self.groups) {
                if let Some(record) = &mut record {
                    record.note(connection, verdict);
                }
                continue;
            }
            let outcome = delivery.deliver(connection);
            if let Some(record) = &mut record {
                record.note(connection, outcome.verdict());
            }
            match outcome {
                Outcome::Delivered => {
                    self.counters.deliveries += 1;
                    behind |= envelope.publisher.is_some() && is_behind(connection, &self.limits);
                    self.flushes.mark(key, connection, lane, &self.limits);
                }
                Outcome::Nothing => {}
                Outcome::OutboxFull => overflowing.push((key, false)),
                Outcome::WindowFull => overflowing.push((key, true)),
            }
        }
        delivery.count(&mut self.counters);
        if let Some(record) = record {
            self.tell_delivery(envelope, record);
        }
        if behind {
            self.press(envelope, now_ms);
        }
        for (key, window) in overflowing {
            self.overflow(key, window);
        }
    }
}

impl Shard {
    /// Tells what was decided about a publish: whoever follows its trace, and whoever watches.
    fn tell_delivery(&mut self, envelope: &Envelope, record: Record) {
        if self.causes.wants(envelope) {
            self.causes.delivered(envelope, record.tally());
        }
        if self.trace.is_some() && envelope.message_id.is_recorded() {
            self.keep_record(envelope, record);
        }
    }
}

/// The connections that a target means here. A single one is put into `single`.
fn recipients<'a>(
    hub: &'a Hub,
    groups: &'a Groups,
    ids: &HashMap<ConnectionId, ConnectionKey>,
    target: &Target,
    single: &'a mut Option<ConnectionKey>,
) -> &'a [ConnectionKey] {
    match target {
        Target::Hub => &hub.connections,
        Target::Group(group) => match hub.groups.get(group) {
            Some(group) => &groups.get(*group).members,
            None => &[],
        },
        Target::User(user) => hub.users.get(user).map_or(&[][..], |connections| &connections[..]),
        Target::Connection(id) => {
            *single = ids.get(id).copied();
            single.as_slice()
        }
    }
}

/// One content on its way into the outboxes and windows of its recipients.
pub(crate) struct Delivery<'a> {
    encodings: Encodings<'a>,
    limits: &'a Limits,
    now_ms: u64,
    deadline_ms: u64,
    /// Older messages that were found to be too late, and made room.
    late: u64,
    /// Where the content stands in the log; 0 if nowhere.
    position: u64,
    /// Whether reliable sessions get it under a number, and again until they have acknowledged it. Otherwise only those get it that have a
    /// socket.
    pub(crate) numbers: bool,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(encodings: Encodings<'a>, ttl_s: u16, limits: &'a Limits, now_ms: u64) -> Self {
        let deadline_ms = match ttl_s {
            0 => 0,
            ttl_s => now_ms + u64::from(ttl_s) * 1000,
        };
        Self { encodings, limits, now_ms, deadline_ms, late: 0, position: 0, numbers: true }
    }

    pub(crate) fn deliver(&mut self, connection: &mut Connection) -> Outcome {
        let limits = self.limits;
        let (mut messages_max, mut bytes_max) = (limits.outbox_messages_max, limits.outbox_bytes_max);
        let mut subprotocol = connection.pubsub();
        let frame = match (subprotocol, &mut connection.window) {
            (Some(numbered), Some(_)) if !self.numbers => {
                if connection.link != Link::Attached {
                    return Outcome::Nothing;
                }
                (messages_max, bytes_max) = limits.reliable_outbox();
                subprotocol = Some(numbered.unnumbered());
                Outbound::whole(self.encodings.subprotocol(numbered.unnumbered()))
            }
            (Some(subprotocol), Some(window)) => {
                (messages_max, bytes_max) = limits.reliable_outbox();
                match self.number(subprotocol, window) {
                    Ok(frame) => frame,
                    Err(Full) => return Outcome::WindowFull,
                }
            }
            (Some(subprotocol), None) => {
                let bytes = self.encodings.subprotocol(subprotocol);
                self.whole(bytes, &mut connection.outbox)
            }
            (None, _) => match self.encodings.simple() {
                Some(bytes) => self.whole(bytes, &mut connection.outbox),
                None => return Outcome::Nothing,
            },
        };
        let frame = match connection.compression {
            Some(window) => self.compress(subprotocol, frame, window),
            None => frame,
        };
        if connection.link != Link::Attached || connection.outbox.push(frame, messages_max, bytes_max) {
            Outcome::Delivered
        } else {
            Outcome::OutboxFull
        }
    }

    /// Numbers the content in a session's window. What is too late there is dropped before the window counts as full.
    fn number(&mut self, subprotocol: Subprotocol, window: &mut Window) -> Result<Outbound, Full> {
        let tail = self.encodings.subprotocol(subprotocol);
        if !window.has_room(tail.len(), self.limits) {
            self.late += window.drop_late(self.now_ms) as u64;
        }
        let head = self.encodings.head(subprotocol);
        let numbered = window.push(head, tail, self.deadline_ms, self.limits)?;
        if self.position > 0 {
            window.place(self.position);
        }
        Ok(numbered)
    }

    /// The same frame for a client that takes compressed messages. Its window keeps the plain form: nobody knows what the socket of a recovery
    /// will take.
    fn compress(
        &mut self,
        subprotocol: Option<Subprotocol>,
        frame: Outbound,
        window: DeflateWindow,
    ) -> Outbound {
        let compressed = match subprotocol {
            Some(subprotocol) => self.encodings.compressed_subprotocol(subprotocol, window),
            None => self.encodings.compressed_simple(window),
        };
        let Some(bytes) = compressed else {
            return frame;
        };
        let plain_bytes = if frame.head == Head::None { 0 } else { frame.bytes.len() as u32 };
        Outbound { bytes, plain_bytes, ..frame }
    }

    /// Notes what the delivery has found and done.
    pub(crate) fn count(self, counters: &mut Counters) {
        counters.ttl_drops += self.late;
        let savings = self.encodings.savings;
        counters.compressions += savings.forms;
        counters.compressed_plain_bytes += savings.plain_bytes;
        counters.compressed_bytes += savings.compressed_bytes;
    }

    fn whole(&self, bytes: bytes::Bytes, outbox: &mut Outbox) -> Outbound {
        let sequence_id = u64::from(outbox.next_number());
        Outbound { sequence_id, deadline_ms: self.deadline_ms, ..Outbound::whole(bytes) }
    }
}

/// How soon a connection is flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// With the next flush.
    Prompt,
    /// In its turn among the many recipients of large publishes.
    Bulk,
}

/// Who has something to write. A connection stands at most once in each lane.
#[derive(Default)]
pub(crate) struct Flushes {
    pub(crate) prompt: Vec<ConnectionKey>,
    pub(crate) bulk: VecDeque<ConnectionKey>,
    /// Whether some outbox fills up although its socket would take more.
    pub(crate) pressing: bool,
}

impl Flushes {
    /// Notes that a connection has something to write.
    pub(crate) fn mark(
        &mut self,
        key: ConnectionKey,
        connection: &mut Connection,
        lane: Lane,
        limits: &Limits,
    ) {
        if connection.link == Link::Detached {
            return;
        }
        let outbox = &connection.outbox;
        if !connection.blocked
            && (outbox.len() > limits.outbox_messages_max / PRESSURE_DIVISOR
                || outbox.bytes() > limits.outbox_bytes_max / PRESSURE_DIVISOR)
        {
            self.pressing = true;
        }
        // A socket that would block is flushed when it is writable again, not before.
        if connection.blocked || connection.in_prompt_lane {
            return;
        }
        match lane {
            Lane::Prompt => {
                connection.in_prompt_lane = true;
                self.prompt.push(key);
            }
            Lane::Bulk if !connection.in_bulk_lane => {
                connection.in_bulk_lane = true;
                self.bulk.push_back(key);
            }
            Lane::Bulk => {}
        }
    }
}
