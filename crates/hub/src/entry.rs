//! What stands in the log of a hub whose nodes share one: see [`Logged`].

use std::collections::HashMap;

use hubwire_protocol::{ConnectionId, GroupName, GroupStateItem, HubName, StreamStart};

use crate::{Command, Envelope};

/// One line of the log. Every shard with connections of the hub applies every line, in the order of the log: so whoever has a session, and what
/// the log says behind that, knows what the session has become.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The hub that it is about.
    pub hub: HubName,
    /// The client whose request it is; of an application, if nobody.
    pub author: Option<Author>,
    /// What is to be done.
    pub act: Act,
}

/// The client whose request an [`Entry`] is. It is acknowledged when the entry has come back from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// Its connection.
    pub connection: ConnectionId,
    /// What it wants acknowledged. Together with the connection it stands in the log once.
    pub ack_id: Option<u64>,
    /// Of a part of a stream: where in the log the stream was opened, which tells it from others of the connection that had its id; 0 of the
    /// opening itself. Together with the connection and the part's number in the stream it stands in the log once.
    pub stream: Option<u64>,
}

/// Why an [`Entry`] is not in the log as what it was appended as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It stands there already.
    Duplicate,
    /// The log does not take so much at once, and never will.
    TooLarge,
    /// It is not there, or nobody said so in time.
    NotStored,
}

/// What an [`Entry`] has shards do.
#[derive(Debug, Clone)]
pub enum Act {
    /// Deliver this.
    Publish(Envelope),
    /// Change connections.
    Command(Command),
    /// Open a stream of the author's. Its messages and its end are publishes.
    OpenStream(StreamStart),
    /// Take the author's state in a group to the group's home.
    SetState(GroupName, GroupStateItem),
    /// Tell the author the states of a group from now on.
    SubscribeStates(GroupName),
    /// Tell it no longer.
    UnsubscribeStates(GroupName),
    /// Nothing but remember that the author's request has taken effect.
    Remember,
}

/// The hubs whose publishes and changes go through a log before they take effect, so that sessions outlive their process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logged {
    /// Single hubs.
    pub hubs: HashMap<HubName, bool>,
    /// Every hub that is not in `hubs`.
    pub others: bool,
}

impl Logged {
    /// Whether a hub has a log.
    pub fn contains(&self, hub: &HubName) -> bool {
        self.hubs.get(hub).copied().unwrap_or(self.others)
    }

    /// Whether any hub has one.
    pub fn any(&self) -> bool {
        self.others || self.hubs.values().any(|logged| *logged)
    }
}

impl Command {
    /// Whether the command changes what sessions are or get, so that it has to go through the log of a hub that has one.
    pub fn changes_sessions(&self) -> bool {
        matches!(
            self,
            Self::Join(..)
                | Self::Leave(..)
                | Self::LeaveAll(_)
                | Self::JoinMatching(..)
                | Self::LeaveMatching(..)
                | Self::Close { .. }
                | Self::Grant(..)
                | Self::Revoke(..)
        )
    }
}
