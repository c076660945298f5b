use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hubwire_protocol::Data;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;

/// The kinds in which a payload travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Json,
    Binary,
}

impl Kind {
    pub(crate) fn any(rng: &mut StdRng) -> Self {
        [Self::Text, Self::Json, Self::Binary][rng.random_range(0..3)]
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Binary => "binary",
        }
    }

    /// The `data` member as a client writes it. The odd spacing must survive: JSON is taken over byte for byte.
    pub(crate) fn member(self, text: &str) -> String {
        match self {
            Self::Text => Value::from(text).to_string(),
            Self::Json => format!("{{ \"id\" :\"{text}\" , \"n\": 1.50}}"),
            Self::Binary => format!("\"{}\"", STANDARD.encode(text)),
        }
    }

    /// The same as an application hands it in.
    pub(crate) fn data(self, text: &str) -> Data {
        match self {
            Self::Text => Data::Text(Bytes::copy_from_slice(text.as_bytes())),
            Self::Json => Data::Json(self.member(text).into()),
            Self::Binary => Data::Binary(Bytes::copy_from_slice(text.as_bytes())),
        }
    }
}

/// The text of a message: its identity, then padding of a random length.
pub(crate) fn text(rng: &mut StdRng, publisher: &str, serial: u64) -> String {
    let padding = if rng.random_bool(0.1) { rng.random_range(0..3000) } else { rng.random_range(0..60) };
    format!("{publisher}-{serial}#{}", "é".repeat(padding / 2))
}

/// The identity in a text.
pub(crate) fn identity(text: &str) -> String {
    text.split('#').next().unwrap_or_default().to_owned()
}

/// The text in a payload as it went in.
pub(crate) fn text_of(data: &Data) -> String {
    match data {
        Data::Json(json) => {
            serde_json::from_slice(json).ok().as_ref().and_then(json_text).unwrap_or_default()
        }
        other => String::from_utf8_lossy(other.bytes()).into_owned(),
    }
}

/// The text in a `message` as it came out; `None` if the payload is not what any client could have sent.
pub(crate) fn text_in(message: &Value) -> Option<String> {
    let data = &message["data"];
    match message["dataType"].as_str()? {
        "text" => data.as_str().map(str::to_owned),
        "json" => json_text(data),
        "binary" => String::from_utf8(STANDARD.decode(data.as_str()?).ok()?).ok(),
        _ => None,
    }
}

fn json_text(json: &Value) -> Option<String> {
    (json["n"] == 1.5).then(|| json["id"].as_str().map(str::to_owned)).flatten()
}
