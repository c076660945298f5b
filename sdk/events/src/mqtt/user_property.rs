use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What the headers of a message's user properties begin with.
const PREFIX: &str = "mqtt-";

/// A user property of an MQTT 5 packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MqttUserProperty {
    /// The name. Names may repeat.
    pub name: String,
    /// The value.
    pub value: String,
}

impl MqttUserProperty {
    /// A user property.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    /// The header that carries it along with an answer to a user event.
    pub(crate) fn header(&self) -> Result<(HeaderName, HeaderValue), Error> {
        let name = HeaderName::from_bytes(format!("{PREFIX}{}", self.name).as_bytes());
        let value = HeaderValue::from_bytes(self.value.as_bytes());
        match (name, value) {
            (Ok(name), Ok(value)) if !self.name.is_empty() => Ok((name, value)),
            (Ok(_), Err(_)) => Err(Error::InvalidUserProperty("value")),
            _ => Err(Error::InvalidUserProperty("name")),
        }
    }
}

/// The user properties of the PUBLISH that became a user event. Header names have no case, so these are in lower case.
pub(crate) fn of_headers(headers: &HeaderMap) -> Result<Vec<MqttUserProperty>, Error> {
    let properties = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(PREFIX).filter(|name| !name.is_empty())?;
        let value = str::from_utf8(value.as_bytes()).map_err(|_| Error::MalformedHeader("mqtt-*"));
        Some(value.map(|value| MqttUserProperty::new(name, value)))
    });
    properties.collect()
}

/// Adds the user properties of the answer's PUBLISH.
pub(crate) fn write(headers: &mut HeaderMap, properties: &[(HeaderName, HeaderValue)]) {
    for (name, value) in properties {
        headers.append(name, value.clone());
    }
}
