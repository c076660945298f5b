//! Events that tell what has happened. Their answers change nothing.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::mqtt::MqttDisconnect;
use crate::{ConnectionContext, Error};

/// A client has connected.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectedRequest {
    /// The connection.
    pub context: ConnectionContext,
}

/// A connection has ended, with its session: a reliable client that comes back within the time for that was never gone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DisconnectedRequest {
    /// The connection.
    pub context: ConnectionContext,
    /// Why, in words; nothing or empty if there is nothing to say.
    pub reason: Option<String>,
    /// How an MQTT client's session ended; nothing from other clients.
    pub mqtt: Option<MqttDisconnect>,
}

/// A connection has joined a group.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GroupJoinedRequest {
    /// The connection.
    pub context: ConnectionContext,
    /// The group.
    pub group: String,
}

/// A connection has left a group, or has ended while it was in it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GroupLeftRequest {
    /// The connection.
    pub context: ConnectionContext,
    /// The group.
    pub group: String,
}

#[derive(Deserialize)]
struct Disconnected {
    reason: Option<String>,
    mqtt: Option<MqttDisconnect>,
}

#[derive(Deserialize)]
struct Membership {
    group: String,
}

impl DisconnectedRequest {
    pub(crate) fn read(context: ConnectionContext, body: &[u8]) -> Result<Self, Error> {
        let Disconnected { reason, mqtt } = parse(body, "that of a disconnected event")?;
        Ok(Self { context, reason, mqtt })
    }
}

impl GroupJoinedRequest {
    pub(crate) fn read(context: ConnectionContext, body: &[u8]) -> Result<Self, Error> {
        let Membership { group } = parse(body, "that of a joined event")?;
        Ok(Self { context, group })
    }
}

impl GroupLeftRequest {
    pub(crate) fn read(context: ConnectionContext, body: &[u8]) -> Result<Self, Error> {
        let Membership { group } = parse(body, "that of a left event")?;
        Ok(Self { context, group })
    }
}

fn parse<T: DeserializeOwned>(body: &[u8], what: &'static str) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|_| Error::MalformedBody(what))
}
