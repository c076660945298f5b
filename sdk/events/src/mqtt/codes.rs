use std::fmt;

use serde::{Deserialize, Serialize};

/// A one-byte code with names for the values that its specification has. Other values can be said and read all the same.
macro_rules! codes {
    ($(#[$docs:meta])* $name:ident { $($(#[$value_docs:meta])* $constant:ident = $value:literal,)* }) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u8);

        impl $name {
            $($(#[$value_docs])* pub const $constant: Self = Self($value);)*
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$constant => formatter.write_str(concat!(stringify!($name), "::", stringify!($constant))),)*
                    Self(other) => write!(formatter, concat!(stringify!($name), "({:#04x})"), other),
                }
            }
        }
    };
}

codes! {
    /// Why a server refuses a CONNECT of MQTT 3.1.1: its section 3.2.2.3.
    MqttV311ConnectReturnCode {
        /// The server does not speak this version of MQTT.
        UNACCEPTABLE_PROTOCOL_VERSION = 1,
        /// The client id is well-formed, but not allowed.
        IDENTIFIER_REJECTED = 2,
        /// MQTT is not available.
        SERVER_UNAVAILABLE = 3,
        /// The user name or password is malformed.
        BAD_USERNAME_OR_PASSWORD = 4,
        /// The client may not connect.
        NOT_AUTHORIZED = 5,
    }
}

codes! {
    /// Why a server refuses a CONNECT of MQTT 5: its section 3.2.2.2.
    MqttV500ConnectReasonCode {
        /// Something failed, and the server does not say what.
        UNSPECIFIED_ERROR = 0x80,
        /// A packet could not be read.
        MALFORMED_PACKET = 0x81,
        /// A packet was against the protocol.
        PROTOCOL_ERROR = 0x82,
        /// The packet is valid, but this server does not take it.
        IMPLEMENTATION_SPECIFIC_ERROR = 0x83,
        /// The server does not speak this version of MQTT.
        UNSUPPORTED_PROTOCOL_VERSION = 0x84,
        /// The client id is valid, but not allowed.
        CLIENT_IDENTIFIER_NOT_VALID = 0x85,
        /// The user name or password is not accepted.
        BAD_USER_NAME_OR_PASSWORD = 0x86,
        /// The client may not do this.
        NOT_AUTHORIZED = 0x87,
        /// MQTT is not available.
        SERVER_UNAVAILABLE = 0x88,
        /// The server is busy; try again later.
        SERVER_BUSY = 0x89,
        /// The client is banned by an administrator.
        BANNED = 0x8a,
        /// The method of authentication is not supported.
        BAD_AUTHENTICATION_METHOD = 0x8c,
        /// The topic name is not accepted.
        TOPIC_NAME_INVALID = 0x90,
        /// A packet is too large.
        PACKET_TOO_LARGE = 0x95,
        /// A limit was exceeded.
        QUOTA_EXCEEDED = 0x97,
        /// The payload is not of the format that it says to be.
        PAYLOAD_FORMAT_INVALID = 0x99,
        /// Retained messages are not supported.
        RETAIN_NOT_SUPPORTED = 0x9a,
        /// The quality of service is not supported.
        QOS_NOT_SUPPORTED = 0x9b,
        /// Use another server for now.
        USE_ANOTHER_SERVER = 0x9c,
        /// Use another server from now on.
        SERVER_MOVED = 0x9d,
        /// Connections come too fast.
        CONNECTION_RATE_EXCEEDED = 0x9f,
    }
}

codes! {
    /// Why a connection of MQTT 5 ends: its section 3.14.2.1.
    MqttDisconnectReasonCode {
        /// The client disconnects; no will is sent.
        NORMAL_DISCONNECTION = 0,
        /// The client disconnects, and its will is to be sent.
        DISCONNECT_WITH_WILL_MESSAGE = 4,
        /// Something failed, and the server does not say what.
        UNSPECIFIED_ERROR = 0x80,
        /// A packet could not be read.
        MALFORMED_PACKET = 0x81,
        /// A packet was against the protocol.
        PROTOCOL_ERROR = 0x82,
        /// The packet is valid, but this server does not take it.
        IMPLEMENTATION_SPECIFIC_ERROR = 0x83,
        /// The client may not do this.
        NOT_AUTHORIZED = 0x87,
        /// The server is busy; try again later.
        SERVER_BUSY = 0x89,
        /// The server shuts down.
        SERVER_SHUTTING_DOWN = 0x8b,
        /// Nothing came for one and a half times the keep-alive time.
        KEEP_ALIVE_TIMEOUT = 0x8d,
        /// Another connection took the session over.
        SESSION_TAKEN_OVER = 0x8e,
        /// The topic filter is not accepted.
        TOPIC_FILTER_INVALID = 0x8f,
        /// The topic name is not accepted.
        TOPIC_NAME_INVALID = 0x90,
        /// More came than the receive maximum allows.
        RECEIVE_MAXIMUM_EXCEEDED = 0x93,
        /// The topic alias is not valid.
        TOPIC_ALIAS_INVALID = 0x94,
        /// A packet is too large.
        PACKET_TOO_LARGE = 0x95,
        /// Messages come too fast.
        MESSAGE_RATE_TOO_HIGH = 0x96,
        /// A limit was exceeded.
        QUOTA_EXCEEDED = 0x97,
        /// An administrator ended the connection.
        ADMINISTRATIVE_ACTION = 0x98,
        /// The payload is not of the format that it says to be.
        PAYLOAD_FORMAT_INVALID = 0x99,
        /// Retained messages are not supported.
        RETAIN_NOT_SUPPORTED = 0x9a,
        /// The quality of service is not supported.
        QOS_NOT_SUPPORTED = 0x9b,
        /// Use another server for now.
        USE_ANOTHER_SERVER = 0x9c,
        /// Use another server from now on.
        SERVER_MOVED = 0x9d,
        /// Shared subscriptions are not supported.
        SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9e,
        /// Connections come too fast.
        CONNECTION_RATE_EXCEEDED = 0x9f,
        /// The longest time of a connection is over.
        MAXIMUM_CONNECT_TIME = 0xa0,
        /// Subscription identifiers are not supported.
        SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xa1,
        /// Wildcard subscriptions are not supported.
        WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xa2,
    }
}
