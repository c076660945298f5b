use std::collections::BTreeSet;
use std::sync::Arc;

use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{ConnectionId, GroupName, GroupStateItem, HubName};

use crate::{Author, Event, Homes, Refusal};

/// Whom a [`Letter`] is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// The one shard where a group's states are kept together: every shard must name the same one, whether or not it has members.
    Home(HubName, GroupName),
    /// Every shard with members of a group.
    Members(HubName, GroupName),
    /// The shard that owns a connection.
    Owner(ConnectionId),
}

/// What one shard tells another about a connection or a group.
///
/// Letters of one shard reach each shard in the order in which they were sent, the sender's own included. The states of groups rest on
/// that: what a home says in one order arrives everywhere in that order, so that a snapshot is followed by exactly the updates that it
/// does not contain.
#[derive(Debug, Clone)]
pub enum Letter {
    /// To a group's home: a member's state has changed.
    SetState {
        /// The hub.
        hub: HubName,
        /// The group.
        group: GroupName,
        /// The member with its new state, or with none.
        item: GroupStateItem,
        /// Who says so.
        teller: Teller,
        /// Whether the member waits for the outcome.
        answer: bool,
    },
    /// To a group's home: a member wants to know all states.
    ListStates {
        /// The hub.
        hub: HubName,
        /// The group.
        group: GroupName,
        /// The member.
        subscriber: ConnectionId,
        /// Tells what it asks from what it has asked before.
        round: u64,
        /// Whether the member waits for the outcome.
        answer: bool,
    },
    /// To the owner of a connection that set its state: what came of it.
    StateSet {
        /// The connection.
        connection: ConnectionId,
        /// The group.
        group: GroupName,
        /// Why the state was not taken.
        refused: Option<RequestError>,
    },
    /// To the owner of a subscriber: the states of the group's members at this point.
    States {
        /// The subscriber.
        subscriber: ConnectionId,
        /// The group.
        group: GroupName,
        /// The first states in the order of their connections.
        items: Vec<GroupStateItem>,
        /// Which request this answers.
        round: u64,
        /// Whether the subscriber waits for them.
        answer: bool,
    },
    /// To every shard with members: a member's state has changed.
    StateChanged {
        /// The hub.
        hub: HubName,
        /// The group.
        group: GroupName,
        /// The member with its new state, or with none.
        item: GroupStateItem,
    },
    /// To the owner of a stream's publisher: subscribers cannot keep up, so nothing more is to be read from it.
    Hold(ConnectionId),
    /// To the same: it may go on.
    Release(ConnectionId),
    /// To the owner of a connection that has joined a group: every shard knows of it now.
    Settled(ConnectionId),
    /// To every shard of a process: nodes have come or gone, so that some groups have other homes.
    HomesMoved(Arc<dyn Homes>),
    /// To every shard of a process: another node takes other nodes for homes than before, or begins anew, so that what it has told is void. Nothing
    /// that this process tells is.
    ViewsChanged(Arc<dyn Homes>),
    /// To every shard of a process: the sessions that some nodes have begun are here since those have died, and every node knows it.
    SessionsTaken {
        /// The nodes.
        origins: Arc<BTreeSet<u32>>,
        /// Of [`Teller`]: greater than that of whoever had any of the sessions before.
        term: u64,
    },
    /// To every shard of a process: messages from elsewhere may have been lost on their way to it.
    Missed,
    /// The same for hubs with a log: entries were gone before they were read.
    LogMissed,
    /// To every shard of a process: from where on it is given entries of the log.
    LogPosition(u64),
    /// To the owner of a connection: what it wanted in the log is not there, or was there before.
    AppendRefused {
        /// What it was.
        author: Author,
        /// Why.
        refusal: Refusal,
    },
    /// To the owner of a plain publisher in a hub with a log: it is kept elsewhere.
    Kept {
        /// The publisher.
        connection: ConnectionId,
        /// The position of the log that what is kept is valid at.
        position: u64,
    },
    /// To the owner of a session of a hub with a log, or of a plain publisher: it cannot be kept elsewhere.
    Unkept(ConnectionId),
    /// To any shard of a process: its application is to be told of this.
    Tell(Box<Event>),
}

/// Who tells a home of a member's state: the state is there as long as that node is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Teller {
    /// The node, as the home sees it; 0 of the home's own process.
    pub node: u32,
    /// In hubs with a log: since when it has the session. A node that does not know yet that another one has taken its sessions has a lesser one.
    pub term: u64,
}

impl Letter {
    /// The client that waits for a home's answer to it, if one does.
    pub fn asker(&self) -> Option<ConnectionId> {
        match self {
            Self::SetState { item, answer: true, .. } => Some(item.connection),
            Self::ListStates { subscriber, answer: true, .. } => Some(*subscriber),
            _ => None,
        }
    }

    /// What the letter adds to an inbox that is bounded in bytes.
    pub fn bytes(&self) -> usize {
        /// The fixed part of a letter or of an item in it, generously rounded.
        const OVERHEAD_BYTES: usize = 256;
        let items = match self {
            Self::SetState { item, .. } | Self::StateChanged { item, .. } => std::slice::from_ref(item),
            Self::States { items, .. } => items,
            _ => &[],
        };
        let state_bytes = |item: &GroupStateItem| item.state.as_ref().map_or(0, |state| state.bytes());
        let item_bytes = |item: &GroupStateItem| OVERHEAD_BYTES + state_bytes(item);
        OVERHEAD_BYTES + items.iter().map(item_bytes).sum::<usize>()
    }
}
