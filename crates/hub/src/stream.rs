//! Streams: numbered messages of one publisher to a group, from a start to an end that subscribers are told.

use hubwire_auth::Permission;
use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{
    Data, Message, Notice, STREAM_IDLE_TIMEOUT_DEFAULT_MS, Sender, StreamEnd, StreamEndError, StreamError,
    StreamPosition, StreamStart,
};

use crate::activity::{CLIENT_NAME_BYTES_MAX, Stream};
use crate::deadline::Deadline;
use crate::shard::Shard;
use crate::{ConnectionKey, Effect, Envelope, Target};

/// Messages of streams after which a publisher rests until all shards have taken them in. So few are on their way at any time that a shard
/// can ask it to wait well before a subscriber overflows.
const BURST_MESSAGES_MAX: u32 = 32;

/// A shard that finds a time-out so late has not been running, in milliseconds: less than any lease.
const STANDSTILL_MS: u64 = 500;

impl Shard {
    /// Opens a stream, and tells its publisher whether it is open: in a hub with a log, that of the entry that is being applied.
    pub(crate) fn start_stream(
        &mut self,
        key: ConnectionKey,
        start: StreamStart,
        now_ms: u64,
    ) -> Result<(), RequestError> {
        let stream_id = start.stream_id.clone();
        let outcome = self.open_stream(key, start, now_ms);
        match &outcome {
            Ok(()) => {
                self.counters.streams_opened += 1;
                self.notify(key, &Notice::StreamAck { stream_id: &stream_id, expected_sequence_id: 1 });
            }
            Err(error) => self.tell_stream_refused(key, &stream_id, error),
        }
        outcome
    }

    pub(crate) fn tell_stream_refused(&mut self, key: ConnectionKey, stream_id: &str, error: &RequestError) {
        self.counters.streams_refused += 1;
        self.notify(key, &Notice::StreamClosed { stream_id, error: Some(error) });
    }

    /// Whether a client may open a stream now.
    pub(crate) fn check_stream(
        &mut self,
        key: ConnectionKey,
        start: &StreamStart,
    ) -> Result<(), RequestError> {
        if !(1..=CLIENT_NAME_BYTES_MAX).contains(&start.stream_id.len()) {
            return Err(RequestError::bad_request("A stream id has 1 to 1024 bytes."));
        }
        if start.idle_timeout_ms == Some(0) {
            return Err(RequestError::bad_request("The idle time-out of a stream is greater than 0."));
        }
        self.permit(key, Permission::SendToGroup, "send to", &start.group)?;
        let streams_max = self.limits.streams_per_connection_max;
        let activity = self.connections[key.index()].activity();
        if activity.streams.contains_key(&start.stream_id) {
            return Err(RequestError::bad_request("The connection has an open stream with this id."));
        }
        if activity.streams.len() >= streams_max {
            return Err(RequestError::bad_request(
                "The connection has too many open streams: limit streams_per_connection_max.",
            ));
        }
        Ok(())
    }

    fn open_stream(
        &mut self,
        key: ConnectionKey,
        start: StreamStart,
        now_ms: u64,
    ) -> Result<(), RequestError> {
        self.check_stream(key, &start)?;
        let idle_timeout_ms = start.idle_timeout_ms.unwrap_or(STREAM_IDLE_TIMEOUT_DEFAULT_MS);
        let opened = if self.is_logged(key) { self.position } else { 0 };
        let deadline = Deadline::Stream(key, start.stream_id.clone());
        let stream = Stream {
            group: start.group,
            metadata: start.metadata,
            no_echo: start.no_echo,
            ttl_s: start.ttl_s,
            idle_timeout_ms,
            heard_ms: now_ms,
            deadline: self.deadlines.set(now_ms + u64::from(idle_timeout_ms), deadline),
            expected: 1,
            opened,
            closing: false,
        };
        self.connections[key.index()].activity().streams.insert(start.stream_id, stream);
        Ok(())
    }

    pub(crate) fn stream_data(
        &mut self,
        key: ConnectionKey,
        stream_id: &str,
        sequence_id: u64,
        data: Data,
        now_ms: u64,
    ) {
        let Some(group) = self.hear_stream(key, stream_id, now_ms).map(|stream| stream.group.clone()) else {
            return self.stream_unknown(key, stream_id);
        };
        if let Err(error) = self.permit(key, Permission::SendToGroup, "send to", &group) {
            return self.close_stream(
                key,
                stream_id,
                Some(error),
                StreamEnd::Broken(StreamError::forbidden()),
                now_ms,
            );
        }
        let Some(stream) = self.hear_stream(key, stream_id, now_ms) else {
            return;
        };
        let expected_sequence_id = stream.expected;
        if sequence_id > expected_sequence_id {
            let error = RequestError::sequence_gap(expected_sequence_id);
            return self.notify(key, &Notice::StreamNack { stream_id, expected_sequence_id, error: &error });
        }
        // A number that was seen before is a repetition: it has been published, so only the answer is repeated.
        if sequence_id == expected_sequence_id {
            stream.expected += 1;
            self.counters.stream_messages += 1;
            self.publish_stream_data(key, stream_id, sequence_id, data, now_ms);
            self.rest_after_burst(key);
        }
        let expected_sequence_id = expected_sequence_id + u64::from(sequence_id == expected_sequence_id);
        self.notify(key, &Notice::StreamAck { stream_id, expected_sequence_id });
    }

    pub(crate) fn stream_keep_alive(&mut self, key: ConnectionKey, stream_id: &str, now_ms: u64) {
        if self.hear_stream(key, stream_id, now_ms).is_none() {
            self.stream_unknown(key, stream_id);
        }
    }

    pub(crate) fn stream_end(
        &mut self,
        key: ConnectionKey,
        stream_id: &str,
        error: Option<StreamEndError>,
        now_ms: u64,
    ) {
        if self.hear_stream(key, stream_id, now_ms).is_none() {
            return self.stream_unknown(key, stream_id);
        }
        let end = match error {
            None => StreamEnd::Complete,
            Some(error) => StreamEnd::Broken(StreamError::user(error.message, error.user_error_code)),
        };
        self.close_stream(key, stream_id, None, end, now_ms);
    }

    /// A stream's deadline: closes it if it has been silent for all of its time-out, and waits on if not.
    pub(crate) fn stream_due(&mut self, key: ConnectionKey, stream_id: &str, now_ms: u64) {
        let (held, logged) = (self.is_held(key), self.is_logged(key));
        let Some(activity) = &mut self.connections[key.index()].activity else {
            return;
        };
        let waits = activity.stream_request.is_some();
        let Some(stream) = activity.streams.get_mut(stream_id) else {
            return;
        };
        // A process that stood still has read nothing, and others may have the session meanwhile.
        let stood_still = now_ms > stream.heard_ms + u64::from(stream.idle_timeout_ms) + STANDSTILL_MS;
        if held || waits || (stood_still && logged) {
            // What it says is not read at the moment, so its silence means nothing.
            stream.heard_ms = now_ms;
        }
        let due_ms = stream.heard_ms + u64::from(stream.idle_timeout_ms);
        if due_ms > now_ms {
            stream.deadline = self.deadlines.set(due_ms, Deadline::Stream(key, stream_id.into()));
            return;
        }
        self.counters.streams_idle += 1;
        let end = StreamEnd::Broken(StreamError::idle_timeout());
        self.close_stream(key, stream_id, Some(RequestError::STREAM_IDLE), end, now_ms);
    }

    /// Ends every stream of a connection that ends.
    pub(crate) fn cancel_streams(&mut self, key: ConnectionKey) {
        if self.is_logged(key) {
            return self.cancel_logged_streams(key);
        }
        let Some(activity) = &mut self.connections[key.index()].activity else {
            return;
        };
        for (stream_id, stream) in std::mem::take(&mut activity.streams) {
            self.deadlines.clear(stream.deadline);
            let end = StreamEnd::Broken(StreamError::cancelled());
            let position = StreamPosition { stream_id, sequence_id: stream.expected, end: Some(end) };
            let envelope = self.stream_envelope(key, &stream, Data::Text(bytes::Bytes::new()), position);
            // Delivered before the next effects: whoever ends a connection may be in the middle of a delivery.
            self.farewells.push(envelope);
        }
    }

    /// Notes that a publisher was heard.
    pub(crate) fn hear_stream(
        &mut self,
        key: ConnectionKey,
        stream_id: &str,
        now_ms: u64,
    ) -> Option<&mut Stream> {
        let activity = self.connections[key.index()].activity.as_mut()?;
        let stream = activity.streams.get_mut(stream_id).filter(|stream| !stream.closing)?;
        stream.heard_ms = now_ms;
        Some(stream)
    }

    pub(crate) fn stream_unknown(&mut self, key: ConnectionKey, stream_id: &str) {
        let error = Some(&RequestError::STREAM_NOT_FOUND);
        self.notify(key, &Notice::StreamClosed { stream_id, error });
    }

    /// Ends a stream: subscribers are told how, its publisher why.
    fn close_stream(
        &mut self,
        key: ConnectionKey,
        stream_id: &str,
        error: Option<RequestError>,
        end: StreamEnd,
        now_ms: u64,
    ) {
        if self.is_logged(key) {
            return self.close_logged_stream(key, stream_id, end);
        }
        let activity = self.connections[key.index()].activity.as_mut();
        let Some(stream) = activity.and_then(|activity| activity.streams.remove(stream_id)) else {
            return;
        };
        self.deadlines.clear(stream.deadline);
        let position =
            StreamPosition { stream_id: stream_id.into(), sequence_id: stream.expected, end: Some(end) };
        // The members of its last message are those of every message, and it has no payload.
        let nothing = Data::Text(bytes::Bytes::new());
        let envelope = self.stream_envelope(key, &stream, nothing, position);
        self.publish_stream(envelope, now_ms);
        self.notify(key, &Notice::StreamClosed { stream_id, error: error.as_ref() });
    }

    /// A publisher that is a member may overflow by its own message: then it has ended when this returns, and if it was away, it is gone.
    fn publish_stream(&mut self, envelope: Envelope, now_ms: u64) {
        self.publish(&envelope, now_ms);
        self.effects.push(Effect::Publish(envelope));
    }

    pub(crate) fn stream_envelope(
        &self,
        key: ConnectionKey,
        stream: &Stream,
        data: Data,
        position: StreamPosition,
    ) -> Envelope {
        let connection = &self.connections[key.index()];
        let hub = self.hubs[connection.hub as usize].name.clone();
        let sender = Sender::Group { group: stream.group.clone(), user: connection.user.clone() };
        let stream_position = Some(Box::new(position));
        let message = Message { sender, data, metadata: stream.metadata.clone(), stream: stream_position };
        let mut envelope = Envelope::new(hub, Target::Group(stream.group.clone()), message);
        envelope.ttl_s = stream.ttl_s;
        envelope.publisher = Some(connection.id);
        if stream.no_echo {
            envelope.excluded = [connection.id].into();
        }
        envelope
    }

    fn publish_stream_data(
        &mut self,
        key: ConnectionKey,
        stream_id: &str,
        sequence_id: u64,
        data: Data,
        now_ms: u64,
    ) {
        let activity = self.connections[key.index()].activity.as_ref();
        if let Some(stream) = activity.and_then(|activity| activity.streams.get(stream_id)) {
            let position = StreamPosition { stream_id: stream_id.into(), sequence_id, end: None };
            let mut envelope = self.stream_envelope(key, stream, data, position);
            self.announce(key, &mut envelope, false);
            self.publish_stream(envelope, now_ms);
        }
    }

    fn rest_after_burst(&mut self, key: ConnectionKey) {
        if !self.is_attached(key) {
            return;
        }
        let activity = self.connections[key.index()].activity();
        activity.stream_burst += 1;
        if activity.stream_burst >= BURST_MESSAGES_MAX {
            activity.stream_burst = 0;
            self.resting.push(self.connections[key.index()].id);
            self.hold(key);
        }
    }
}
