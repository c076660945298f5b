use bytes::Bytes;

use crate::{
    ConnectRequest, ConnectedRequest, ConnectionContext, DisconnectedRequest, Error, GroupJoinedRequest,
    GroupLeftRequest, UserEventRequest,
};

/// An event of a hub.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A client wants to connect.
    Connect(ConnectRequest),
    /// A client has connected.
    Connected(ConnectedRequest),
    /// A connection has ended.
    Disconnected(DisconnectedRequest),
    /// A connection has joined a group.
    GroupJoined(GroupJoinedRequest),
    /// A connection has left a group.
    GroupLeft(GroupLeftRequest),
    /// A client sent something to the application.
    User(UserEventRequest),
}

/// The values of `ce-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventType {
    Connect,
    Connected,
    Disconnected,
    GroupJoined,
    GroupLeft,
    User,
}

impl EventType {
    /// Reads the attribute; nothing for a type of event that is not known.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        match value.strip_prefix("azure.webpubsub.")? {
            "sys.connect" => Some(Self::Connect),
            "sys.connected" => Some(Self::Connected),
            "sys.disconnected" => Some(Self::Disconnected),
            "gp.joined" => Some(Self::GroupJoined),
            "gp.left" => Some(Self::GroupLeft),
            other => other.starts_with("user.").then_some(Self::User),
        }
    }
}

impl Event {
    pub(crate) fn read(
        event_type: EventType,
        context: ConnectionContext,
        body: Bytes,
    ) -> Result<Self, Error> {
        Ok(match event_type {
            EventType::Connect => Self::Connect(ConnectRequest::read(context, &body)?),
            EventType::Connected => Self::Connected(ConnectedRequest { context }),
            EventType::Disconnected => Self::Disconnected(DisconnectedRequest::read(context, &body)?),
            EventType::GroupJoined => Self::GroupJoined(GroupJoinedRequest::read(context, &body)?),
            EventType::GroupLeft => Self::GroupLeft(GroupLeftRequest::read(context, &body)?),
            EventType::User => Self::User(UserEventRequest::read(context, body)?),
        })
    }

    /// The connection that the event is about.
    pub fn context(&self) -> &ConnectionContext {
        match self {
            Self::Connect(request) => &request.context,
            Self::Connected(request) => &request.context,
            Self::Disconnected(request) => &request.context,
            Self::GroupJoined(request) => &request.context,
            Self::GroupLeft(request) => &request.context,
            Self::User(request) => &request.context,
        }
    }
}
