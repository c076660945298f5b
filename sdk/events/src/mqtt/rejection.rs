use http::StatusCode;
use serde::{Serialize, Serializer};

use super::{MqttUserProperty, MqttV311ConnectReturnCode as V311, MqttV500ConnectReasonCode as V500};

/// The code of a refused CONNECT, of either version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MqttConnectCode {
    /// A return code of MQTT 3.1.1.
    V311(V311),
    /// A reason code of MQTT 5.
    V500(V500),
}

impl MqttConnectCode {
    /// The code's number.
    pub fn value(self) -> u8 {
        match self {
            Self::V311(V311(value)) | Self::V500(V500(value)) => value,
        }
    }

    /// The status of an answer that refuses with this code, by the table of the official JavaScript middleware.
    pub(crate) fn status(self) -> StatusCode {
        // The two specifications' codes are distinct numbers, so that the number alone decides.
        match (V311(self.value()), V500(self.value())) {
            (V311::UNACCEPTABLE_PROTOCOL_VERSION | V311::IDENTIFIER_REJECTED, _) => StatusCode::BAD_REQUEST,
            (V311::SERVER_UNAVAILABLE, _) => StatusCode::SERVICE_UNAVAILABLE,
            (V311::BAD_USERNAME_OR_PASSWORD | V311::NOT_AUTHORIZED, _) => StatusCode::UNAUTHORIZED,
            (_, V500::NOT_AUTHORIZED | V500::BAD_USER_NAME_OR_PASSWORD) => StatusCode::UNAUTHORIZED,
            (_, V500::BANNED) => StatusCode::FORBIDDEN,
            (_, V500::QUOTA_EXCEEDED | V500::CONNECTION_RATE_EXCEEDED) => StatusCode::TOO_MANY_REQUESTS,
            (
                _,
                V500::CLIENT_IDENTIFIER_NOT_VALID
                | V500::MALFORMED_PACKET
                | V500::UNSUPPORTED_PROTOCOL_VERSION
                | V500::BAD_AUTHENTICATION_METHOD
                | V500::TOPIC_NAME_INVALID
                | V500::PAYLOAD_FORMAT_INVALID
                | V500::IMPLEMENTATION_SPECIFIC_ERROR
                | V500::PACKET_TOO_LARGE
                | V500::RETAIN_NOT_SUPPORTED
                | V500::QOS_NOT_SUPPORTED,
            ) => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The code for a client that is refused with a status alone, by the same middleware.
    pub(crate) fn of_status(status: StatusCode, protocol_version: Option<u8>) -> Self {
        match (protocol_version, status.as_u16()) {
            (Some(4), 400) => V311::BAD_USERNAME_OR_PASSWORD.into(),
            (Some(4), 401) => V311::NOT_AUTHORIZED.into(),
            (Some(4), _) => V311::SERVER_UNAVAILABLE.into(),
            (Some(5), 400) => V500::BAD_USER_NAME_OR_PASSWORD.into(),
            (Some(5), 401) => V500::NOT_AUTHORIZED.into(),
            (Some(5), _) => V500::UNSPECIFIED_ERROR.into(),
            _ => V311::UNACCEPTABLE_PROTOCOL_VERSION.into(),
        }
    }
}

impl From<V311> for MqttConnectCode {
    fn from(code: V311) -> Self {
        Self::V311(code)
    }
}

impl From<V500> for MqttConnectCode {
    fn from(code: V500) -> Self {
        Self::V500(code)
    }
}

impl Serialize for MqttConnectCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.value())
    }
}

/// The refusal of an MQTT client by its own code. The HTTP status follows from the code.
///
/// ```
/// use webpubsub_events::{MqttRejection, MqttV500ConnectReasonCode};
///
/// let rejection = MqttRejection::new(MqttV500ConnectReasonCode::NOT_AUTHORIZED).reason("no such user");
/// ```
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MqttRejection {
    pub(crate) code: MqttConnectCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_properties: Option<Vec<MqttUserProperty>>,
}

impl MqttRejection {
    /// A refusal with a code, of the version of MQTT that the client speaks.
    pub fn new(code: impl Into<MqttConnectCode>) -> Self {
        Self { code: code.into(), reason: None, user_properties: None }
    }

    /// The reason in words, for MQTT 5 clients.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// User properties of the CONNACK, for MQTT 5 clients.
    #[must_use]
    pub fn user_properties(mut self, properties: impl IntoIterator<Item = MqttUserProperty>) -> Self {
        self.user_properties = Some(properties.into_iter().collect());
        self
    }
}
