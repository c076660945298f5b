use crate::Error;
use crate::attributes::{self, Attributes};

/// Where an MQTT client's event came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MqttContext {
    /// The network connection. A session, which the connection's id stands for, may have several in turn.
    pub physical_connection_id: String,
    /// The session; nothing in `connect`.
    pub session_id: Option<String>,
}

impl MqttContext {
    /// A request is an MQTT client's if its subprotocol says so and it names a physical connection: the rule of the official JavaScript
    /// middleware.
    pub(crate) fn of(attributes: Attributes<'_>) -> Result<Option<Self>, Error> {
        let subprotocol = attributes.get(attributes::SUBPROTOCOL)?.unwrap_or_default();
        let physical_connection_id = attributes.owned(attributes::PHYSICAL_CONNECTION_ID)?;
        match physical_connection_id {
            Some(physical_connection_id) if subprotocol.to_ascii_lowercase().contains("mqtt") => {
                Ok(Some(Self {
                    physical_connection_id,
                    session_id: attributes.owned(attributes::SESSION_ID)?,
                }))
            }
            _ => Ok(None),
        }
    }
}
