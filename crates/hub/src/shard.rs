use std::collections::HashMap;
use std::sync::Arc;

use hubwire_protocol::codes::Close;
use hubwire_protocol::websocket::{DeflateWindow, Deflater};
use hubwire_protocol::{ConnectionId, GroupName, HubName, JsonForm, Subprotocol};
use slab::Slab;

use crate::backpressure::Backpressure;
use crate::cause::Causes;
use crate::connection::{Connection, Link};
use crate::deadline::{Deadline, Deadlines};
use crate::delivery::Flushes;
use crate::expiry::Expiries;
use crate::group::Groups;
use crate::hub::Hub;
use crate::letter::Letter;
use crate::logged_stream::StreamEnds;
use crate::presence::{Membership, Presence};
use crate::state_home::Home;
use crate::trace::Trace;
use crate::{ConnectionKey, Counters, Effect, Envelope, Happening, Limits, Logged, Outbox, Party, Target};

/// All connections of one worker, with the hubs, groups, users and sessions that they make up.
///
/// A shard changes only when it is told something, and tells what it wants by [`Effect`]s and by what waits in outboxes. The same calls
/// with the same times always have the same outcome.
pub struct Shard {
    pub(crate) limits: Arc<Limits>,
    /// How protobuf clients see JSON.
    pub(crate) json_form: JsonForm,
    /// Compresses messages for those who take them so.
    pub(crate) deflater: Deflater,
    /// The latest time that the shard was told.
    pub(crate) now_ms: u64,
    /// What makes a time on the shard's clock one in milliseconds since 1970.
    pub(crate) unix_offset_ms: i64,
    pub(crate) connections: Slab<Connection>,
    pub(crate) ids: HashMap<ConnectionId, ConnectionKey>,
    pub(crate) hubs: Slab<Hub>,
    pub(crate) hub_slots: HashMap<HubName, u32>,
    pub(crate) groups: Groups,
    /// The group events that somebody wants to be told of.
    pub(crate) presence: Option<Arc<Presence>>,
    /// Whether other shards are on other nodes, which learn of interests only after a while.
    pub(crate) spans_nodes: bool,
    /// The hubs that have a log.
    pub(crate) logged: Arc<Logged>,
    /// The position of the latest entry of the log that was applied.
    pub(crate) position: u64,
    pub(crate) expiries: Expiries,
    pub(crate) deadlines: Deadlines,
    /// Invocations so far.
    pub(crate) invocation_serials: u64,
    pub(crate) backpressure: Backpressure,
    /// Publishers of streams that are not read until their latest messages have arrived everywhere, oldest first.
    pub(crate) resting: Vec<ConnectionId>,
    /// The last messages of streams whose publishers have ended.
    pub(crate) farewells: Vec<Envelope>,
    /// The ends of streams that are on their way to the log.
    pub(crate) stream_ends: StreamEnds,
    /// The states of the groups whose home the shard is.
    pub(crate) home: Home,
    /// Since when it has sessions that it has taken from nodes that have died, by the nodes that began them: see [`crate::Teller`].
    pub(crate) terms: HashMap<u32, u64>,
    /// Snapshots of states that it has asked for so far.
    pub(crate) state_rounds: u64,
    /// Attachments of sockets so far.
    pub(crate) attachments: u64,
    pub(crate) flushes: Flushes,
    pub(crate) effects: Vec<Effect>,
    pub(crate) counters: Counters,
    /// What is kept for whoever watches; `None` while nobody does.
    pub(crate) trace: Option<Box<Trace>>,
    /// Messages that were given an id so far.
    pub(crate) message_serials: u64,
    /// The distributed traces that it acts in.
    pub(crate) causes: Causes,
}

impl Shard {
    /// A shard without connections.
    pub fn new(limits: Arc<Limits>) -> Self {
        Self {
            limits,
            json_form: JsonForm::default(),
            deflater: Deflater::default(),
            now_ms: 0,
            unix_offset_ms: 0,
            connections: Slab::new(),
            ids: HashMap::new(),
            hubs: Slab::new(),
            hub_slots: HashMap::new(),
            groups: Groups::default(),
            presence: None,
            spans_nodes: false,
            logged: Arc::default(),
            position: 0,
            expiries: Expiries::default(),
            deadlines: Deadlines::default(),
            invocation_serials: 0,
            backpressure: Backpressure::default(),
            resting: Vec::new(),
            farewells: Vec::new(),
            stream_ends: StreamEnds::default(),
            home: Home::default(),
            terms: HashMap::new(),
            state_rounds: 0,
            attachments: 0,
            flushes: Flushes::default(),
            effects: Vec::new(),
            counters: Counters::default(),
            trace: None,
            message_serials: 0,
            causes: Causes::default(),
        }
    }

    /// Changes the bounds for all that follows; what is held beyond a lowered bound stays until it drains.
    pub fn set_limits(&mut self, limits: Arc<Limits>) {
        self.limits = limits;
    }

    /// Sets which group events are raised from now on; `None` for none.
    pub fn set_presence(&mut self, presence: Option<Arc<Presence>>) {
        self.presence = presence;
    }

    /// Sets whether other shards are on other nodes: then a client's join is acknowledged only when all of them know of it.
    pub fn set_spans_nodes(&mut self, spans_nodes: bool) {
        self.spans_nodes = spans_nodes;
    }

    /// Sets which hubs have a log: those that begin from now on.
    pub fn set_logged(&mut self, logged: Arc<Logged>) {
        self.logged = logged;
    }

    /// Tells the shard the time, for what happens before the next call that has a time of its own.
    pub fn set_now_ms(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }

    /// Sets how JSON reaches protobuf clients from now on.
    pub fn set_json_form(&mut self, json_form: JsonForm) {
        self.json_form = json_form;
    }

    /// Sets what makes a time on the shard's clock one in milliseconds since 1970: states of groups and events show such a time.
    pub fn set_unix_offset_ms(&mut self, unix_offset_ms: i64) {
        self.unix_offset_ms = unix_offset_ms;
    }

    /// What the shard has counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Connections and recoverable sessions in this shard.
    pub fn connection_count(&self) -> usize {
        self.ids.len()
    }

    /// What the shard wants of its surroundings, oldest first. What ended connections leave behind is delivered before.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        while let Some(farewell) = self.farewells.pop() {
            self.publish(&farewell, self.now_ms);
            self.effects.push(Effect::Publish(farewell));
        }
        std::mem::take(&mut self.effects)
    }

    /// Takes in what another shard, or this one, has sent.
    pub fn receive(&mut self, letter: Letter, now_ms: u64) {
        self.now_ms = now_ms;
        match letter {
            Letter::SetState { hub, group, item, teller, answer } => {
                self.keep_state((hub, group), item, teller, answer);
            }
            Letter::ListStates { hub, group, subscriber, round, answer } => {
                self.list_states(hub, group, subscriber, (round, answer));
            }
            Letter::StateSet { connection, group, refused } => self.state_set(connection, &group, refused),
            Letter::States { subscriber, group, items, round, answer } => {
                self.states_listed(subscriber, group, items, (round, answer));
            }
            Letter::HomesMoved(homes) => self.homes_moved(&*homes),
            Letter::ViewsChanged(homes) => self.views_changed(&*homes),
            Letter::SessionsTaken { origins, term } => self.sessions_taken(&origins, term),
            Letter::StateChanged { hub, group, item } => self.state_changed(&hub, group, item, now_ms),
            Letter::Hold(connection) => {
                if let Some(key) = self.ids.get(&connection).copied() {
                    self.hold(key);
                }
            }
            Letter::Release(connection) => {
                if let Some(key) = self.ids.get(&connection).copied() {
                    self.release(key);
                }
            }
            Letter::Missed => self.end_sessions(false),
            Letter::LogMissed => self.miss_entries(),
            Letter::LogPosition(position) => self.set_position(position),
            Letter::AppendRefused { author, refusal } => self.append_refused(author, refusal),
            Letter::Kept { connection, position } => self.publisher_kept(connection, position),
            Letter::Unkept(connection) => {
                if let Some(key) = self.ids.get(&connection).copied()
                    && !self.publisher_unkept(key)
                {
                    self.refuse(key, &Close::MESSAGES_MISSED);
                }
            }
            Letter::Tell(event) => self.effects.push(Effect::Notify(*event)),
            Letter::Settled(connection) => {
                if let Some(key) = self.ids.get(&connection).copied() {
                    self.answered(key, None);
                }
            }
        }
    }

    /// Does what is due: ends sessions whose recovery window has passed, streams that are idle, invocations that got no answer.
    pub fn keep_time(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.expire_sessions(now_ms);
        while let Some(deadline) = self.deadlines.pop_due(now_ms) {
            match deadline {
                Deadline::Stream(key, stream_id) => self.stream_due(key, &stream_id, now_ms),
                Deadline::StreamRequest(key) => self.stream_request_due(key),
                Deadline::Keeping(key) => self.keeping_due(key),
                Deadline::StreamEnds => self.stream_ends_due(now_ms),
                Deadline::Invocation(key, invocation_id) => self.invocation_due(key, &invocation_id),
                Deadline::Backpressure => self.check_subscribers(now_ms),
            }
        }
    }

    /// When [`Shard::keep_time`] next has something to do.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.expiries.next_ms().into_iter().chain(self.deadlines.next_ms()).min()
    }

    /// Whether outboxes fill up although their sockets would take more: flush everything before more input is handed in.
    pub fn is_pressing(&self) -> bool {
        self.flushes.pressing
    }

    /// Whether connections wait to be flushed.
    pub fn has_flushes(&self) -> bool {
        !self.flushes.prompt.is_empty() || !self.flushes.bulk.is_empty()
    }

    /// The connections to flush next: all that got little, and at most `bulk_max` of those that are one of many. The caller writes what
    /// waits in their outboxes.
    pub fn take_flushes(&mut self, bulk_max: usize, into: &mut Vec<ConnectionKey>) {
        let bulk = self.flushes.bulk.len().min(bulk_max);
        for key in self.flushes.prompt.drain(..) {
            if let Some(connection) = self.connections.get_mut(key.index()) {
                connection.in_prompt_lane = false;
                into.push(key);
            }
        }
        for key in self.flushes.bulk.drain(..bulk) {
            if let Some(connection) = self.connections.get_mut(key.index()) {
                connection.in_bulk_lane = false;
                into.push(key);
            }
        }
        self.flushes.pressing &= self.has_flushes();
    }

    /// What waits to be written to a connection's socket; late frames are dropped and counted first.
    pub fn outbox(&mut self, key: ConnectionKey, now_ms: u64) -> Option<&mut Outbox> {
        if self.connections.get(key.index())?.outbox.may_be_late(now_ms) {
            self.drop_late(key, now_ms);
        }
        self.connections.get_mut(key.index()).map(|connection| &mut connection.outbox)
    }

    fn drop_late(&mut self, key: ConnectionKey, now_ms: u64) {
        let at_ms = self.at_unix_ms(now_ms);
        let connection = &mut self.connections[key.index()];
        let dropped = connection.outbox.drop_late(now_ms);
        let counted = match &mut connection.window {
            Some(window) => window.forget(&dropped),
            None => dropped.len(),
        };
        self.counters.ttl_drops += counted as u64;
        if let Some(trace) = self.trace.as_mut().filter(|_| connection.window.is_none()) {
            for number in dropped.iter().filter(|number| **number != 0) {
                trace.recording.late(connection.id, *number as u32, at_ms);
            }
        }
        if counted > 0 {
            self.tell(key, None, |_| Happening::Dropped { messages: counted });
        }
    }

    /// Tells whether a connection's socket would block. While it does, its outbox grows up to its bounds, and is not offered for flushing.
    pub fn set_blocked(&mut self, key: ConnectionKey, blocked: bool) {
        if let Some(connection) = self.connections.get_mut(key.index()) {
            connection.blocked = blocked;
        }
    }

    /// Tells by which window the client takes compressed messages on the socket that its connection has now, if at all. It takes none before this is
    /// told.
    pub fn set_compression(&mut self, key: ConnectionKey, compression: Option<DeflateWindow>) {
        if let Some(connection) = self.connections.get_mut(key.index()) {
            connection.compression = compression;
        }
    }

    /// The id of a connection that has not ended.
    pub fn connection_id(&self, key: ConnectionKey) -> Option<ConnectionId> {
        self.connections.get(key.index()).filter(|connection| connection.link != Link::Ended).map(|it| it.id)
    }

    /// Whether a connection has a socket and has not ended: only then can its client ask for anything.
    pub(crate) fn is_attached(&self, key: ConnectionKey) -> bool {
        self.connections.get(key.index()).is_some_and(|connection| connection.link == Link::Attached)
    }

    /// The subprotocol that a connection speaks. `None` if its messages are bare payloads, or there is no such connection.
    pub fn subprotocol(&self, key: ConnectionKey) -> Option<Subprotocol> {
        self.connections.get(key.index()).and_then(Connection::pubsub)
    }

    /// The hub of a connection that has not ended.
    pub fn hub(&self, key: ConnectionKey) -> Option<&HubName> {
        let connection =
            self.connections.get(key.index()).filter(|connection| connection.link != Link::Ended)?;
        Some(&self.hubs[connection.hub as usize].name)
    }

    pub(crate) fn hub_slot(&self, hub: &HubName) -> Option<u32> {
        self.hub_slots.get(hub).copied()
    }

    /// The connection with an id, if it is in that hub.
    pub(crate) fn find(&self, hub: &HubName, id: ConnectionId) -> Option<ConnectionKey> {
        let key = *self.ids.get(&id)?;
        (Some(self.connections[key.index()].hub) == self.hub_slot(hub)).then_some(key)
    }

    /// Whether a connection is a member of a group.
    pub(crate) fn is_member(&self, key: ConnectionKey, name: &GroupName) -> bool {
        let hub = &self.hubs[self.connections[key.index()].hub as usize];
        hub.groups.get(name).is_some_and(|group| self.groups.contains(key, *group))
    }

    /// Whether a connection may be in one more group; counts it if not.
    pub(crate) fn has_room(&mut self, key: ConnectionKey) -> bool {
        let room = self.connections[key.index()].groups.len() < self.limits.groups_per_connection_max;
        self.counters.group_limit_refusals += u64::from(!room);
        room
    }

    /// Makes a connection a member of a group. `false` if it is in as many groups as it may be.
    pub(crate) fn join(&mut self, key: ConnectionKey, name: &GroupName, by: Party) -> bool {
        if self.is_member(key, name) {
            return true;
        }
        if !self.has_room(key) {
            return false;
        }
        let joined = self.enter_group(key, name);
        if joined {
            self.raise_membership(key, Membership::Joined, name);
            self.tell_membership(key, name, true, by);
        }
        joined
    }

    /// Makes a connection a member of a group, and tells nobody.
    pub(crate) fn enter_group(&mut self, key: ConnectionKey, name: &GroupName) -> bool {
        let connection = &mut self.connections[key.index()];
        let hub = &mut self.hubs[connection.hub as usize];
        let group = hub.groups.get(name).copied().unwrap_or_else(|| {
            let group = self.groups.add(name.clone());
            hub.groups.insert(name.clone(), group);
            self.effects.push(Effect::Interested(hub.name.clone(), Target::Group(name.clone())));
            group
        });
        let joined = self.groups.join(key, group, &mut connection.groups);
        self.touch(key);
        joined
    }

    /// Ends all memberships of a connection, and tells nobody.
    pub(crate) fn depart_groups(&mut self, key: ConnectionKey) {
        while let Some(group) = self.connections[key.index()].groups.last().copied() {
            self.groups.leave(key, group, &mut self.connections[key.index()].groups);
            self.forget_if_empty(key, group);
        }
    }

    /// Ends a membership, if there is one.
    pub(crate) fn leave(&mut self, key: ConnectionKey, name: &GroupName, by: Party) {
        let hub = self.connections[key.index()].hub;
        if let Some(group) = self.hubs[hub as usize].groups.get(name).copied() {
            self.leave_group(key, group, by);
        }
    }

    /// Ends all memberships of a connection.
    pub(crate) fn leave_all(&mut self, key: ConnectionKey, by: Party) {
        while let Some(group) = self.connections[key.index()].groups.last().copied() {
            self.leave_group(key, group, by);
        }
    }

    fn leave_group(&mut self, key: ConnectionKey, group: u32, by: Party) {
        self.end_state(key, group);
        let connection = &mut self.connections[key.index()];
        if !self.groups.leave(key, group, &mut connection.groups) {
            return;
        }
        self.touch(key);
        if self.presence.is_some() || self.trace.is_some() {
            let name = self.groups.get(group).name.clone();
            self.raise_membership(key, Membership::Left, &name);
            self.tell_membership(key, &name, false, by);
        }
        self.forget_if_empty(key, group);
    }

    fn forget_if_empty(&mut self, key: ConnectionKey, group: u32) {
        if let Some(name) = self.groups.remove_if_empty(group) {
            let hub = &mut self.hubs[self.connections[key.index()].hub as usize];
            hub.groups.remove(&name);
            self.effects.push(Effect::Uninterested(hub.name.clone(), Target::Group(name)));
        }
    }
}
