//! Payloads.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// Names and values that travel with a message. Keys are HTTP token characters, at most 256 bytes; values are ASCII, at most 1,024 bytes;
/// all together at most 8 KiB.
pub type Metadata = BTreeMap<String, String>;

/// The payload of a message, an event or an invocation.
///
/// The service keeps a payload as it is and converts it for recipients that speak another protocol: what was sent as
/// JSON arrives as JSON, digit for digit.
#[derive(Clone, Debug)]
pub enum Data {
    /// A text.
    Text(String),
    /// JSON, as the text that was sent: numbers keep their digits, members their order. Not `null`, which the protocol cannot carry.
    Json(Box<RawValue>),
    /// Bytes.
    Binary(Bytes),
    /// A serialised `google.protobuf.Any`.
    Protobuf(Bytes),
}

/// The parts of a `google.protobuf.Any`.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Any {
    /// Says what the value is: `type.googleapis.com/` and the full name of the message, by custom.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The serialised message.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

impl Data {
    /// A payload of kind text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A payload of kind JSON from any value that serialises.
    ///
    /// # Errors
    /// [`Error::Json`] if it does not serialise, [`Error::InvalidArgument`] if it is `null`, for which the service closes the connection.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Self::json_text(serde_json::to_string(value)?)
    }

    /// A payload of kind JSON from JSON text, which is sent as it is.
    ///
    /// # Errors
    /// [`Error::Json`] if it is not JSON, [`Error::InvalidArgument`] if it is `null`.
    pub fn json_text(text: impl Into<String>) -> Result<Self> {
        let raw = RawValue::from_string(text.into())?;
        if raw.get() == "null" {
            return Err(Error::InvalidArgument("a JSON payload cannot be null".to_owned()));
        }
        Ok(Self::Json(raw))
    }

    /// A payload of kind binary.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::Binary(bytes.into())
    }

    /// A payload of kind protobuf: a message with the name of its type.
    pub fn any(type_url: impl Into<String>, value: impl Into<Bytes>) -> Self {
        let any = Any { type_url: type_url.into(), value: value.into() };
        Self::Protobuf(any.encode_to_vec().into())
    }

    /// The text, if it is a payload of kind text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, if it is a payload of kind binary.
    pub fn as_binary(&self) -> Option<&Bytes> {
        match self {
            Self::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Reads a payload of kind JSON.
    ///
    /// # Errors
    /// [`Error::Json`] if it has another shape, [`Error::InvalidArgument`] if the payload is of another kind.
    pub fn to_value<T: DeserializeOwned>(&self) -> Result<T> {
        match self {
            Self::Json(raw) => Ok(serde_json::from_str(raw.get())?),
            other => Err(Error::InvalidArgument(format!("a payload of kind {} is not JSON", other.kind()))),
        }
    }

    /// Reads a payload of kind protobuf.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the payload is of another kind, or not an `Any`.
    pub fn to_any(&self) -> Result<Any> {
        match self {
            Self::Protobuf(bytes) => Any::decode(bytes.clone())
                .map_err(|_| Error::InvalidArgument("the payload is not a google.protobuf.Any".to_owned())),
            other => Err(Error::InvalidArgument(format!("a payload of kind {} is no Any", other.kind()))),
        }
    }

    /// The kind's name on the wire: `text`, `json`, `binary` or `protobuf`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Json(_) => "json",
            Self::Binary(_) => "binary",
            Self::Protobuf(_) => "protobuf",
        }
    }

    /// The payload's bytes, whatever its kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Json(raw) => raw.get().as_bytes(),
            Self::Binary(bytes) | Self::Protobuf(bytes) => bytes,
        }
    }
}

/// Of the same kind and the same bytes: `1` and `1.0` differ.
impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Data {}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Data {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Bytes> for Data {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}
