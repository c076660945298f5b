//! Hubs with a log: requests become entries, and take effect when they have come back.

use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{ConnectionId, GroupName, Notice, Subprotocol};

use crate::delivery::Content;
use crate::encoding::Encodings;
use crate::shard::Shard;
use crate::{
    Act, Author, Command, ConnectionKey, Effect, Entry, Envelope, KeptMessage, Luggage, Party, Refusal,
    Reply, Subject,
};

impl Shard {
    /// Whether a connection's hub has a log.
    pub(crate) fn is_logged(&self, key: ConnectionKey) -> bool {
        self.hubs[self.connections[key.index()].hub as usize].logged
    }

    /// Whether a session outlives this process, so that its client can be sent away without its end being told.
    pub fn is_kept(&self, key: ConnectionKey) -> bool {
        self.connections.get(key.index()).is_some_and(|connection| connection.window.is_some())
            && self.connection_id(key).is_some()
            && self.is_logged(key)
    }

    /// Notes that what is kept of a session elsewhere is not all of it any more.
    pub(crate) fn touch(&mut self, key: ConnectionKey) {
        let connection = &mut self.connections[key.index()];
        match (&mut connection.window, &mut connection.activity) {
            (Some(window), _) => window.touch(),
            (None, Some(activity)) => activity.changed = true,
            (None, None) => {}
        }
    }

    /// Hands a client's request to the log, unless its id has taken effect before or the request is refused at once: then the client has been told.
    /// It is acknowledged when it comes back. Whether it is on its way.
    pub(crate) fn append(
        &mut self,
        key: ConnectionKey,
        ack_id: Option<u64>,
        act: impl FnOnce(&mut Self) -> Result<Act, RequestError>,
    ) -> bool {
        if self.is_duplicate(key, ack_id) {
            return false;
        }
        let act = act(self);
        let is_allowed = act.is_ok();
        match act {
            Ok(act) => self.append_act(key, ack_id, act),
            Err(error) => self.finish_request(key, ack_id, Err(error)),
        }
        is_allowed
    }

    /// The same for what is known to be allowed and new.
    pub(crate) fn append_act(&mut self, key: ConnectionKey, ack_id: Option<u64>, act: Act) {
        let entry = self.entry(key, ack_id, None, act);
        self.effects.push(Effect::Append(entry));
    }

    /// What a client wants in the log.
    pub(crate) fn entry(
        &self,
        key: ConnectionKey,
        ack_id: Option<u64>,
        stream: Option<u64>,
        act: Act,
    ) -> Entry {
        let connection = &self.connections[key.index()];
        let hub = self.hubs[connection.hub as usize].name.clone();
        Entry { hub, author: Some(Author { connection: connection.id, ack_id, stream }), act }
    }

    /// A request did not get into the log; or it stood there before, and has taken effect.
    pub(crate) fn append_refused(&mut self, author: Author, refusal: Refusal) {
        let Author { connection, ack_id, stream } = author;
        if let Some(opened) = stream {
            return self.stream_part_refused(connection, opened, refusal);
        }
        let Some(key) = self.ids.get(&connection).copied() else {
            return;
        };
        if self.waits_for(key, ack_id) && refusal != Refusal::Duplicate {
            return self.answered(key, Some(RequestError::NOT_STORED));
        }
        self.stop_waiting(key, ack_id);
        match ack_id {
            Some(ack_id) if refusal == Refusal::Duplicate => {
                self.counters.duplicates += 1;
                let error = Some(&RequestError::duplicate(ack_id));
                self.notify(key, &Notice::Ack { ack_id, error });
            }
            _ => self.finish_request(key, ack_id, Err(RequestError::NOT_STORED)),
        }
    }

    /// Takes in what stands in the log at a position. Positions grow from entry to entry; one that has been applied before changes nothing.
    pub fn apply(&mut self, position: u64, entry: &Entry, now_ms: u64) -> Reply {
        self.now_ms = now_ms;
        if position <= self.position {
            return Reply::Missing;
        }
        self.position = position;
        let mut outcome = Some(Ok(()));
        let reply = match &entry.act {
            Act::Publish(envelope) => {
                self.publish(envelope, now_ms);
                self.apply_stream_part(entry, envelope);
                Reply::Done
            }
            Act::Command(command) => self.apply_command(entry, command),
            Act::OpenStream(start) => {
                outcome = Some(self.apply_open_stream(entry, start));
                Reply::Done
            }
            Act::SetState(..) | Act::SubscribeStates(_) | Act::UnsubscribeStates(_) => {
                outcome = self.apply_states(entry);
                Reply::Done
            }
            Act::Remember => Reply::Done,
        };
        if reply == Reply::LimitReached {
            outcome = Some(Err(RequestError::bad_request(crate::request::TOO_MANY_GROUPS)));
        }
        if let (Some(Author { connection, ack_id: Some(ack_id), .. }), Some(outcome)) =
            (entry.author, outcome)
        {
            self.finish_applied(connection, ack_id, outcome);
        }
        reply
    }

    fn apply_command(&mut self, entry: &Entry, command: &Command) -> Reply {
        let own = entry.author.and_then(|author| self.find(&entry.hub, author.connection));
        match (own, command) {
            (Some(key), Command::Join(Subject::Connection(_), group)) => {
                if self.join(key, group, Party::Client) { Reply::Done } else { Reply::LimitReached }
            }
            (Some(key), Command::Leave(Subject::Connection(_), group)) => {
                self.leave(key, group, Party::Client);
                Reply::Done
            }
            _ => self.execute(&entry.hub, command),
        }
    }

    fn finish_applied(&mut self, connection: ConnectionId, ack_id: u64, outcome: Result<(), RequestError>) {
        let Some(key) = self.ids.get(&connection).copied() else {
            return;
        };
        if self.connections[key.index()].ack_memory.contains(ack_id) {
            return;
        }
        self.finish_request(key, Some(ack_id), outcome);
    }

    /// The position of the latest entry that was applied.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Says from where on entries are applied: a shard begins in the middle of a log.
    pub fn set_position(&mut self, position: u64) {
        self.position = self.position.max(position);
    }

    /// What is to be kept elsewhere of every session of a hub with a log, and every plain publisher there, that has changed since it was asked
    /// for last.
    pub(crate) fn record_sessions(&mut self) -> Reply {
        let mut records = Vec::new();
        let logged: Vec<_> = self.hubs.iter().filter(|(_, hub)| hub.logged).map(|(slot, _)| slot).collect();
        for slot in logged {
            for key in self.hubs[slot].connections.clone() {
                if self.take_changed(key) {
                    records.extend(self.record(key));
                }
            }
        }
        Reply::Recorded(records)
    }

    fn take_changed(&mut self, key: ConnectionKey) -> bool {
        let connection = &mut self.connections[key.index()];
        match (&mut connection.window, &mut connection.activity) {
            (Some(window), _) => window.take_changed(),
            (None, Some(activity)) => activity.is_kept && std::mem::take(&mut activity.changed),
            (None, None) => false,
        }
    }

    /// What is to be kept elsewhere of a session: all but what can be read in the log.
    pub(crate) fn record(&self, key: ConnectionKey) -> Option<Luggage> {
        let luggage = self.describe(key)?;
        if self.is_kept_publisher(key) {
            return Some(Self::publisher_record(luggage));
        }
        Some(Luggage { unacknowledged: Vec::new(), ..luggage })
    }

    /// A message of the log as it stands in a session's window, under its number there.
    pub fn kept_message(
        &mut self,
        envelope: &Envelope,
        subprotocol: Subprotocol,
        sequence_id: u64,
    ) -> KeptMessage {
        let content = Content::Message(&envelope.message);
        let mut encodings = Encodings::new(content, self.json_form, &mut self.deflater);
        let bytes = encodings.subprotocol(subprotocol);
        let head = encodings.head(subprotocol);
        let left_ms = (envelope.ttl_s > 0).then(|| u64::from(envelope.ttl_s) * 1000);
        KeptMessage { sequence_id, head, bytes, left_ms }
    }

    /// What a client's join becomes in the log.
    pub(crate) fn logged_join(&mut self, key: ConnectionKey, group: GroupName) -> Result<Act, RequestError> {
        self.permit(key, hubwire_auth::Permission::JoinLeaveGroup, "join", &group)?;
        if !self.is_member(key, &group) && !self.has_room(key) {
            return Err(RequestError::bad_request(crate::request::TOO_MANY_GROUPS));
        }
        let id = self.connections[key.index()].id;
        Ok(Act::Command(Command::Join(Subject::Connection(id), group)))
    }

    /// What a client's leaving becomes in the log.
    pub(crate) fn logged_leave(&mut self, key: ConnectionKey, group: GroupName) -> Result<Act, RequestError> {
        self.permit(key, hubwire_auth::Permission::JoinLeaveGroup, "leave", &group)?;
        let id = self.connections[key.index()].id;
        Ok(Act::Command(Command::Leave(Subject::Connection(id), group)))
    }
}
