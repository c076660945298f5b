use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::Error;

/// What a client sent with a user event, or what it is answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Data {
    /// Text: `text/plain`.
    Text(String),
    /// JSON as it came: `application/json`. [`Data::json`] reads it.
    Json(Box<RawValue>),
    /// Bytes: `application/octet-stream`.
    Binary(Bytes),
    /// A serialised `google.protobuf.Any`: `application/x-protobuf`.
    Protobuf(Bytes),
}

/// What kinds of [`Data`] there are, by their names in the JSON subprotocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// `text`
    Text,
    /// `json`
    Json,
    /// `binary`
    Binary,
    /// `protobuf`
    Protobuf,
}

impl DataType {
    /// The kind that a media type stands for. Parameters such as `charset` do not matter.
    pub(crate) fn of_content_type(content_type: &str) -> Option<Self> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let known = [Self::Text, Self::Json, Self::Binary, Self::Protobuf];
        known.into_iter().find(|data_type| data_type.media_type().eq_ignore_ascii_case(media_type))
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Json => "application/json",
            Self::Binary => "application/octet-stream",
            Self::Protobuf => "application/x-protobuf",
        }
    }

    /// The `Content-Type` of answers, as the official JavaScript middleware writes it.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::Binary | Self::Protobuf => self.media_type(),
        }
    }
}

impl Data {
    /// JSON of a value.
    ///
    /// # Errors
    /// If the value cannot be JSON: a map whose keys are not texts, or a failing `Serialize`.
    pub fn of_json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self::Json)
    }

    /// Which kind it is.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Text(_) => DataType::Text,
            Self::Json(_) => DataType::Json,
            Self::Binary(_) => DataType::Binary,
            Self::Protobuf(_) => DataType::Protobuf,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes as they are on the wire, of whatever kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Json(json) => json.get().as_bytes(),
            Self::Binary(bytes) | Self::Protobuf(bytes) => bytes,
        }
    }

    /// Reads a value from JSON, of whatever kind the data says to be: clients often send JSON as text.
    ///
    /// # Errors
    /// If the data is not JSON, or not of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.as_bytes())
    }

    /// Reads a body of a kind.
    pub(crate) fn of_body(data_type: DataType, body: Bytes) -> Result<Self, Error> {
        let text =
            |body: Bytes, what| String::from_utf8(Vec::from(body)).map_err(|_| Error::MalformedBody(what));
        Ok(match data_type {
            DataType::Text => Self::Text(text(body, "UTF-8 text")?),
            DataType::Json => Self::Json(
                RawValue::from_string(text(body, "JSON")?).map_err(|_| Error::MalformedBody("JSON"))?,
            ),
            DataType::Binary => Self::Binary(body),
            DataType::Protobuf => Self::Protobuf(body),
        })
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into(),
            Self::Json(json) => String::from(Box::<str>::from(json)).into(),
            Self::Binary(bytes) | Self::Protobuf(bytes) => bytes,
        }
    }
}

impl From<String> for Data {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
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
