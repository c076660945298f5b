use std::sync::Arc;

use hubwire_filter::Filter;
use hubwire_protocol::{ConnectionId, GroupName, HubName, Message, UserId};

use crate::{MessageId, Source, TraceContext};

/// The connections that an envelope or a close is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Every connection of the hub.
    Hub,
    /// Every member of a group.
    Group(GroupName),
    /// Every connection of a user.
    User(UserId),
    /// One connection.
    Connection(ConnectionId),
}

/// One publish on its way to every shard with interest in its target.
///
/// Cheap to clone: shards share the message, and each of them frames it at most once per protocol.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The hub that it stays within.
    pub hub: HubName,
    /// Who is meant.
    pub target: Target,
    /// What is delivered.
    pub message: Arc<Message>,
    /// Connections that are left out, although they are meant.
    pub excluded: Arc<[ConnectionId]>,
    /// An expression that a connection must satisfy, on top of being meant.
    pub filter: Option<Arc<Filter>>,
    /// The publisher, if the message is one of a stream: where subscribers cannot keep up, it is asked to wait.
    pub publisher: Option<ConnectionId>,
    /// What the message is known by while somebody watches.
    pub message_id: MessageId,
    /// Where the message comes from; only whoever watches is told.
    pub source: Source,
    /// The span of the publish, if it belongs to a distributed trace.
    pub cause: Option<TraceContext>,
    /// When it was accepted, in microseconds on a clock that all shards share; 0 where nobody measures.
    pub accepted_us: u64,
    /// How long a copy may wait for its recipient before it is dropped and counted; 0 means for ever. In seconds, 0 to 300.
    pub ttl_s: u16,
}

impl Envelope {
    /// An envelope for everyone that its target means.
    pub fn new(hub: HubName, target: Target, message: Message) -> Self {
        let (message, excluded) = (Arc::new(message), Arc::default());
        Self {
            hub,
            target,
            message,
            excluded,
            filter: None,
            publisher: None,
            message_id: MessageId::default(),
            source: Source::default(),
            cause: None,
            accepted_us: 0,
            ttl_s: 0,
        }
    }

    /// What the envelope adds to an inbox that is bounded in bytes.
    pub fn bytes(&self) -> usize {
        /// The fixed part: the envelope, its message and their names, generously rounded.
        const OVERHEAD_BYTES: usize = 512;
        OVERHEAD_BYTES + self.message.data.bytes().len() + self.excluded.len() * size_of::<ConnectionId>()
    }
}
