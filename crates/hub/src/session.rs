use std::borrow::Cow;
use std::collections::hash_map::Entry;

use hubwire_protocol::codes::Close;
use hubwire_protocol::websocket::close_frame;
use hubwire_protocol::{ConnectionId, HubName, Notice};

use crate::activity::Activity;
use crate::connection::{Connection, Link};
use crate::delivery::Lane;
use crate::hub::Hub;
use crate::outbox::Outbound;
use crate::shard::Shard;
use crate::trace::Farewell;
use crate::user::UserConnections;
use crate::{ConnectionKey, Effect, Happening, Occurrence, Opening, Parting, Party, Target};

/// How a client's socket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// By a close frame with code 1000: the client will not come back. Its reason is told to the application.
    Normal(String),
    /// In any other way: another code, no code, no close frame at all. A reliable session can be recovered.
    Lost,
    /// Nothing was heard of the client for so long that it is taken for lost; the same in every other respect.
    Silent,
}

impl Shard {
    /// Begins a connection: from here on it can be addressed. Its greeting waits in its outbox.
    ///
    /// Groups beyond the limit per connection are left out and counted.
    pub fn connect(&mut self, mut opening: Opening) -> ConnectionKey {
        self.counters.connections_opened += 1;
        let (groups, token) = (std::mem::take(&mut opening.groups), opening.reconnection_token.take());
        let key = self.enter(opening);
        self.raise(key, Occurrence::Connected);
        if self.is_kept(key) {
            // Its end is told by whoever has the session then, and not by this process when it starts again.
            self.raise_move(key, false);
        }
        self.tell_opened(key, &groups);
        for group in &groups {
            self.join(key, group, Party::Token);
        }
        let connection = &self.connections[key.index()];
        if let Some(subprotocol) = connection.pubsub() {
            let (id, user) = (connection.id, connection.user.as_ref());
            let greeting = Notice::Connected { connection: id, user, reconnection_token: token.as_deref() };
            self.reply(key, subprotocol.notice(&greeting));
        }
        if self.is_kept(key)
            && let Some(record) = self.record(key)
        {
            self.effects.push(Effect::Keep(Box::new(record)));
        }
        key
    }

    /// Makes a connection and puts it into its hub and user.
    pub(crate) fn enter(&mut self, mut opening: Opening) -> ConnectionKey {
        let hub = self.enter_hub(&opening.hub);
        self.attachments += 1;
        let connection = Connection::new(&mut opening, hub, self.attachments, self.now_ms);
        let id = connection.id;
        let key = ConnectionKey(self.connections.insert(connection) as u32);
        self.ids.insert(id, key);
        self.enter_lists(key);
        key
    }

    /// Takes a packed session out of everything that it is indexed by. A socket that it still has sees its end.
    pub(crate) fn depart(&mut self, key: ConnectionKey) {
        self.depart_groups(key);
        self.leave_lists(key);
        let connection = &mut self.connections[key.index()];
        let detached = connection.link == Link::Detached;
        connection.link = Link::Ended;
        connection.user = None;
        self.ids.remove(&connection.id);
        if detached {
            self.connections.remove(key.index());
        }
    }

    /// Ties a session to a new socket, in place of the one it had. All that is unacknowledged waits in its outbox, before anything
    /// new, and the caller drops the old socket if there still is one.
    ///
    /// `None` if there is no such session to recover: the new socket is closed with [`Close::NOT_RECOVERABLE`].
    pub fn resume(&mut self, hub: &HubName, id: ConnectionId, now_ms: u64) -> Option<ConnectionKey> {
        let Some(key) = self.find_session(hub, id) else {
            self.counters.recoveries_refused += 1;
            self.now_ms = now_ms;
            self.tell_recovery_refused(hub, id);
            return None;
        };
        self.counters.sessions_recovered += 1;
        self.attachments += 1;
        let connection = &mut self.connections[key.index()];
        connection.link = Link::Attached;
        connection.blocked = false;
        connection.attachment = self.attachments;
        connection.outbox.clear();
        if let Some(window) = &mut connection.window {
            self.counters.ttl_drops += window.drop_late(now_ms) as u64;
            for frame in window.replay() {
                // A full window always fits: the outbox of a reliable connection has room to spare beyond it.
                connection.outbox.push(frame, usize::MAX, usize::MAX);
            }
        }
        self.flushes.mark(key, connection, Lane::Prompt, &self.limits);
        self.now_ms = now_ms;
        self.tell(key, None, |connection| Happening::Recovered { replayed: connection.outbox.len() });
        if self.is_logged(key) {
            // What has changed meanwhile was not kept for it.
            self.subscribe_again(key, |_, _| true);
        }
        Some(key)
    }

    /// Greets a client again that has come back and has open streams: the official JavaScript client goes on with a stream only when it is
    /// greeted. Nobody else is, as in the service. `reconnection_token` is what the client recovers with next time.
    pub fn greet_again(&mut self, key: ConnectionKey, reconnection_token: &str) {
        let connection = &self.connections[key.index()];
        let streams = connection.activity.as_ref().is_some_and(|activity| !activity.streams.is_empty());
        if let Some(subprotocol) = connection.pubsub().filter(|_| streams) {
            let (connection, user) = (connection.id, connection.user.as_ref());
            let greeting =
                Notice::Connected { connection, user, reconnection_token: Some(reconnection_token) };
            self.reply(key, subprotocol.notice(&greeting));
        }
    }

    /// A session that can be recovered now, attached or not.
    pub(crate) fn find_session(&self, hub: &HubName, id: ConnectionId) -> Option<ConnectionKey> {
        self.find(hub, id).filter(|key| self.connections[key.index()].window.is_some())
    }

    /// A connection's socket has ended. A reliable session outlives that for the recovery window, unless its client said goodbye.
    pub fn disconnect(&mut self, key: ConnectionKey, ending: Ending, now_ms: u64) {
        self.now_ms = now_ms;
        let Some(connection) = self.connections.get_mut(key.index()) else {
            return;
        };
        let unwritten = connection.outbox.first_number();
        if connection.link == Link::Ended
            && let Some(trace) = &mut self.trace
        {
            trace.recording.left_unwritten(connection.id, unwritten);
        } else if let Some(trace) = &mut self.trace {
            trace.unwritten = Some((key, unwritten));
        }
        connection.outbox.clear();
        connection.blocked = false;
        let silent = ending == Ending::Silent;
        match (connection.link, ending) {
            (Link::Attached, Ending::Lost | Ending::Silent) if connection.window.is_some() => {
                connection.link = Link::Detached;
                self.forget_invocations(key);
                let attachment = self.connections[key.index()].attachment;
                self.counters.sessions_detached += 1;
                let recoverable_for_ms = self.limits.recovery_window_ms;
                self.expiries.push(now_ms + recoverable_for_ms, key, attachment);
                self.tell(key, None, |_| Happening::Lost { recoverable_for_ms, silent });
                return;
            }
            (Link::Attached, Ending::Lost | Ending::Silent) => {
                let reason = Cow::Borrowed("The connection ended.");
                let by = if silent { Party::Service } else { Party::Client };
                self.end(key, Farewell { reason, code: None, by, expired: false, silent });
            }
            (Link::Attached, Ending::Normal(reason)) => {
                let (reason, code) = (Cow::Owned(reason), Some(Close::NORMAL.code));
                self.end(key, Farewell { reason, code, by: Party::Client, expired: false, silent: false });
            }
            (Link::Detached, _) => return,
            (Link::Ended, _) => {}
        }
        self.connections.remove(key.index());
    }

    /// Ends every session whose recovery window has passed.
    pub(crate) fn expire_sessions(&mut self, now_ms: u64) {
        while let Some((key, attachment)) = self.expiries.pop_due(now_ms) {
            let due = self.connections.get(key.index()).is_some_and(|connection| {
                connection.link == Link::Detached && connection.attachment == attachment
            });
            if due {
                self.counters.sessions_expired += 1;
                let reason = Cow::Borrowed("The connection recovery timeout expired.");
                self.end(
                    key,
                    Farewell { reason, code: None, by: Party::Service, expired: true, silent: false },
                );
                self.connections.remove(key.index());
            }
        }
    }

    /// Every reliable session, with a socket or without.
    pub(crate) fn sessions(&self) -> Vec<ConnectionKey> {
        self.keys(|connection| connection.window.is_some())
    }

    /// The connections that have something going on, and of that what is meant.
    pub(crate) fn active(&self, is_meant: impl Fn(&Activity) -> bool) -> Vec<ConnectionKey> {
        self.keys(|connection| connection.activity.as_deref().is_some_and(&is_meant))
    }

    /// The connections that are meant. A copy: what follows may end some of them.
    fn keys(&self, is_meant: impl Fn(&Connection) -> bool) -> Vec<ConnectionKey> {
        let meant = self.connections.iter().filter(|(_, connection)| is_meant(connection));
        meant.map(|(index, _)| ConnectionKey(index as u32)).collect()
    }

    /// Ends every reliable session of hubs with a log, or of those without: messages for it may have been lost, and its client must not believe
    /// that it has all of them.
    pub(crate) fn end_sessions(&mut self, logged: bool) {
        for key in self.sessions() {
            if self.is_logged(key) != logged {
                continue;
            }
            self.counters.sessions_missed += 1;
            self.refuse(key, &Close::MESSAGES_MISSED);
        }
    }

    /// Ends a connection whose client broke the protocol, outran a bound or stopped answering: it is told why, then its socket closes.
    pub fn fail(&mut self, key: ConnectionKey, close: &Close) {
        if self.connection_id(key).is_none() {
            return;
        }
        self.counters.invalid_messages += 1;
        self.tell_invalid(key, close);
        let text = close.reason.clone();
        self.close(key, close, text.clone(), text);
    }

    /// Ends a connection: PubSub clients are told `text`, all get the close frame, and the application is told `reason`.
    pub fn close(
        &mut self,
        key: ConnectionKey,
        close: &Close,
        text: Cow<'static, str>,
        reason: Cow<'static, str>,
    ) {
        self.close_by(key, close, text, reason, Party::Service);
    }

    /// The same, with the one who wanted it.
    pub(crate) fn close_by(
        &mut self,
        key: ConnectionKey,
        close: &Close,
        text: Cow<'static, str>,
        reason: Cow<'static, str>,
        by: Party,
    ) {
        let farewell = Farewell { reason, code: Some(close.code), by, expired: false, silent: false };
        let Some(connection) = self.connections.get_mut(key.index()) else {
            return;
        };
        match connection.link {
            Link::Ended => return,
            Link::Detached => {
                self.end(key, farewell);
                self.connections.remove(key.index());
                return;
            }
            Link::Attached => {}
        }
        let notice = connection.pubsub().map(|subprotocol| subprotocol.notice(&Notice::Disconnected(&text)));
        connection.outbox.finish(notice.into_iter().chain([close_frame(close)]));
        self.flushes.mark(key, connection, Lane::Prompt, &self.limits);
        self.effects.push(Effect::Closing(key));
        self.end(key, farewell);
    }

    /// Ends a connection that cannot take what it is sent. Nothing more is queued for it but the reason.
    pub(crate) fn overflow(&mut self, key: ConnectionKey, window: bool) {
        let close = if window { Close::WINDOW_FULL } else { Close::QUEUE_FULL };
        let counter = if window { &mut self.counters.windows_full } else { &mut self.counters.outboxes_full };
        *counter += 1;
        self.tell_overflow(key, window);
        self.connections[key.index()].outbox.truncate();
        self.close(key, &close, close.reason.clone(), close.reason.clone());
    }

    /// Queues a liveness check, whatever else is about to be sent: a client that only receives is heard by its answers to these alone.
    pub fn ping(&mut self, key: ConnectionKey) {
        /// An empty ping frame.
        const PING: &[u8] = &[0x89, 0];
        if self.connection_id(key).is_some() {
            self.reply(key, bytes::Bytes::from_static(PING));
        }
    }

    /// Queues the answer to a client's ping.
    pub fn answer_ping(&mut self, key: ConnectionKey, pong: bytes::Bytes) {
        if self.connection_id(key).is_some() {
            self.reply(key, pong);
        }
    }

    /// Tells a client something about its own connection and requests. Simple clients are never told, and those that are gone cannot be.
    pub(crate) fn notify(&mut self, key: ConnectionKey, notice: &Notice<'_>) {
        if let Some(subprotocol) = self.connections.get(key.index()).and_then(Connection::pubsub) {
            self.reply(key, subprotocol.notice(notice));
        }
    }

    /// Queues a frame that has no sequence id, such as an acknowledgement.
    pub(crate) fn reply(&mut self, key: ConnectionKey, frame: bytes::Bytes) {
        let connection = &mut self.connections[key.index()];
        if connection.link != Link::Attached {
            return;
        }
        let (messages_max, bytes_max) = self.limits.reliable_outbox();
        if connection.outbox.push(Outbound::whole(frame), messages_max, bytes_max) {
            self.flushes.mark(key, connection, Lane::Prompt, &self.limits);
        } else {
            self.overflow(key, false);
        }
    }

    /// Takes a connection out of everything that it is indexed by. Its slot stays until its socket is gone.
    pub(crate) fn end(&mut self, key: ConnectionKey, farewell: Farewell) {
        self.counters.connections_closed += 1;
        self.counters.closes[farewell.category() as usize] += 1;
        let (is_session, is_told) = (self.is_kept(key), self.is_kept_publisher(key));
        let is_kept = is_session || is_told;
        let farewells = if is_kept { self.stream_farewells(key) } else { Vec::new() };
        self.cancel_streams(key);
        self.forget_invocations(key);
        self.leave_all(key, Party::End);
        self.tell_end(key, &farewell);
        let end = self.event(key, Occurrence::Disconnected { reason: farewell.reason });
        if !is_session {
            self.effects.push(Effect::Notify(end.clone()));
        }
        if is_kept {
            self.effects.push(Effect::Forget(Box::new(Parting { end, is_told, farewells })));
        }
        self.leave_lists(key);
        let connection = &mut self.connections[key.index()];
        connection.link = Link::Ended;
        connection.window = None;
        connection.activity = None;
        connection.user = None;
        connection.state = None;
        self.ids.remove(&connection.id);
    }

    fn enter_hub(&mut self, name: &HubName) -> u32 {
        if let Some(slot) = self.hub_slot(name) {
            return slot;
        }
        let logged = self.logged.contains(name);
        let slot = self.hubs.insert(Hub::new(name.clone(), logged)) as u32;
        self.hub_slots.insert(name.clone(), slot);
        self.effects.push(Effect::Interested(name.clone(), Target::Hub));
        slot
    }

    fn enter_lists(&mut self, key: ConnectionKey) {
        let connection = &mut self.connections[key.index()];
        let hub = &mut self.hubs[connection.hub as usize];
        connection.hub_position = hub.connections.len() as u32;
        hub.connections.push(key);
        if let Some(user) = &connection.user {
            match hub.users.entry(user.clone()) {
                Entry::Occupied(mut connections) => {
                    connection.user_position = connections.get_mut().push(key) as u32;
                }
                Entry::Vacant(vacant) => {
                    connection.user_position = 0;
                    vacant.insert(UserConnections::One(key));
                    self.effects.push(Effect::Interested(hub.name.clone(), Target::User(user.clone())));
                }
            }
        }
    }

    fn leave_lists(&mut self, key: ConnectionKey) {
        let connection = &self.connections[key.index()];
        let (slot, hub_position, user_position) =
            (connection.hub, connection.hub_position as usize, connection.user_position as usize);
        let user = connection.user.clone();
        let hub = &mut self.hubs[slot as usize];
        let name = hub.name.clone();
        hub.connections.swap_remove(hub_position);
        if let Some(moved) = hub.connections.get(hub_position) {
            self.connections[moved.index()].hub_position = hub_position as u32;
        }
        if let Some(user) = user
            && let Some(connections) = hub.users.get_mut(&user)
        {
            if connections.len() == 1 {
                hub.users.remove(&user);
                self.effects.push(Effect::Uninterested(name.clone(), Target::User(user)));
            } else {
                connections.swap_remove(user_position);
                if let Some(moved) = connections.get(user_position) {
                    self.connections[moved.index()].user_position = user_position as u32;
                }
            }
        }
        if hub.connections.is_empty() {
            self.hubs.remove(slot as usize);
            self.hub_slots.remove(&name);
            self.effects.push(Effect::Uninterested(name, Target::Hub));
        }
    }
}
