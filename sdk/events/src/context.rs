use std::fmt;

use http::HeaderMap;

use crate::attributes::{self, Attributes};
use crate::mqtt::MqttContext;
use crate::{Error, States};

/// What every event says of its connection.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectionContext {
    /// The hub, as the service writes it.
    pub hub: String,
    /// The connection's id. An MQTT client's id.
    pub connection_id: String,
    /// The event's name: `connect`, `connected`, `disconnected`, `joined`, `left`, or the name of a user event. Simple clients' frames are
    /// events named `message`.
    pub event_name: String,
    /// The host of the service that sent the event, normally without a port.
    pub origin: String,
    /// The user; nothing if the connection has none.
    pub user_id: Option<String>,
    /// The subprotocol; nothing if none was negotiated, or not yet.
    pub subprotocol: Option<String>,
    /// What earlier answers kept with the connection. Empty also if another program keeps something in a format of its own:
    /// [`raw_state`](Self::raw_state).
    pub states: States,
    /// The event's number among those of its connection. An event that is sent again, because an answer was lost, has the same number: connection
    /// and number together tell repetitions.
    pub event_id: Option<String>,
    /// When the event was raised, as the service writes it: `2026-01-31T08:00:00Z`.
    pub time: Option<String>,
    /// What an MQTT client's events say besides; nothing for other clients.
    pub mqtt: Option<MqttContext>,
    /// What a Socket.IO client's events say besides; nothing for other clients.
    pub socket_io: Option<SocketIoContext>,
    headers: HeaderMap,
}

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientProtocol {
    /// WebSocket, with one of the service's subprotocols, or a simple client.
    Default,
    /// MQTT over WebSocket.
    Mqtt,
    /// Socket.IO.
    SocketIo,
}

/// Where a Socket.IO client's event came from. Several sockets share one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketIoContext {
    /// The namespace.
    pub namespace: String,
    /// The socket.
    pub socket_id: String,
}

impl SocketIoContext {
    fn of(attributes: Attributes<'_>) -> Result<Option<Self>, Error> {
        let namespace = attributes.owned(attributes::NAMESPACE)?;
        let socket_id = attributes.owned(attributes::SOCKET_ID)?;
        Ok(namespace.zip(socket_id).map(|(namespace, socket_id)| Self { namespace, socket_id }))
    }
}

impl ConnectionContext {
    pub(crate) fn of(headers: HeaderMap) -> Result<Self, Error> {
        let attributes = Attributes(&headers);
        let state = attributes.get(attributes::STATE)?;
        let states = state.filter(|state| !state.is_empty()).map(|state| {
            States::decode(state).unwrap_or_else(|| {
                tracing::debug!("the connection's state is not the base64 of a JSON object");
                States::default()
            })
        });
        Ok(Self {
            hub: attributes.require(attributes::HUB)?.to_owned(),
            connection_id: attributes.require(attributes::CONNECTION_ID)?.to_owned(),
            event_name: attributes.require(attributes::EVENT_NAME)?.to_owned(),
            origin: attributes.require(attributes::ORIGIN)?.to_owned(),
            user_id: attributes.owned(attributes::USER_ID)?,
            subprotocol: attributes.owned(attributes::SUBPROTOCOL)?,
            states: states.unwrap_or_default(),
            event_id: attributes.owned(attributes::EVENT_ID)?,
            time: attributes.owned(attributes::TIME)?,
            mqtt: MqttContext::of(attributes)?,
            socket_io: SocketIoContext::of(attributes)?,
            headers,
        })
    }

    /// How the client speaks.
    pub fn client_protocol(&self) -> ClientProtocol {
        match (&self.mqtt, &self.socket_io) {
            (Some(_), _) => ClientProtocol::Mqtt,
            (None, Some(_)) => ClientProtocol::SocketIo,
            (None, None) => ClientProtocol::Default,
        }
    }

    /// All headers of the request that told the event: for what intermediaries add, such as trace contexts. Not those of the client, which
    /// [`ConnectRequest::headers`](crate::ConnectRequest::headers) has.
    pub fn request_headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The signatures, as they came. They prove the connection's id to whoever has the key: do not show them.
    pub fn signature(&self) -> Option<&str> {
        self.text(attributes::SIGNATURE)
    }

    /// The connection's state as it came, whatever its format.
    pub fn raw_state(&self) -> Option<&str> {
        self.text(attributes::STATE)
    }

    fn text(&self, name: &'static str) -> Option<&str> {
        Attributes(&self.headers).get(name).ok().flatten()
    }
}

/// Leaves the request's headers out: they may have secrets.
impl fmt::Debug for ConnectionContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectionContext")
            .field("hub", &self.hub)
            .field("connection_id", &self.connection_id)
            .field("event_name", &self.event_name)
            .field("origin", &self.origin)
            .field("user_id", &self.user_id)
            .field("subprotocol", &self.subprotocol)
            .field("states", &self.states)
            .field("event_id", &self.event_id)
            .field("time", &self.time)
            .field("mqtt", &self.mqtt)
            .field("socket_io", &self.socket_io)
            .finish_non_exhaustive()
    }
}
