use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members that a client message, or an object inside one, can have, each as its source text.
///
/// Members are found in any order, unknown ones are ignored, and of several with the same name the last one counts, as in the service.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) kind: Option<&'a RawValue>,
    pub(super) group: Option<&'a RawValue>,
    pub(super) event: Option<&'a RawValue>,
    pub(super) data: Option<&'a RawValue>,
    pub(super) data_type: Option<&'a RawValue>,
    pub(super) ack_id: Option<&'a RawValue>,
    pub(super) no_echo: Option<&'a RawValue>,
    pub(super) ttl_s: Option<&'a RawValue>,
    pub(super) metadata: Option<&'a RawValue>,
    pub(super) sequence_id: Option<&'a RawValue>,
    pub(super) invocation_id: Option<&'a RawValue>,
    pub(super) target: Option<&'a RawValue>,
    pub(super) stream: Option<&'a RawValue>,
    pub(super) stream_id: Option<&'a RawValue>,
    pub(super) idle_timeout_ms: Option<&'a RawValue>,
    pub(super) stream_sequence_id: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    pub(super) message: Option<&'a RawValue>,
    pub(super) user_error_code: Option<&'a RawValue>,
    pub(super) state: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(Text(name)) = map.next_key()? {
            let field = match &*name {
                "type" => &mut fields.kind,
                "group" => &mut fields.group,
                "event" => &mut fields.event,
                "data" => &mut fields.data,
                "dataType" => &mut fields.data_type,
                "ackId" => &mut fields.ack_id,
                "noEcho" => &mut fields.no_echo,
                "ttlSeconds" => &mut fields.ttl_s,
                "metadata" => &mut fields.metadata,
                "sequenceId" => &mut fields.sequence_id,
                "invocationId" => &mut fields.invocation_id,
                "target" => &mut fields.target,
                "stream" => &mut fields.stream,
                "streamId" => &mut fields.stream_id,
                "idleTimeoutMs" => &mut fields.idle_timeout_ms,
                "streamSequenceId" => &mut fields.stream_sequence_id,
                "error" => &mut fields.error,
                "message" => &mut fields.message,
                "userErrorCode" => &mut fields.user_error_code,
                "state" => &mut fields.state,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *field = Some(map.next_value()?);
        }
        Ok(fields)
    }
}

/// Text that is borrowed from the message unless it holds escapes.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// The entries of an object of strings, in their order and with duplicates, for the checks that follow.
pub(super) struct Entries(pub(super) Vec<(String, String)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}
