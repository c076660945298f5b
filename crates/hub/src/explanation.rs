use std::borrow::Cow;
use std::sync::Arc;

use hubwire_protocol::{ConnectionId, GroupName, UserId};

use crate::{MessageId, Target};

/// A question why a message did, or did not, reach somebody.
#[derive(Debug, Clone)]
pub struct Inquiry {
    /// The message.
    pub message: MessageId,
    /// Whom it was meant for.
    pub target: Target,
    /// When it was accepted, in milliseconds since 1970: for shards that it never reached.
    pub accepted_ms: u64,
    /// Who should have got it: a connection, or the connections of a user or a group. For a hub there is no answer.
    pub subject: Target,
    /// At most so many answers of each shard.
    pub limit: usize,
}

/// Why a message did, or did not, reach one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The connection.
    pub connection: ConnectionId,
    /// Its user.
    pub user: Option<UserId>,
    /// What decided.
    pub rule: Rule,
}

/// The explanations of one or more shards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanations {
    /// The first ones.
    pub items: Vec<Explanation>,
    /// How many more there are.
    pub more: usize,
}

/// The rule that decided what became of a message for one connection. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Delivered, and acknowledged by its client.
    Acknowledged {
        /// Its number in the session.
        sequence_id: u64,
        /// When it was queued.
        delivered_ms: u64,
    },
    /// Delivered, and not acknowledged yet.
    Unacknowledged {
        /// Its number in the session.
        sequence_id: u64,
        /// When it was queued.
        delivered_ms: u64,
        /// Whether the client has a socket now.
        attached: bool,
    },
    /// Written to the socket of a client that acknowledges nothing.
    Written {
        /// When it was queued.
        delivered_ms: u64,
    },
    /// It waits for a socket that would block.
    Waiting {
        /// When it was queued.
        delivered_ms: u64,
        /// All that waits, in messages.
        messages: usize,
        /// The same in bytes.
        bytes: usize,
    },
    /// The connection ended before the message was written, or acknowledged.
    Lost {
        /// When the connection ended.
        ended_ms: u64,
        /// Why it ended.
        reason: Cow<'static, str>,
    },
    /// It was kept for a client that did not come back in time.
    SessionExpired {
        /// Its number in the session.
        sequence_id: u64,
        /// When the session ended.
        ended_ms: u64,
    },
    /// The connection was no member of the group.
    NotInGroup {
        /// The group.
        group: GroupName,
        /// When it joined next, if it did.
        joined_ms: Option<u64>,
        /// When it had left last, if it had.
        left_ms: Option<u64>,
    },
    /// The message was for another user.
    OtherUser,
    /// The message was for another connection.
    OtherConnection,
    /// The connection is in another hub.
    OtherHub,
    /// The publisher left it out by id.
    Excluded,
    /// It published the message itself, and did not want it back.
    NoEcho,
    /// The filter was not true of it.
    Filtered {
        /// The filter.
        filter: String,
        /// What the filter asked, and what was so.
        values: Vec<(String, String)>,
    },
    /// Its protocol cannot show such a message.
    Skipped {
        /// The protocol.
        protocol: Option<Arc<str>>,
    },
    /// It waited longer than its time to live.
    TtlPassed {
        /// When it was dropped, where that is known.
        dropped_ms: Option<u64>,
    },
    /// The connection's outbox was full, and this message ended it.
    OutboxFull,
    /// The session's window was full, and this message ended it.
    WindowFull,
    /// The connection had ended before.
    Ended {
        /// When.
        ended_ms: u64,
        /// Why.
        reason: Cow<'static, str>,
        /// The close code, if there was a close frame.
        code: Option<u16>,
    },
    /// The connection began later.
    NotYetConnected {
        /// When.
        opened_ms: u64,
    },
    /// No such connection is known.
    Unknown,
    /// What decided is not, or no longer, recorded.
    NotRecorded,
}
