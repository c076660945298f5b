use crate::{Data, EventName, GroupName, GroupState, Metadata};

/// The longest time to live of a message, in seconds.
pub const TTL_S_MAX: u16 = 300;

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
        /// What is published.
        publication: Publication,
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
    /// Raise a user event and wait for the application's answer.
    Invoke(InvocationRequest),
    /// The answer to an invocation is no longer wanted.
    CancelInvocation {
        /// The invocation's id.
        invocation_id: Box<str>,
    },
    /// Begin a stream of messages to a group.
    StartStream {
        /// The stream.
        stream: StreamStart,
        /// Asks for an acknowledgement, on top of the stream's own.
        ack_id: Option<u64>,
    },
    /// The next message of a stream.
    StreamData {
        /// The stream's id.
        stream_id: Box<str>,
        /// The message's number in its stream, from 1.
        sequence_id: u64,
        /// The payload.
        data: Data,
    },
    /// A stream's publisher is still there, although it has nothing to say.
    StreamKeepAlive {
        /// The stream's id.
        stream_id: Box<str>,
    },
    /// A stream ends.
    StreamEnd {
        /// The stream's id.
        stream_id: Box<str>,
        /// The publisher's own error, if it broke off.
        error: Option<StreamEndError>,
    },
    /// Replace what the connection says of itself in a group.
    SetGroupState {
        /// The group.
        group: GroupName,
        /// The new state; `None` clears it.
        state: Option<GroupState>,
        /// Asks for an acknowledgement.
        ack_id: Option<u64>,
    },
    /// Be told what the members of a group say of themselves, now and from now on.
    SubscribeGroupState {
        /// The group.
        group: GroupName,
        /// Asks for an acknowledgement.
        ack_id: Option<u64>,
    },
    /// Be told no longer.
    UnsubscribeGroupState {
        /// The group.
        group: GroupName,
        /// Asks for an acknowledgement.
        ack_id: Option<u64>,
    },
}

impl Request {
    /// Its name in the JSON subprotocols, and the group that it names, if it does.
    pub fn named(&self) -> (&'static str, Option<&GroupName>) {
        match self {
            Self::Ping => ("ping", None),
            Self::SequenceAck(_) => ("sequenceAck", None),
            Self::JoinGroup { group, .. } => ("joinGroup", Some(group)),
            Self::LeaveGroup { group, .. } => ("leaveGroup", Some(group)),
            Self::SendToGroup { publication, .. } => ("sendToGroup", Some(&publication.group)),
            Self::Event { .. } => ("event", None),
            Self::Invoke(_) => ("invoke", None),
            Self::CancelInvocation { .. } => ("cancelInvocation", None),
            Self::StartStream { stream, .. } => ("startStream", Some(&stream.group)),
            Self::StreamData { .. } => ("streamData", None),
            Self::StreamKeepAlive { .. } => ("streamKeepAlive", None),
            Self::StreamEnd { .. } => ("streamEnd", None),
            Self::SetGroupState { group, .. } => ("setGroupState", Some(group)),
            Self::SubscribeGroupState { group, .. } => ("subscribeGroupState", Some(group)),
            Self::UnsubscribeGroupState { group, .. } => ("unsubscribeGroupState", Some(group)),
        }
    }

    /// Whether it only keeps the connection going, and nothing comes of it.
    pub fn is_housekeeping(&self) -> bool {
        matches!(self, Self::Ping | Self::SequenceAck(_) | Self::StreamKeepAlive { .. })
    }
}

/// A client's publish to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The group.
    pub group: GroupName,
    /// The payload.
    pub data: Data,
    /// Names and values for the recipients.
    pub metadata: Option<Metadata>,
    /// Leave out the sending connection.
    pub no_echo: bool,
    /// Drop copies that are not delivered in so many seconds, 0 to 300; 0 never drops.
    pub ttl_s: u16,
}

/// A user event whose answer the client waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvocationRequest {
    /// The client's name for the invocation. Empty or overlong ones are refused with an answer.
    pub invocation_id: Box<str>,
    /// The event.
    pub event: EventName,
    /// The payload, if there is one.
    pub data: Option<Data>,
    /// Names and values for the application.
    pub metadata: Option<Metadata>,
}

/// A stream that a client begins. Its options hold for all of its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStart {
    /// The client's name for the stream. Empty or overlong ones are refused with an answer.
    pub stream_id: Box<str>,
    /// How long the stream may be silent, in milliseconds; `None` for the default. 0 is refused with an answer.
    pub idle_timeout_ms: Option<u32>,
    /// The group.
    pub group: GroupName,
    /// Names and values for the recipients of each message.
    pub metadata: Option<Metadata>,
    /// Leave out the sending connection.
    pub no_echo: bool,
    /// As of a single publish, for each message.
    pub ttl_s: u16,
}

/// A publisher's own reason for breaking a stream off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamEndError {
    /// A sentence.
    pub message: Option<Box<str>>,
    /// A code that means something to its subscribers.
    pub user_error_code: Option<Box<str>>,
}
