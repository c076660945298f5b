//! What is sent to clients.

use azure_core::{Bytes, Result, http::request::Body};
use serde::Serialize;
use serde_json::Value;

/// Content for clients: JSON, text or bytes.
///
/// The kind decides the content type of the request and, by it, the `dataType` that clients of the JSON and protobuf
/// subprotocols see and the frame type that simple clients get.
///
/// ```
/// use serde_json::json;
/// use webpubsub::Message;
///
/// # #[derive(serde::Serialize)] struct Alert { text: &'static str }
/// # fn main() -> azure_core::Result<()> {
/// Message::from(json!({ "text": "Hello world!" })); // application/json
/// Message::json(&Alert { text: "Hello world!" })?; // application/json, anything that serde can write
/// Message::text("Hello world!"); // text/plain
/// Message::binary(vec![0, 1, 2]); // application/octet-stream
/// # Ok(()) }
/// ```
///
/// A Rust string has no conversion into a message, because the other SDKs differ on whether it is text or JSON.
#[derive(Clone, Debug)]
pub struct Message {
    content_type: &'static str,
    body: Body,
}

impl Message {
    /// A JSON value, from anything that serde can write. Clients get exactly the bytes that serde writes; to send
    /// JSON text as it is, pass a `serde_json::value::RawValue`.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON, as a map with keys that are no strings.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Ok(Self { content_type: "application/json", body: serde_json::to_vec(value)?.into() })
    }

    /// Plain text, sent in UTF-8.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content_type: "text/plain", body: text.into().into() }
    }

    /// Bytes, or a stream of bytes: anything that converts into a [`Body`], as `Vec<u8>`, [`Bytes`] or a boxed
    /// [`SeekableStream`](azure_core::stream::SeekableStream).
    pub fn binary(body: impl Into<Body>) -> Self {
        Self { content_type: "application/octet-stream", body: body.into() }
    }

    pub(crate) fn into_content(self) -> (&'static str, Body) {
        (self.content_type, self.body)
    }
}

/// As JSON.
impl From<Value> for Message {
    fn from(value: Value) -> Self {
        Self { content_type: "application/json", body: value.to_string().into() }
    }
}

/// As bytes.
impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::binary(bytes)
    }
}

/// As bytes.
impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::binary(bytes)
    }
}
