use std::sync::Arc;

use bytes::Bytes;
use hubwire_auth::Permissions;
use hubwire_protocol::websocket::DeflateWindow;
use hubwire_protocol::{ConnectionId, GroupName, HubName, Subprotocol, UserId};

use crate::ack_memory::AckMemory;
use crate::activity::Activity;
use crate::outbox::Outbox;
use crate::window::Window;

/// The place of a connection in its shard. Valid until the connection has ended and its socket is gone; then it is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionKey(pub u32);

impl ConnectionKey {
    /// The key as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a simple client's messages mean; fixed when it connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SimpleMode {
    /// Each message is the user event `message`.
    SendEvent,
    /// Each message is published to a group.
    SendToGroup {
        /// The group.
        group: GroupName,
        /// Leave out the sender.
        no_echo: bool,
    },
}

/// What a client speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// Bare messages.
    Simple(Box<SimpleMode>),
    /// One of the service's subprotocols.
    PubSub(Subprotocol),
}

/// A connection that has passed all checks and is about to begin.
#[derive(Debug)]
pub struct Opening {
    /// Its id; the low byte names this shard's worker.
    pub id: ConnectionId,
    /// Its hub.
    pub hub: HubName,
    /// Its user.
    pub user: Option<UserId>,
    /// What it may do.
    pub permissions: Permissions,
    /// The groups it is in from the start, whatever it may do.
    pub groups: Vec<GroupName>,
    /// What it speaks.
    pub protocol: Protocol,
    /// The negotiated subprotocol as the client spelled it; filters and applications see it so.
    pub subprotocol: Option<Arc<str>>,
    /// What a reliable client recovers with.
    pub reconnection_token: Option<String>,
    /// The host that its client asked for, in lower case and without a port; applications are told it with every event.
    pub origin: Arc<str>,
    /// What its application gave to be kept with it.
    pub state: Option<Bytes>,
}

/// How a connection is tied to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// It has one.
    Attached,
    /// It lost its socket, and may be recovered.
    Detached,
    /// It has ended; the socket is still to be told.
    Ended,
}

/// One logical connection: what lives under a connection id, through any number of sockets.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    /// Its hub's slot.
    pub(crate) hub: u32,
    pub(crate) user: Option<UserId>,
    pub(crate) permissions: Permissions,
    pub(crate) protocol: Protocol,
    pub(crate) subprotocol: Option<Arc<str>>,
    pub(crate) link: Link,
    /// Whether it stands in the lane of connections to flush next.
    pub(crate) in_prompt_lane: bool,
    /// Whether it stands in the lane behind that.
    pub(crate) in_bulk_lane: bool,
    /// By which window its client takes compressed messages on the socket that it has now, if at all.
    pub(crate) compression: Option<DeflateWindow>,
    /// Whether its socket would block: then nothing but time or its reader helps.
    pub(crate) blocked: bool,
    /// How many reasons there are not to read its client at the moment.
    pub(crate) holds: u16,
    /// Its latest attachment to a socket, by a number that no other attachment in the shard has: tells an expiry that was overtaken by a
    /// recovery, or that belonged to another connection in the same place.
    pub(crate) attachment: u64,
    /// When it began, on the shard's clock in milliseconds.
    pub(crate) opened_ms: u64,
    /// The number of its latest event.
    pub(crate) events: u64,
    pub(crate) origin: Arc<str>,
    /// What its application gave to be kept with it.
    pub(crate) state: Option<Bytes>,
    /// Where it stands in its hub's list of connections.
    pub(crate) hub_position: u32,
    /// Where it stands in its user's list of connections.
    pub(crate) user_position: u32,
    /// The slots of its groups.
    pub(crate) groups: Vec<u32>,
    pub(crate) ack_memory: AckMemory,
    pub(crate) activity: Option<Box<Activity>>,
    pub(crate) outbox: Outbox,
    /// Only of a reliable session.
    pub(crate) window: Option<Box<Window>>,
}

impl Connection {
    pub(crate) fn new(opening: &mut Opening, hub: u32, attachment: u64, opened_ms: u64) -> Self {
        let reliable = matches!(opening.protocol, Protocol::PubSub(subprotocol) if subprotocol.is_reliable());
        Self {
            id: opening.id,
            hub,
            user: opening.user.take(),
            permissions: std::mem::take(&mut opening.permissions),
            protocol: opening.protocol.clone(),
            subprotocol: opening.subprotocol.take(),
            link: Link::Attached,
            in_prompt_lane: false,
            in_bulk_lane: false,
            compression: None,
            blocked: false,
            holds: 0,
            attachment,
            opened_ms,
            events: 0,
            origin: opening.origin.clone(),
            state: opening.state.take(),
            hub_position: 0,
            user_position: 0,
            groups: Vec::new(),
            ack_memory: AckMemory::default(),
            activity: None,
            outbox: Outbox::default(),
            window: reliable.then(Box::default),
        }
    }

    /// The subprotocol that it speaks; `None` of a simple client.
    pub(crate) fn pubsub(&self) -> Option<Subprotocol> {
        match self.protocol {
            Protocol::Simple(_) => None,
            Protocol::PubSub(subprotocol) => Some(subprotocol),
        }
    }

    /// What its client has going on.
    pub(crate) fn activity(&mut self) -> &mut Activity {
        self.activity.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The budget of docs/performance.md: there is one of these for every idle connection.
    #[test]
    fn a_connection_keeps_its_budget() {
        assert!(size_of::<Connection>() <= 352, "{} bytes", size_of::<Connection>());
    }
}
