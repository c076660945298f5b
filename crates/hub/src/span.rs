use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};

use crate::{Delivered, RestCall, Target, TraceContext, UpstreamCall};

/// Something that took time and belongs to a distributed trace, as whoever collects spans is told of it. It holds no payload.
#[derive(Debug, Clone)]
pub struct Span {
    /// Its own place.
    pub context: TraceContext,
    /// The place of what caused it.
    pub cause: Option<TraceContext>,
    /// When it began, in microseconds on the clock that never goes back.
    pub begun_us: u64,
    /// When it ended, likewise.
    pub ended_us: u64,
    /// The hub that it is about.
    pub hub: Option<HubName>,
    /// The group that it is about.
    pub group: Option<GroupName>,
    /// The user that it is about.
    pub user: Option<UserId>,
    /// The connection that it is about.
    pub connection: Option<ConnectionId>,
    /// What was done.
    pub work: Work,
}

/// What was done in a [`Span`].
#[derive(Debug, Clone)]
pub enum Work {
    /// A call of the data plane was answered.
    RestCall(Box<RestCall>),
    /// A client's request was carried out; by the protocol's name.
    Request(&'static str),
    /// An application's message was handed to the shards with interest in it; with its bytes.
    Publish(usize),
    /// A shard delivered a message to its recipients, up to the sockets.
    Delivery(Delivered),
    /// An event handler was called.
    UpstreamCall(Box<UpstreamCall>),
}

impl Span {
    /// A span that is about nobody yet.
    pub fn new(
        context: TraceContext,
        cause: Option<TraceContext>,
        (begun_us, ended_us): (u64, u64),
        work: Work,
    ) -> Self {
        let (hub, group, user, connection) = (None, None, None, None);
        Self { context, cause, begun_us, ended_us, hub, group, user, connection, work }
    }

    /// The same about those that a message is meant for.
    #[must_use]
    pub fn about(self, hub: &HubName, target: &Target) -> Self {
        let about = Self { hub: Some(hub.clone()), ..self };
        match target {
            Target::Hub => about,
            Target::Group(group) => Self { group: Some(group.clone()), ..about },
            Target::User(user) => Self { user: Some(user.clone()), ..about },
            Target::Connection(id) => Self { connection: Some(*id), ..about },
        }
    }
}
