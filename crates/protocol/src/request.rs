use crate::{Data, EventName, GroupName, Metadata};

/// What a client asks of the service, in whatever subprotocol it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Become a member of a group.
    JoinGroup {
        /// The group.
        group: GroupName,
        /// Asks for an acknowledgement.
        ack_id: Option<u64>,
    },
    /// Stop being a member of a group.
    LeaveGroup {
        /// The group.
        group: GroupName,
        /// Asks for an acknowledgement.
        ack_id: Option<u64>,
    },
    /// Publish to the members of a group.
    SendToGroup {
        /// The group.
        group: GroupName,
        /// The payload.
        data: Data,
        /// Names and values for the recipients.
        metadata: Option<Metadata>,
        /// Leave out the sending connection.
        no_echo: bool,
        /// Drop copies that are not delivered in so many seconds, 0 to 300; 0 never drops.
        ttl_s: u16,
        /// Asks for an acknowledgement.
        ack_id: Option<u64>,
    },
    /// Raise a user event, for the application to handle.
    Event {
        /// The event.
        event: EventName,
        /// The payload.
        data: Data,
        /// Names and values for the application.
        metadata: Option<Metadata>,
        /// Asks for an acknowledgement.
        ack_id: Option<u64>,
    },
    /// Is the service there?
    Ping,
    /// Everything up to this sequence id has arrived.
    SequenceAck(u64),
}

/// The longest time to live of a message, in seconds.
pub const TTL_S_MAX: u16 = 300;
