//! What a client needs to connect.

use azure_core::{fmt::SafeDebug, http::ClientMethodOptions};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The protocol by which a client is going to connect. It decides the path of the URL and the audience of the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientProtocol {
    /// WebSocket, with or without a subprotocol of the service.
    #[default]
    Default,
    /// MQTT over WebSocket.
    Mqtt,
    /// Socket.IO.
    SocketIo,
}

impl ClientProtocol {
    /// The name in `clientType`.
    pub(crate) fn client_type(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Mqtt => "mqtt",
            Self::SocketIo => "socketio",
        }
    }

    /// The path of the client endpoint, before the name of the hub.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Default => "client/hubs",
            Self::Mqtt => "clients/mqtt/hubs",
            Self::SocketIo => "clients/socketio/hubs",
        }
    }
}

/// Options of [`WebPubSubServiceClient::get_client_access_token`](crate::WebPubSubServiceClient::get_client_access_token).
#[derive(Clone, Default, SafeDebug)]
pub struct WebPubSubServiceClientGetClientAccessTokenOptions<'a> {
    /// The user that the client is going to be. Without one, or when it is empty, the client is anonymous.
    pub user_id: Option<String>,

    /// What the client may do by itself, as [`Permission::role`](crate::models::Permission::role) and
    /// [`Permission::role_for`](crate::models::Permission::role_for) give it.
    pub roles: Vec<String>,

    /// Groups that the client is a member of as soon as it is connected.
    pub groups: Vec<String>,

    /// Minutes until the token expires, at least 1; 60 when it is not set. A client that is connected by then stays
    /// connected.
    pub minutes_to_expire: Option<u32>,

    /// The protocol of the client.
    pub client_protocol: ClientProtocol,

    /// Customisation of the call, as a [`Context`](azure_core::http::Context).
    pub method_options: ClientMethodOptions<'a>,
}

/// What a client needs to connect. Whoever has it can connect, so it is neither logged nor shown by `Debug`.
///
/// As JSON it has the members `token`, `baseUrl` and `url`, ready to be the answer of a negotiation endpoint.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientAccessToken {
    /// The token.
    pub token: String,
    /// The URL to connect to, without the token: `wss://host/client/hubs/hub`.
    pub base_url: String,
    /// The URL to connect to, with the token in `access_token`.
    pub url: String,
}

impl ClientAccessToken {
    pub(crate) fn new(token: String, base_url: String) -> Self {
        let url = format!("{base_url}?access_token={token}");
        Self { token, base_url, url }
    }
}

impl fmt::Debug for ClientAccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAccessToken").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// The answer of `:generateToken`.
#[derive(Deserialize)]
pub(crate) struct GeneratedToken {
    pub(crate) token: String,
}
