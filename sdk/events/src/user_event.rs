use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde::Serialize;

use crate::attributes::Attributes;
use crate::data::DataType;
use crate::mqtt::{self, MqttUserProperty};
use crate::states::StateChanges;
use crate::{ConnectionContext, Data, Error, Metadata};

/// User properties of one answer. Each is a header, and HTTP clients refuse answers with more headers than about a hundred.
const USER_PROPERTIES_MAX: usize = 64;

/// What a client sent to the application: an `event` message, an `invoke` message, a frame of a simple client, or an MQTT message to
/// `$webpubsub/server/events/<name>`. The service tells all of them in the same way.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UserEventRequest {
    /// The connection, and where the event came from. [`ConnectionContext::event_name`] is the event's name.
    pub context: ConnectionContext,
    /// The payload.
    pub data: Data,
    /// The payload's media type, as the client or the service named it.
    pub content_type: String,
    /// What the client attached.
    pub metadata: Metadata,
    /// The user properties of an MQTT 5 client's message, with names in lower case.
    pub mqtt_user_properties: Vec<MqttUserProperty>,
}

impl UserEventRequest {
    /// The payload's kind, from the header alone.
    ///
    /// MQTT clients name media types of their own. The service passes these on, and their payloads are bytes.
    pub(crate) fn data_type(context: &ConnectionContext) -> Result<DataType, Error> {
        let content_type = Attributes(context.request_headers()).get("content-type")?;
        match content_type.and_then(DataType::of_content_type) {
            Some(data_type) => Ok(data_type),
            None if context.mqtt.is_some() => Ok(DataType::Binary),
            None => Err(Error::UnsupportedContentType),
        }
    }

    pub(crate) fn read(context: ConnectionContext, body: Bytes) -> Result<Self, Error> {
        let data = Data::of_body(Self::data_type(&context)?, body)?;
        let headers = context.request_headers();
        let content_type = Attributes(headers).owned("content-type")?.unwrap_or_default();
        let metadata = Metadata::of_headers(headers)?;
        let mqtt_user_properties = match context.mqtt {
            Some(_) => mqtt::of_headers(headers)?,
            None => Vec::new(),
        };
        Ok(Self { context, data, content_type, metadata, mqtt_user_properties })
    }
}

/// Takes an event, with or without a reply. A reply goes to the connection that sent the event, before its acknowledgement; the reply to an
/// `invoke` message is its result.
#[derive(Debug, Clone, Default)]
pub struct UserEventResponse {
    pub(crate) data: Option<Data>,
    pub(crate) metadata: Metadata,
    pub(crate) mqtt_user_properties: Vec<(HeaderName, HeaderValue)>,
    pub(crate) states: StateChanges,
}

impl UserEventResponse {
    /// Takes the event, and sends nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replies.
    pub fn reply(data: impl Into<Data>) -> Self {
        Self { data: Some(data.into()), ..Self::default() }
    }

    /// Replies with text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::reply(Data::Text(text.into()))
    }

    /// Replies with JSON.
    ///
    /// # Errors
    /// If the value cannot be JSON.
    pub fn json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Data::of_json(value).map(Self::reply)
    }

    /// Replies with bytes. No bytes are no reply.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::reply(Data::Binary(bytes.into()))
    }

    /// Replies with a serialised `google.protobuf.Any`.
    pub fn protobuf(bytes: impl Into<Bytes>) -> Self {
        Self::reply(Data::Protobuf(bytes.into()))
    }

    /// Attaches metadata to the reply.
    ///
    /// # Errors
    /// [`Error::InvalidMetadata`] beyond the bounds of [`Metadata`].
    pub fn metadata(mut self, key: &str, value: &str) -> Result<Self, Error> {
        self.metadata.insert(key, value)?;
        Ok(self)
    }

    /// Attaches a user property to the reply to an MQTT 5 client.
    ///
    /// # Errors
    /// [`Error::InvalidUserProperty`] if it cannot stand in a header: names are tokens, and values have no control characters.
    /// [`Error::TooManyUserProperties`] beyond 64.
    pub fn mqtt_user_property(mut self, property: &MqttUserProperty) -> Result<Self, Error> {
        if self.mqtt_user_properties.len() >= USER_PROPERTIES_MAX {
            return Err(Error::TooManyUserProperties(USER_PROPERTIES_MAX));
        }
        self.mqtt_user_properties.push(property.header()?);
        Ok(self)
    }

    /// Keeps a value with the connection: [`ConnectionContext::states`] of its later events has it. Other values stay.
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

    /// Removes all values that are kept with the connection, but those that are set after this.
    #[must_use]
    pub fn clear_states(mut self) -> Self {
        self.states.clear();
        self
    }
}
