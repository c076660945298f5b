//! Plain publishers of streams in hubs with a log. Their connections end with their process, and nobody takes them; but whoever takes its sessions
//! ends their streams. So they are kept elsewhere as sessions are, from their first stream on, and a stream goes on only when that is done: what
//! nobody else knows of has no message.

use std::borrow::Cow;

use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{ConnectionId, Notice, StreamEnd, StreamError};

use crate::deadline::{Deadline, DeadlineId};
use crate::logged_stream::MESSAGE_STORE_MAX_MS;
use crate::shard::Shard;
use crate::trace::Farewell;
use crate::{ConnectionKey, Effect, Luggage, Party};

/// A stream that is open and not kept elsewhere yet. Its publisher is held.
pub(crate) struct Keeping {
    stream_id: Box<str>,
    /// Where in the log it was opened.
    opened: u64,
    /// When it breaks off.
    pub(crate) deadline: DeadlineId,
}

impl Shard {
    /// Whether a connection is a plain publisher that is kept elsewhere, so that its streams end if its process does.
    pub(crate) fn is_kept_publisher(&self, key: ConnectionKey) -> bool {
        let activity = self.connections.get(key.index()).and_then(|connection| connection.activity.as_ref());
        activity.is_some_and(|activity| activity.is_kept)
    }

    /// Has a plain publisher kept that has opened a stream just now, and does not read it until that is done.
    pub(crate) fn keep_publisher(&mut self, key: ConnectionKey, stream_id: &str) {
        if self.connections[key.index()].window.is_some() {
            return;
        }
        let deadline = self.deadlines.set(self.now_ms + MESSAGE_STORE_MAX_MS, Deadline::Keeping(key));
        let keeping = Keeping { stream_id: stream_id.into(), opened: self.position, deadline };
        let activity = self.connections[key.index()].activity();
        (activity.is_kept, activity.changed) = (true, true);
        match activity.keeping.replace(keeping) {
            Some(before) => self.deadlines.clear(before.deadline),
            None => self.hold(key),
        }
        self.effects.extend(self.record(key).map(|record| Effect::Keep(Box::new(record))));
    }

    /// A plain publisher is kept as it was at a position of the log.
    pub(crate) fn publisher_kept(&mut self, connection: ConnectionId, position: u64) {
        if let Some(key) = self.ids.get(&connection).copied() {
            self.take_keeping(key, |keeping| keeping.opened <= position);
        }
    }

    fn take_keeping(
        &mut self,
        key: ConnectionKey,
        is_meant: impl FnOnce(&mut Keeping) -> bool,
    ) -> Option<Keeping> {
        let activity = self.connections.get_mut(key.index()).and_then(|it| it.activity.as_mut());
        let keeping = activity.and_then(|activity| activity.keeping.take_if(is_meant))?;
        self.deadlines.clear(keeping.deadline);
        self.release(key);
        Some(keeping)
    }

    /// A stream could not be kept for so long that it breaks off.
    pub(crate) fn keeping_due(&mut self, key: ConnectionKey) {
        if let Some(Keeping { stream_id, .. }) = self.take_keeping(key, |_| true) {
            self.break_off(key, &stream_id);
        }
    }

    /// A plain publisher cannot be kept, since it has too much going on: its streams break off. `false` of any other connection.
    pub(crate) fn publisher_unkept(&mut self, key: ConnectionKey) -> bool {
        if !self.is_kept_publisher(key) {
            return false;
        }
        self.connections[key.index()].activity().is_kept = false;
        self.take_keeping(key, |_| true);
        for stream_id in self.open_streams(key) {
            self.break_off(key, &stream_id);
        }
        true
    }

    /// Ends a stream that cannot be stored: its publisher is told at once, its subscribers when they can be.
    pub(crate) fn break_off(&mut self, key: ConnectionKey, stream_id: &str) {
        self.counters.streams_unstored += 1;
        let error = Some(&RequestError::NOT_STORED);
        self.notify(key, &Notice::StreamClosed { stream_id, error });
        self.close_logged_stream(key, stream_id, StreamEnd::Broken(StreamError::internal()));
    }

    /// What is to be kept elsewhere of a plain publisher: what it needs for its streams, since nobody goes on with anything else.
    pub(crate) fn publisher_record(luggage: Luggage) -> Luggage {
        Luggage {
            state: None,
            groups: Vec::new(),
            ack_ids: Vec::new(),
            unacknowledged: Vec::new(),
            states: Vec::new(),
            subscriptions: Vec::new(),
            ..luggage
        }
    }

    /// Ends every plain publisher that was unpacked here: its process is dead, and its client does not come back.
    pub fn end_publishers(&mut self) {
        for key in self.active(|activity| activity.is_kept) {
            let reason = Cow::Borrowed("The connection ended.");
            let by = Party::Service;
            self.end(key, Farewell { reason, code: None, by, expired: false, silent: false });
            self.connections.remove(key.index());
        }
    }
}
