use serde::{Deserialize, Serialize};

use crate::lenient;
use crate::mqtt::{MqttConnect, MqttUserProperty};
use crate::states::StateChanges;
use crate::{ConnectionContext, Error, NamedValues};

/// A client that wants to connect. It is not connected before this is answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// The connection to be, and where the event came from.
    pub context: ConnectionContext,
    /// The claims of the client's token.
    pub claims: NamedValues,
    /// The query of the client's URL, without its token.
    pub query: NamedValues,
    /// The headers of the client's request, without its token, named as the client wrote them: [`header`](Self::header) finds one in any case.
    pub headers: NamedValues,
    /// The subprotocols that the client offers, in its order.
    pub subprotocols: Vec<String>,
    /// The certificates that the client showed.
    pub client_certificates: Vec<ClientCertificate>,
    /// What an MQTT client's CONNECT packet said; nothing from other clients.
    pub mqtt: Option<MqttConnect>,
}

/// A client's TLS certificate.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// The SHA-1 fingerprint, in hexadecimal digits.
    pub thumbprint: String,
    /// The certificate in PEM.
    pub content: Option<String>,
}

/// The body of a `connect` event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default, deserialize_with = "lenient::null_is_empty")]
    claims: NamedValues,
    #[serde(default, deserialize_with = "lenient::null_is_empty")]
    query: NamedValues,
    #[serde(default, deserialize_with = "lenient::null_is_empty")]
    headers: NamedValues,
    #[serde(default, deserialize_with = "lenient::null_is_empty")]
    subprotocols: Vec<String>,
    #[serde(default, deserialize_with = "lenient::null_is_empty")]
    client_certificates: Vec<ClientCertificate>,
    mqtt: Option<MqttConnect>,
}

impl ConnectRequest {
    pub(crate) fn read(context: ConnectionContext, body: &[u8]) -> Result<Self, Error> {
        let body: Body =
            serde_json::from_slice(body).map_err(|_| Error::MalformedBody("that of a connect event"))?;
        Ok(Self {
            context,
            claims: body.claims,
            query: body.query,
            headers: body.headers,
            subprotocols: body.subprotocols,
            client_certificates: body.client_certificates,
            mqtt: body.mqtt,
        })
    }

    /// The first value of a header of the client's request. Names of headers have no case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?.1;
        values.first().map(String::as_str)
    }
}

/// Lets a client in. What is not set stays as the client's token has it.
///
/// Empty, it is answered with 204; else with 200 and JSON.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subprotocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt: Option<MqttAcceptance>,
    #[serde(skip)]
    pub(crate) states: StateChanges,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct MqttAcceptance {
    user_properties: Vec<MqttUserProperty>,
}

impl ConnectResponse {
    /// Lets the client in as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// The client's user, in place of the token's.
    #[must_use]
    pub fn user_id(mut self, user_id: impl Into<String>) -> Self {
        self.user_id = Some(user_id.into());
        self
    }

    /// Groups that the client joins, in place of the token's; an empty list leaves the token's.
    #[must_use]
    pub fn groups<T: Into<String>>(mut self, groups: impl IntoIterator<Item = T>) -> Self {
        self.groups = Some(groups.into_iter().map(Into::into).collect());
        self
    }

    /// Roles of the client, such as `webpubsub.sendToGroup.<group>`, in place of the token's; an empty list takes the token's away.
    #[must_use]
    pub fn roles<T: Into<String>>(mut self, roles: impl IntoIterator<Item = T>) -> Self {
        self.roles = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// The subprotocol, one of those that the client offered. Subprotocols that the service does not know are chosen only by this.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: impl Into<String>) -> Self {
        self.subprotocol = Some(subprotocol.into());
        self
    }

    /// User properties of the CONNACK of an MQTT 5 client.
    #[must_use]
    pub fn mqtt_user_properties(mut self, properties: impl IntoIterator<Item = MqttUserProperty>) -> Self {
        self.mqtt = Some(MqttAcceptance { user_properties: properties.into_iter().collect() });
        self
    }

    /// Keeps a value with the connection: [`ConnectionContext::states`] of its later events has it.
    ///
    /// # Errors
    /// If the value cannot be JSON.
    pub fn state(
        mut self,
        name: impl Into<String>,
        value: impl Serialize,
    ) -> Result<Self, serde_json::Error> {
        self.states.set(name.into(), &value)?;
        Ok(self)
    }

    /// Removes all values that are kept with the connection, but those that are set after this. There are such only if an MQTT client's session
    /// goes on.
    #[must_use]
    pub fn clear_states(mut self) -> Self {
        self.states.clear();
        self
    }

    /// Whether nothing but states is set, so that there is no body.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_none()
            && self.roles.is_none()
            && self.user_id.is_none()
            && self.subprotocol.is_none()
            && self.mqtt.is_none()
    }
}
