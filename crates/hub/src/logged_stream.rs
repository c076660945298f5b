//! Streams in hubs with a log. Their beginnings, messages and ends go through it, for each publisher one at a time: what is not stored is
//! appended again in its place, so that a stream never has a gap. Each part stands in the log once, whoever appends it; and a message or an end, but
//! not both, where a number is claimed twice: by a node that stood still, and by the one that has its sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hubwire_auth::Permission;
use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{ConnectionId, Data, Notice, StreamEnd, StreamError, StreamPosition, StreamStart};

use crate::activity::StreamRequest;
use crate::deadline::Deadline;
use crate::shard::Shard;
use crate::{Act, Author, ConnectionKey, Effect, Entry, Envelope, Refusal};

/// How soon what was not stored is appended again, in milliseconds.
const AGAIN_MS: u64 = 500;
/// How long a message of a stream is appended again and again, in milliseconds. Then the stream breaks off: the log may be away for a restart.
pub(crate) const MESSAGE_STORE_MAX_MS: u64 = 30_000;
/// How long the end of a stream is, in milliseconds. Then its subscribers are not told of it, which is counted.
const END_STORE_MAX_MS: u64 = 600_000;
/// Ends of streams on their way to the log, of connections that have ended as well, which nothing else bounds. Those beyond are not appended,
/// and counted.
const ENDS_MAX: usize = 65_536;

/// A stream, by its publisher and where in the log it was opened.
type StreamName = (ConnectionId, u64);

/// The ends of streams on their way to the log.
#[derive(Default)]
pub(crate) struct StreamEnds {
    ends: BTreeMap<StreamName, OpenEnd>,
    refused: BTreeSet<StreamName>,
}

struct OpenEnd {
    entry: Entry,
    since_ms: u64,
    /// Whether its publisher is held until it is answered.
    holds: bool,
}

impl Shard {
    /// Has the log open a stream, unless it is refused at once.
    pub(crate) fn open_logged_stream(&mut self, key: ConnectionKey, ack_id: Option<u64>, start: StreamStart) {
        if self.is_duplicate(key, ack_id) {
            return;
        }
        let stream_id = start.stream_id.clone();
        if let Err(error) = self.check_stream(key, &start) {
            self.tell_stream_refused(key, &stream_id, &error);
            return self.finish_request(key, ack_id, Err(error));
        }
        let entry = self.entry(key, ack_id, Some(0), Act::OpenStream(start));
        self.append_stream_request(key, stream_id, None, entry);
    }

    fn append_stream_request(
        &mut self,
        key: ConnectionKey,
        stream_id: Box<str>,
        part: Option<(u64, u64)>,
        entry: Entry,
    ) {
        self.effects.push(Effect::Append(entry.clone()));
        let request = StreamRequest { stream_id, part, entry, since_ms: self.now_ms, again: None };
        self.connections[key.index()].activity().stream_request = Some(request);
        self.hold(key);
    }

    /// Opens the stream that stands in the log.
    pub(crate) fn apply_open_stream(
        &mut self,
        entry: &Entry,
        start: &StreamStart,
    ) -> Result<(), RequestError> {
        let Some(key) = entry.author.and_then(|author| self.find(&entry.hub, author.connection)) else {
            return Ok(());
        };
        self.take_stream_request(key, |part| part.is_none());
        // A connection that two processes believed to have may have asked twice.
        self.start_stream(key, start.clone(), self.now_ms)?;
        self.touch(key);
        self.keep_publisher(key, &start.stream_id);
        Ok(())
    }

    /// Appends a client's message of a stream if it is the next one.
    pub(crate) fn logged_stream_data(
        &mut self,
        key: ConnectionKey,
        stream_id: &str,
        sequence_id: u64,
        data: Data,
    ) {
        let now_ms = self.now_ms;
        let Some(stream) = self.hear_stream(key, stream_id, now_ms) else {
            return self.stream_unknown(key, stream_id);
        };
        let (group, opened, expected_sequence_id) = (stream.group.clone(), stream.opened, stream.expected);
        if self.permit(key, Permission::SendToGroup, "send to", &group).is_err() {
            let end = StreamEnd::Broken(StreamError::forbidden());
            return self.close_logged_stream(key, stream_id, end);
        }
        if sequence_id > expected_sequence_id {
            let error = RequestError::sequence_gap(expected_sequence_id);
            return self.notify(key, &Notice::StreamNack { stream_id, expected_sequence_id, error: &error });
        }
        if sequence_id < expected_sequence_id {
            return self.notify(key, &Notice::StreamAck { stream_id, expected_sequence_id });
        }
        let position = StreamPosition { stream_id: stream_id.into(), sequence_id, end: None };
        if let Some(mut envelope) = self.logged_envelope(key, position, data) {
            self.announce(key, &mut envelope, false);
            let entry = self.entry(key, None, Some(opened), Act::Publish(envelope));
            self.append_stream_request(key, stream_id.into(), Some((opened, sequence_id)), entry);
        }
    }

    fn logged_envelope(&self, key: ConnectionKey, position: StreamPosition, data: Data) -> Option<Envelope> {
        let activity = self.connections[key.index()].activity.as_ref()?;
        let stream = activity.streams.get(&position.stream_id)?;
        Some(self.stream_envelope(key, stream, data, position))
    }

    /// Appends the end of a stream. The stream stays until the log has it; its publisher is held until it is known whether that is so.
    pub(crate) fn close_logged_stream(&mut self, key: ConnectionKey, stream_id: &str, end: StreamEnd) {
        if self.append_stream_end(key, stream_id, end, true) {
            self.hold(key);
        }
    }

    /// Ends every stream of a connection that ends, if that is not left to whoever forgets its session.
    pub(crate) fn cancel_logged_streams(&mut self, key: ConnectionKey) {
        for stream_id in self.open_streams(key) {
            let end = StreamEnd::Broken(StreamError::cancelled());
            self.append_stream_end(key, &stream_id, end, false);
        }
        if let Some(activity) = &mut self.connections[key.index()].activity {
            let streams = std::mem::take(&mut activity.streams);
            let again = activity.stream_request.take().and_then(|request| request.again);
            let keeping = activity.keeping.take().map(|keeping| keeping.deadline);
            let deadlines = streams.into_values().map(|stream| stream.deadline).chain(again).chain(keeping);
            deadlines.for_each(|deadline| self.deadlines.clear(deadline));
        }
    }

    /// The ends of the streams of a session, or of a plain publisher that is kept, for whoever forgets it: only then it is certain that no other process goes on with them.
    pub(crate) fn stream_farewells(&mut self, key: ConnectionKey) -> Vec<Entry> {
        let id = self.connections[key.index()].id;
        let mut farewells = Vec::new();
        for stream_id in self.open_streams(key) {
            let end = StreamEnd::Broken(StreamError::cancelled());
            if let Some((opened, entry)) = self.end_entry(key, &stream_id, end) {
                let under_way = self.stream_ends.ends.get(&(id, opened));
                farewells.push(under_way.map_or(entry, |end| end.entry.clone()));
            }
        }
        if let Some(activity) = &mut self.connections[key.index()].activity {
            activity.streams.values_mut().for_each(|stream| stream.closing = true);
        }
        farewells
    }

    /// The streams of a connection, oldest first.
    pub(crate) fn open_streams(&self, key: ConnectionKey) -> Vec<Box<str>> {
        let activity = self.connections[key.index()].activity.as_ref();
        let streams = activity.into_iter().flat_map(|activity| &activity.streams);
        let mut open: Vec<_> = streams.map(|(id, stream)| (stream.opened, id.clone())).collect();
        open.sort_unstable();
        open.into_iter().map(|(_, stream_id)| stream_id).collect()
    }

    fn append_stream_end(
        &mut self,
        key: ConnectionKey,
        stream_id: &str,
        end: StreamEnd,
        holds: bool,
    ) -> bool {
        let connection = &mut self.connections[key.index()];
        let id = connection.id;
        let stream = connection.activity.as_mut().and_then(|activity| activity.streams.get_mut(stream_id));
        let Some(stream) = stream.filter(|stream| !stream.closing) else {
            return false;
        };
        stream.closing = true;
        self.deadlines.clear(stream.deadline);
        let Some((opened, entry)) = self.end_entry(key, stream_id, end) else {
            return false;
        };
        let sent = self.send_stream_end((id, opened), entry, holds);
        if !sent {
            self.drop_stream((id, opened));
        }
        sent
    }

    /// The end of a stream, by where that was opened.
    fn end_entry(&self, key: ConnectionKey, stream_id: &str, end: StreamEnd) -> Option<(u64, Entry)> {
        let activity = self.connections[key.index()].activity.as_ref()?;
        let stream = activity.streams.get(stream_id)?;
        let position =
            StreamPosition { stream_id: stream_id.into(), sequence_id: stream.expected, end: Some(end) };
        let envelope = self.stream_envelope(key, stream, Data::Text(bytes::Bytes::new()), position);
        let opened = stream.opened;
        Some((opened, self.entry(key, None, Some(opened), Act::Publish(envelope))))
    }

    /// Appends the end of a stream, and again until it is there. `false` if there are too many.
    fn send_stream_end(&mut self, name: StreamName, entry: Entry, holds: bool) -> bool {
        if self.stream_ends.ends.len() >= ENDS_MAX {
            self.counters.stream_ends_lost += 1;
            return false;
        }
        self.effects.push(Effect::Append(entry.clone()));
        self.stream_ends.ends.insert(name, OpenEnd { entry, since_ms: self.now_ms, holds });
        true
    }

    /// A part of a stream stands in the log, and has been delivered: its publisher learns of it.
    pub(crate) fn apply_stream_part(&mut self, entry: &Entry, envelope: &Envelope) {
        let (Some(Author { connection, stream: Some(opened), .. }), Some(position)) =
            (entry.author, &envelope.message.stream)
        else {
            return;
        };
        match position.end {
            Some(_) => self.settle_stream_end((connection, opened)),
            None => self.put_end_behind((connection, opened), position.sequence_id),
        }
        let Some(key) = self.find(&entry.hub, connection) else {
            return;
        };
        let Some(activity) = &mut self.connections[key.index()].activity else {
            return;
        };
        let stream_id = &*position.stream_id;
        let Some(stream) = activity.streams.get_mut(stream_id).filter(|stream| stream.opened == opened)
        else {
            return;
        };
        if let Some(end) = &position.end {
            let (deadline, group) = (stream.deadline, stream.group.clone());
            activity.streams.remove(stream_id);
            self.deadlines.clear(deadline);
            self.tell_stream_end(key, stream_id, end, group.as_str());
        } else {
            stream.expected = stream.expected.max(position.sequence_id + 1);
            let expected_sequence_id = stream.expected;
            self.counters.stream_messages += 1;
            let settled = |(of, number): (u64, u64)| of == opened && number < expected_sequence_id;
            self.take_stream_request(key, |part| part.is_some_and(settled));
            self.notify(key, &Notice::StreamAck { stream_id, expected_sequence_id });
        }
        self.touch(key);
    }

    fn tell_stream_end(&mut self, key: ConnectionKey, stream_id: &str, end: &StreamEnd, group: &str) {
        let error = match end {
            StreamEnd::Broken(error) if *error == StreamError::internal() => return,
            StreamEnd::Broken(error) if *error == StreamError::idle_timeout() => {
                Some(RequestError::STREAM_IDLE)
            }
            StreamEnd::Broken(error) if *error == StreamError::forbidden() => {
                Some(RequestError::forbidden("send to", group))
            }
            _ => None,
        };
        self.notify(key, &Notice::StreamClosed { stream_id, error: error.as_ref() });
    }

    /// What a client waited for has come.
    fn take_stream_request(
        &mut self,
        key: ConnectionKey,
        is_meant: impl FnOnce(Option<(u64, u64)>) -> bool,
    ) -> Option<StreamRequest> {
        let activity = self.connections[key.index()].activity.as_mut()?;
        let request = activity.stream_request.take_if(|request| is_meant(request.part))?;
        request.again.into_iter().for_each(|deadline| self.deadlines.clear(deadline));
        self.release(key);
        Some(request)
    }

    /// A part of a stream is not in the log as what it was appended as.
    pub(crate) fn stream_part_refused(&mut self, connection: ConnectionId, opened: u64, refusal: Refusal) {
        let name = (connection, opened);
        if let Some(end) = self.stream_ends.ends.get_mut(&name) {
            if refusal == Refusal::Duplicate {
                // It is there already, or a message that was on its way is there in its place. Either comes from the log.
                return;
            }
            let held = std::mem::take(&mut end.holds);
            self.append_ends_again(name);
            if held && let Some(key) = self.ids.get(&connection).copied() {
                self.release(key);
            }
            return;
        }
        // A duplicate stands in the log, so it comes from there.
        if refusal != Refusal::Duplicate
            && let Some(key) = self.ids.get(&connection).copied()
        {
            self.stream_request_refused(key, opened, refusal);
        }
    }

    fn stream_request_refused(&mut self, key: ConnectionKey, opened: u64, refusal: Refusal) {
        let now_ms = self.now_ms;
        let activity = self.connections[key.index()].activity.as_mut();
        let Some(request) = activity.and_then(|activity| activity.stream_request.as_mut()) else {
            return;
        };
        let is_meant = request.part.map_or(0, |(of, _)| of) == opened;
        if !is_meant || request.again.is_some() {
            return;
        }
        let waits = refusal == Refusal::NotStored && now_ms < request.since_ms + MESSAGE_STORE_MAX_MS;
        if request.part.is_some() && waits {
            request.again = Some(self.deadlines.set(now_ms + AGAIN_MS, Deadline::StreamRequest(key)));
            return;
        }
        let Some(StreamRequest { stream_id, part, entry, .. }) = self.take_stream_request(key, |_| true)
        else {
            return;
        };
        let error = RequestError::NOT_STORED;
        if part.is_none() {
            self.tell_stream_refused(key, &stream_id, &error);
            let ack_id = entry.author.and_then(|author| author.ack_id);
            return self.finish_request(key, ack_id, Err(error));
        }
        self.break_off(key, &stream_id);
    }

    /// Appends a message of a stream again.
    pub(crate) fn stream_request_due(&mut self, key: ConnectionKey) {
        let activity = self.connections.get_mut(key.index()).and_then(|it| it.activity.as_mut());
        if let Some(request) = activity.and_then(|activity| activity.stream_request.as_mut()) {
            request.again = None;
            self.effects.push(Effect::Append(request.entry.clone()));
        }
    }

    fn append_ends_again(&mut self, name: StreamName) {
        if self.stream_ends.refused.is_empty() {
            self.deadlines.set(self.now_ms + AGAIN_MS, Deadline::StreamEnds);
        }
        self.stream_ends.refused.insert(name);
    }

    /// Appends ends of streams again; those that have been tried for long enough are given up.
    pub(crate) fn stream_ends_due(&mut self, now_ms: u64) {
        for name in std::mem::take(&mut self.stream_ends.refused) {
            let Some(end) = self.stream_ends.ends.get(&name) else {
                continue;
            };
            if now_ms < end.since_ms + END_STORE_MAX_MS {
                self.effects.push(Effect::Append(end.entry.clone()));
            } else {
                self.counters.stream_ends_lost += 1;
                self.drop_stream(name);
                self.settle_stream_end(name);
            }
        }
    }

    /// Forgets a stream whose end cannot be stored. Its publisher is told so, if it is still there.
    fn drop_stream(&mut self, (connection, opened): StreamName) {
        let Some(key) = self.ids.get(&connection).copied() else {
            return;
        };
        let streams = self.connections[key.index()].activity.as_mut().map(|activity| &mut activity.streams);
        let dropped =
            streams.and_then(|streams| streams.extract_if(|_, stream| stream.opened == opened).next());
        if let Some((stream_id, _)) = dropped {
            let error = Some(&RequestError::NOT_STORED);
            self.notify(key, &Notice::StreamClosed { stream_id: &stream_id, error });
            self.touch(key);
        }
    }

    /// A message of a stream stands in the log where its end was to stand: the end comes behind it.
    fn put_end_behind(&mut self, name: StreamName, sequence_id: u64) {
        let Some(OpenEnd { entry, .. }) = self.stream_ends.ends.get_mut(&name) else {
            return;
        };
        let Act::Publish(envelope) = &mut entry.act else {
            return;
        };
        let own = Arc::make_mut(&mut envelope.message).stream.as_mut();
        if let Some(position) = own.filter(|own| own.sequence_id <= sequence_id) {
            position.sequence_id = sequence_id + 1;
            self.effects.push(Effect::Append(entry.clone()));
        }
    }

    /// The end of a stream is in the log, or is not tried any more.
    fn settle_stream_end(&mut self, name: StreamName) {
        let (connection, _) = name;
        let Some(end) = self.stream_ends.ends.remove(&name) else {
            return;
        };
        if end.holds
            && let Some(key) = self.ids.get(&connection).copied()
        {
            self.release(key);
        }
    }
}
