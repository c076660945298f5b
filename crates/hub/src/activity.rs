use std::collections::HashMap;

use hubwire_protocol::{GroupName, GroupStateItem, Metadata};

use crate::Entry;
use crate::deadline::DeadlineId;
use crate::publisher::Keeping;

/// The longest name that a client may give a stream or an invocation, in bytes.
pub(crate) const CLIENT_NAME_BYTES_MAX: usize = 1024;

/// What a client has going on beyond its memberships. Most clients have nothing, so a connection keeps one only when it is needed.
#[derive(Default)]
pub(crate) struct Activity {
    /// Its open streams, by their ids.
    pub(crate) streams: HashMap<Box<str>, Stream>,
    /// What it wants of a stream and the log has not answered; it is held meanwhile, so there is one at a time. Only in hubs with a log.
    pub(crate) stream_request: Option<StreamRequest>,
    /// Of a plain publisher: the stream that it has opened last, until it is kept elsewhere. Only in hubs with a log.
    pub(crate) keeping: Option<Keeping>,
    /// Whether it is a plain publisher that is kept elsewhere.
    pub(crate) is_kept: bool,
    /// Whether something has changed since it was recorded there.
    pub(crate) changed: bool,
    /// Messages of streams since the publisher last rested.
    pub(crate) stream_burst: u32,
    /// The invocations that it waits for, by their ids.
    pub(crate) invocations: HashMap<Box<str>, Invocation>,
    /// The user event that it waits for.
    pub(crate) event: Option<PendingEvent>,
    /// Its states in groups, as their homes have them: a new home is told again.
    pub(crate) states: HashMap<GroupName, GroupStateItem>,
    /// The groups whose states it is told.
    pub(crate) subscriptions: Vec<Subscription>,
    /// When it last changed a state, in milliseconds since 1970: the next change is later, whatever the clock says.
    pub(crate) state_changed_ms: i64,
    /// The acknowledgement that it waits for while other shards carry out its request.
    pub(crate) pending_ack: Option<PendingAck>,
}

/// A group whose states a client is told: from the snapshot on that has been asked for last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// The group's slot.
    pub(crate) slot: u32,
    /// Which snapshot that is. Those before come from homes that are none any more.
    pub(crate) round: u64,
}

/// A stream that a client publishes.
pub(crate) struct Stream {
    pub(crate) group: GroupName,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) no_echo: bool,
    pub(crate) ttl_s: u16,
    pub(crate) idle_timeout_ms: u32,
    /// When its publisher was last heard of it.
    pub(crate) heard_ms: u64,
    /// When to look whether it is idle: at the end of its time-out, or earlier.
    pub(crate) deadline: DeadlineId,
    /// The number of the message that is expected next.
    pub(crate) expected: u64,
    /// Where in the log it was opened; 0 in a hub without one.
    pub(crate) opened: u64,
    /// Whether its end is on its way to the log.
    pub(crate) closing: bool,
}

/// The opening of a stream, or one of its messages, on its way to the log.
pub(crate) struct StreamRequest {
    pub(crate) stream_id: Box<str>,
    /// The stream that the message belongs to, by where it was opened, and its number there; nothing of an opening.
    pub(crate) part: Option<(u64, u64)>,
    /// What was appended: it is appended again if it is not taken.
    pub(crate) entry: Entry,
    /// When that was done first.
    pub(crate) since_ms: u64,
    /// When it is done again, if it was not taken.
    pub(crate) again: Option<DeadlineId>,
}

/// An invocation that is not answered yet.
pub(crate) struct Invocation {
    /// Tells it from others that had or will have the same id.
    pub(crate) serial: u64,
    pub(crate) deadline: DeadlineId,
}

/// A user event that is not answered yet.
pub(crate) struct PendingEvent {
    /// Tells it from others of the connection.
    pub(crate) serial: u64,
    /// What its client wants acknowledged.
    pub(crate) ack_id: Option<u64>,
}

/// A request that is under way at other shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PendingAck {
    pub(crate) ack_id: Option<u64>,
}
