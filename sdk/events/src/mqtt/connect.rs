use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{MqttDisconnectReasonCode, MqttUserProperty};
use crate::lenient;

/// What a CONNECT packet said.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MqttConnect {
    /// The protocol's level: 4 is MQTT 3.1.1, 5 is MQTT 5.
    pub protocol_version: u8,
    /// Whether an earlier session is to be forgotten; nothing if the service does not say.
    pub clean_start: Option<bool>,
    /// The user name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<MqttPassword>,
    /// The user properties; none from MQTT 3.1.1.
    #[serde(default, deserialize_with = "lenient::null_is_empty")]
    pub user_properties: Vec<MqttUserProperty>,
}

/// A password of a CONNECT packet. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct MqttPassword(String);

impl MqttPassword {
    /// The password as the service sends it: in base64, since it is bytes.
    pub fn expose_encoded(&self) -> &str {
        &self.0
    }

    /// The password's bytes; nothing if the service did not send base64.
    pub fn expose(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.0).ok()
    }
}

impl fmt::Debug for MqttPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MqttPassword(..)")
    }
}

/// How an MQTT session ended.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MqttDisconnect {
    /// Whether the client ended it.
    #[serde(default, deserialize_with = "lenient::null_is_empty")]
    pub initiated_by_client: bool,
    /// The last DISCONNECT packet; nothing if the network connection just broke.
    pub disconnect_packet: Option<MqttDisconnectPacket>,
}

/// What a DISCONNECT packet said.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MqttDisconnectPacket {
    /// The reason code.
    pub code: MqttDisconnectReasonCode,
    /// The user properties.
    #[serde(default, deserialize_with = "lenient::null_is_empty")]
    pub user_properties: Vec<MqttUserProperty>,
}
