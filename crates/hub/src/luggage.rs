//! What a reliable session is when it travels to another process.

use std::sync::Arc;

use bytes::Bytes;
use hubwire_auth::Permissions;
use hubwire_protocol::codes::Close;
use hubwire_protocol::websocket::close_frame;
use hubwire_protocol::{
    ConnectionId, GroupName, GroupStateItem, Head, HubName, Metadata, Subprotocol, UserId,
};

use crate::activity::{Activity, Stream, Subscription};
use crate::connection::Link;
use crate::deadline::Deadline;
use crate::delivery::Lane;
use crate::outbox::Outbound;
use crate::shard::Shard;
use crate::window::Window;
use crate::{ConnectionKey, Effect, Opening, Protocol, Reply};

/// One reliable session, whole: whoever unpacks it goes on where it was packed. What its client was waiting for is not in it: the answer to
/// a request that was not acknowledged is asked for again by the client, under the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Luggage {
    /// Its connection.
    pub id: ConnectionId,
    /// Its hub.
    pub hub: HubName,
    /// Its user.
    pub user: Option<UserId>,
    /// What it may do.
    pub permissions: Permissions,
    /// What it speaks.
    pub subprotocol: Subprotocol,
    /// How its client spelled that.
    pub spelling: Option<Arc<str>>,
    /// The host that its client asked for.
    pub origin: Arc<str>,
    /// What its application gave to be kept with it.
    pub state: Option<Bytes>,
    /// The number of its latest event.
    pub events: u64,
    /// Its groups.
    pub groups: Vec<GroupName>,
    /// Runs of acknowledgement ids that have taken effect, from the oldest to the latest: each by its first and its last.
    pub ack_ids: Vec<(u64, u64)>,
    /// The sequence id of its newest message.
    pub last_sequence_id: u64,
    /// The messages that its client has not acknowledged, in order.
    pub unacknowledged: Vec<KeptMessage>,
    /// Its open streams.
    pub streams: Vec<OpenStream>,
    /// Its states in groups.
    pub states: Vec<(GroupName, GroupStateItem)>,
    /// The groups whose states it is told.
    pub subscriptions: Vec<GroupName>,
    /// When it last changed a state, in milliseconds since 1970.
    pub state_changed_ms: i64,
    /// The position in the log that all this is valid at; 0 in a hub without one.
    pub position: u64,
    /// Where messages that are not acknowledged stand in the log: each by its sequence id and its position.
    pub positions: Vec<(u64, u64)>,
    /// Messages for it may have been lost on its way: it ends as soon as it has arrived, and says so.
    pub missed: bool,
}

/// A message that waits to be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// Its sequence id.
    pub sequence_id: u64,
    /// What stands in front of it.
    pub head: Head,
    /// The rest of its frame.
    pub bytes: Bytes,
    /// How much longer it may wait, in milliseconds; for ever, if nothing is said.
    pub left_ms: Option<u64>,
}

/// A stream that its publisher goes on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStream {
    /// Its id.
    pub stream_id: Box<str>,
    /// Its group.
    pub group: GroupName,
    /// What its publisher attached.
    pub metadata: Option<Metadata>,
    /// Its publisher is left out.
    pub no_echo: bool,
    /// How long a copy may wait, in seconds.
    pub ttl_s: u16,
    /// How long it may be silent, in milliseconds.
    pub idle_timeout_ms: u32,
    /// The number of the message that is expected next.
    pub expected: u64,
    /// Where in the log it was opened; 0 in a hub without one.
    pub opened: u64,
}

impl Shard {
    /// Sends a reliable session's client away to another process: its socket closes, and its session waits there for it. Of any other
    /// connection nothing is changed, and the answer is no.
    pub fn suspend(&mut self, key: ConnectionKey, close: &Close) -> bool {
        let now_ms = self.now_ms;
        let Some(connection) = self.connections.get_mut(key.index()) else {
            return false;
        };
        if connection.link != Link::Attached || connection.window.is_none() {
            return false;
        }
        connection.outbox.finish([close_frame(close)]);
        self.flushes.mark(key, connection, Lane::Prompt, &self.limits);
        connection.link = Link::Detached;
        let attachment = connection.attachment;
        self.effects.push(Effect::Closing(key));
        self.forget_invocations(key);
        self.counters.sessions_detached += 1;
        self.expiries.push(now_ms + self.limits.recovery_window_ms, key, attachment);
        true
    }

    /// Packs every reliable session of hubs with a log, or of those without. They are here no longer, and nobody is told that they ended, since
    /// they did not.
    pub fn pack_sessions(&mut self, logged: bool) -> Vec<Luggage> {
        let mut keys = self.sessions();
        keys.retain(|key| self.is_logged(*key) == logged);
        keys.into_iter().filter_map(|key| self.pack(key)).collect()
    }

    fn pack(&mut self, key: ConnectionKey) -> Option<Luggage> {
        if !self.is_logged(key) {
            self.raise_move(key, false);
        }
        let luggage = self.describe(key)?;
        let connection = &mut self.connections[key.index()];
        connection.window = None;
        connection.state = None;
        let activity = connection.activity.take().unwrap_or_default();
        activity.streams.values().for_each(|stream| self.deadlines.clear(stream.deadline));
        for subscription in &activity.subscriptions {
            self.groups.unsubscribe(key, subscription.slot);
        }
        self.depart(key);
        Some(luggage)
    }

    /// What a session is, whole, or a plain publisher that is kept.
    pub(crate) fn describe(&self, key: ConnectionKey) -> Option<Luggage> {
        let now_ms = self.now_ms;
        let connection = &self.connections[key.index()];
        let subprotocol = connection.pubsub()?;
        let (nothing, unnumbered) = (Activity::default(), Window::default());
        let activity = connection.activity.as_deref().unwrap_or(&nothing);
        let window = connection.window.as_deref().or(activity.is_kept.then_some(&unnumbered))?;
        let logged = self.hubs[connection.hub as usize].logged;
        let group_name = |slot: &u32| self.groups.get(*slot).name.clone();
        let unacknowledged = window.replay().map(|message| KeptMessage {
            sequence_id: message.sequence_id,
            head: message.head,
            bytes: message.bytes,
            left_ms: (message.deadline_ms != 0).then(|| message.deadline_ms.saturating_sub(now_ms)),
        });
        Some(Luggage {
            id: connection.id,
            hub: self.hubs[connection.hub as usize].name.clone(),
            user: connection.user.clone(),
            permissions: connection.permissions.clone(),
            subprotocol,
            spelling: connection.subprotocol.clone(),
            origin: connection.origin.clone(),
            state: connection.state.clone(),
            events: connection.events,
            groups: connection.groups.iter().map(group_name).collect(),
            ack_ids: connection.ack_memory.runs().collect(),
            last_sequence_id: window.last(),
            unacknowledged: unacknowledged.collect(),
            subscriptions: activity.subscriptions.iter().map(|known| group_name(&known.slot)).collect(),
            streams: activity
                .streams
                .iter()
                .map(|(stream_id, stream)| open_stream(stream_id, stream))
                .collect(),
            states: activity.states.clone().into_iter().collect(),
            state_changed_ms: activity.state_changed_ms,
            position: if logged { self.position } else { 0 },
            positions: window.positions().collect(),
            missed: false,
        })
    }

    /// Takes a session in that was packed elsewhere. Its client has the recovery window to come. A plain publisher is taken in as well, for
    /// [`Shard::end_publishers`]: nobody can come for it.
    pub fn unpack(&mut self, luggage: &Luggage) -> Reply {
        let opening = Opening {
            id: luggage.id,
            hub: luggage.hub.clone(),
            user: luggage.user.clone(),
            permissions: luggage.permissions.clone(),
            groups: Vec::new(),
            protocol: Protocol::PubSub(luggage.subprotocol),
            subprotocol: luggage.spelling.clone(),
            reconnection_token: None,
            origin: luggage.origin.clone(),
            state: luggage.state.clone(),
        };
        let (now_ms, key) = (self.now_ms, self.enter(opening));
        let connection = &mut self.connections[key.index()];
        connection.link = Link::Detached;
        connection.events = luggage.events;
        luggage.ack_ids.iter().for_each(|(first, last)| connection.ack_memory.remember_run(*first, *last));
        if let Some(window) = &mut connection.window {
            let deadline_ms = |left_ms: Option<u64>| left_ms.map_or(0, |left_ms| now_ms + left_ms.max(1));
            let outbound = |kept: &KeptMessage| Outbound {
                bytes: kept.bytes.clone(),
                head: kept.head,
                plain_bytes: 0,
                sequence_id: kept.sequence_id,
                deadline_ms: deadline_ms(kept.left_ms),
            };
            let unacknowledged = luggage.unacknowledged.iter().map(outbound);
            window.restore(luggage.last_sequence_id, unacknowledged, &luggage.positions);
        } else {
            connection.activity().is_kept = true;
        }
        let attachment = connection.attachment;
        self.expiries.push(now_ms + self.limits.recovery_window_ms, key, attachment);
        for group in &luggage.groups {
            self.enter_group(key, group);
        }
        self.unpack_activity(key, luggage);
        if !self.is_logged(key) {
            self.raise_move(key, true);
        }
        if luggage.missed {
            self.counters.sessions_missed += 1;
            self.refuse(key, &Close::MESSAGES_MISSED);
        }
        Reply::Done
    }

    fn unpack_activity(&mut self, key: ConnectionKey, luggage: &Luggage) {
        let now_ms = self.now_ms;
        for open in &luggage.streams {
            let deadline = Deadline::Stream(key, open.stream_id.clone());
            let stream = Stream {
                group: open.group.clone(),
                metadata: open.metadata.clone(),
                no_echo: open.no_echo,
                ttl_s: open.ttl_s,
                idle_timeout_ms: open.idle_timeout_ms,
                heard_ms: now_ms,
                deadline: self.deadlines.set(now_ms + u64::from(open.idle_timeout_ms), deadline),
                expected: open.expected,
                opened: open.opened,
                closing: false,
            };
            self.connections[key.index()].activity().streams.insert(open.stream_id.clone(), stream);
        }
        if !luggage.states.is_empty() || luggage.state_changed_ms != 0 {
            let activity = self.connections[key.index()].activity();
            activity.states = luggage.states.iter().cloned().collect();
            activity.state_changed_ms = luggage.state_changed_ms;
        }
        for group in &luggage.subscriptions {
            let hub = self.connections[key.index()].hub;
            if let Some(slot) = self.hubs[hub as usize].groups.get(group).copied() {
                // In a hub with a log it is told again from a new snapshot on, which is asked for when every node knows that it is here.
                if !self.is_logged(key) {
                    self.groups.subscribe(key, slot);
                }
                self.connections[key.index()].activity().subscriptions.push(Subscription { slot, round: 0 });
            }
        }
    }
}

fn open_stream(stream_id: &str, stream: &Stream) -> OpenStream {
    OpenStream {
        stream_id: stream_id.into(),
        group: stream.group.clone(),
        metadata: stream.metadata.clone(),
        no_echo: stream.no_echo,
        ttl_s: stream.ttl_s,
        idle_timeout_ms: stream.idle_timeout_ms,
        expected: stream.expected,
        opened: stream.opened,
    }
}
