//! What became of the sessions of a dead node: their records, and everything that the log says behind them. Sans-IO.
//!
//! A shard of its own, which nobody is connected to, takes the sessions in, each at the position that its record is valid at, and applies the
//! log. So what a session is here is what it would be at its old node: the same rules have made it, from the same entries in the same order. A plain
//! publisher is taken in likewise, and ends when everything is applied: so its streams do, behind the last message that is known.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use hubwire_hub::{Act, Effect, Entry, Event, Letter, Limits, Luggage, Parting, Shard};
use hubwire_protocol::ConnectionId;

use super::log_entry;
use super::pieces::Line;
use super::settings::LogSettings;

/// A session as the registry has it.
pub(crate) struct Found {
    pub(crate) session: Luggage,
    pub(crate) revision: u64,
    pub(crate) owner: u32,
}

/// What a replay has come to.
#[derive(Default)]
pub(crate) struct Replayed {
    /// The sessions that go on.
    pub(crate) sessions: Vec<Luggage>,
    /// Sessions that have ended meanwhile, and all plain publishers: what is kept of them is to go, and the ends of their streams are to be
    /// appended.
    pub(crate) ends: Vec<Parting>,
    /// What applications are to be told.
    pub(crate) events: Vec<Event>,
}

/// The sessions of dead nodes on their way to this one.
pub(crate) struct Replay {
    shard: Shard,
    /// Sessions whose positions are not reached, the furthest first.
    waiting: Vec<Luggage>,
    /// The messages that sessions had kept, by their positions in the log: the place of the session among those that wait, and the message's
    /// number in it.
    wanted: HashMap<u64, Vec<(usize, u64)>>,
    /// Plain publishers, which go on nowhere. What happened to them otherwise is told by their own node, when it starts again.
    publishers: HashSet<ConnectionId>,
    /// How each session stands in the registry.
    revisions: HashMap<ConnectionId, (u64, u32)>,
    /// The first position that is of interest.
    first: u64,
    /// The last position that the record of a session is valid at.
    furthest: u64,
    replayed: Replayed,
}

impl Replay {
    /// Begins with what was found in the registry.
    pub(crate) fn new(found: Vec<Found>, settings: &LogSettings) -> Self {
        // Clients may have acknowledged what is not known here, so that nothing can be said to be too much.
        let unbounded = usize::MAX / 4;
        let limits = Limits {
            window_messages_max: unbounded,
            window_bytes_max: unbounded,
            ..(*settings.hub_limits).clone()
        };
        let mut shard = Shard::new(Arc::new(limits));
        shard.set_json_form(settings.json_form);
        shard.set_presence(settings.presence.clone());
        shard.set_logged(settings.logged.clone());
        let mut replay = Self {
            shard,
            waiting: Vec::with_capacity(found.len()),
            wanted: HashMap::new(),
            publishers: HashSet::new(),
            revisions: HashMap::new(),
            first: u64::MAX,
            furthest: 0,
            replayed: Replayed::default(),
        };
        for Found { session, revision, owner } in found {
            replay.revisions.insert(session.id, (revision, owner));
            replay.first = replay.first.min(session.position + 1);
            replay.furthest = replay.furthest.max(session.position);
            if !session.subprotocol.is_reliable() {
                replay.publishers.insert(session.id);
            }
            replay.waiting.push(session);
        }
        replay.waiting.sort_by_key(|session| std::cmp::Reverse(session.position));
        for (place, session) in replay.waiting.iter().enumerate() {
            for (sequence_id, position) in &session.positions {
                replay.first = replay.first.min(*position);
                replay.wanted.entry(*position).or_default().push((place, *sequence_id));
            }
        }
        replay
    }

    /// The first entry that is needed.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// From where on sessions can be taken in: whoever has not read so far would apply entries to them a second time.
    pub(crate) fn furthest(&self) -> u64 {
        self.furthest
    }

    /// Whether there is nobody to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.revisions.is_empty()
    }

    /// Says that the log begins at a position only: sessions that need more have missed something.
    pub(crate) fn begins_at(&mut self, first: u64) {
        for session in &mut self.waiting {
            let gone = session.positions.iter().any(|(_, position)| *position < first);
            session.missed |= gone || session.position + 1 < first;
        }
    }

    /// Takes in what stands at a position. They come in order, from [`Replay::first`] on. `late_ms` is how long ago it was written.
    pub(super) fn take(&mut self, position: u64, line: Line, late_ms: u64) {
        match line {
            Line::Entry(bytes) => match log_entry::decode(bytes) {
                Ok(read) => self.apply(position, &read.entry, late_ms),
                Err(error) => super::arrival::refuse(&error),
            },
            Line::Piece => {}
            Line::Torn => self.tear(position),
        }
    }

    /// An entry is not to be had any more: sessions that needed it have missed something.
    fn tear(&mut self, position: u64) {
        self.take_in(position - 1);
        self.shard.receive(Letter::LogMissed, 1);
        for (place, _) in self.wanted.remove(&position).unwrap_or_default() {
            if let Some(session) = self.waiting.get_mut(place) {
                session.missed = true;
            }
        }
        self.take_effects();
    }

    /// Applies an entry. They come in order, from [`Replay::first`] on; one that was applied before changes nothing. `late_ms` is how long ago it
    /// was written.
    pub(crate) fn apply(&mut self, position: u64, entry: &Entry, late_ms: u64) {
        if position <= self.shard.position() {
            return;
        }
        self.take_in(position - 1);
        let now_ms = 1;
        self.keep_message(position, entry, late_ms);
        self.shard.apply(position, &aged(entry, late_ms), now_ms);
        self.take_effects();
    }

    /// Takes sessions in whose records are valid up to a position.
    fn take_in(&mut self, position: u64) {
        while let Some(session) = self.waiting.pop_if(|session| session.position <= position) {
            self.shard.unpack(&session);
            self.take_effects();
        }
    }

    /// Puts a message into the windows that it was in.
    fn keep_message(&mut self, position: u64, entry: &Entry, late_ms: u64) {
        let (Some(wanted), Act::Publish(envelope)) = (self.wanted.remove(&position), &entry.act) else {
            return;
        };
        for (place, sequence_id) in wanted {
            if let Some(session) = self.waiting.get_mut(place) {
                let mut kept = self.shard.kept_message(envelope, session.subprotocol, sequence_id);
                kept.left_ms = kept.left_ms.map(|left_ms| left_ms.saturating_sub(late_ms));
                session.unacknowledged.push(kept);
            }
        }
    }

    fn take_effects(&mut self) {
        for effect in self.shard.take_effects() {
            match effect {
                Effect::Forget(parting) => self.replayed.ends.push(*parting),
                Effect::Notify(event) if !self.publishers.contains(&event.connection) => {
                    self.replayed.events.push(event)
                }
                // Nobody is connected here, so nobody is told anything, and nobody else has to know of this shard.
                _ => {}
            }
        }
    }

    /// Everything that is known is applied.
    pub(crate) fn finish(mut self) -> (Replayed, HashMap<ConnectionId, (u64, u32)>) {
        self.take_in(u64::MAX);
        self.shard.end_publishers();
        self.replayed.sessions = self.shard.pack_sessions(true);
        self.take_effects();
        (self.replayed, self.revisions)
    }
}

/// An entry that was written a while ago: its copies have that much less time to live.
fn aged(entry: &Entry, late_ms: u64) -> std::borrow::Cow<'_, Entry> {
    match &entry.act {
        Act::Publish(envelope) if envelope.ttl_s > 0 => {
            let late_s = u16::try_from(late_ms / 1000).unwrap_or(u16::MAX);
            let mut envelope = envelope.clone();
            envelope.ttl_s = envelope.ttl_s.saturating_sub(late_s).max(1);
            std::borrow::Cow::Owned(Entry { act: Act::Publish(envelope), ..entry.clone() })
        }
        _ => std::borrow::Cow::Borrowed(entry),
    }
}
