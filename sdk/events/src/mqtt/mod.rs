//! What MQTT clients' events have besides: their connections, CONNECT and DISCONNECT packets, user properties, and codes.

mod codes;
mod connect;
mod context;
mod rejection;
mod user_property;

pub use codes::{MqttDisconnectReasonCode, MqttV311ConnectReturnCode, MqttV500ConnectReasonCode};
pub use connect::{MqttConnect, MqttDisconnect, MqttDisconnectPacket, MqttPassword};
pub use context::MqttContext;
pub use rejection::{MqttConnectCode, MqttRejection};
pub use user_property::MqttUserProperty;
pub(crate) use user_property::{of_headers, write};
