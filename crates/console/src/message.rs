use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hubwire_hub::{Delivered, Fact, MessageId, Published, Source, Target, TraceId};
use hubwire_protocol::{ConnectionId, Data, GroupName, HubName, UserId};
use serde_json::{Map, Value, json};

use crate::settings::Payloads;

/// A message that was published while recording was on.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) time_ms: u64,
    pub(crate) hub: HubName,
    pub(crate) target: Target,
    pub(crate) source: Source,
    /// The user of the client that published it.
    pub(crate) user: Option<UserId>,
    pub(crate) stream: bool,
    data_type: &'static str,
    bytes: usize,
    payload: Option<String>,
    truncated: bool,
    filter: Option<Arc<hubwire_filter::Filter>>,
    excluded: usize,
    no_echo: bool,
    pub(crate) ttl_s: u16,
    trace_id: Option<TraceId>,
}

impl Message {
    pub(crate) fn new(fact: &Fact, published: &Published, payloads: Payloads) -> Option<Self> {
        let (payload, truncated) = excerpt(&published.data, payloads);
        Some(Self {
            id: published.message,
            time_ms: fact.time_ms,
            hub: fact.hub.clone()?,
            target: published.target.clone(),
            source: published.source,
            user: fact.user.clone().filter(|_| matches!(published.source, Source::Client(_))),
            stream: published.stream,
            data_type: match published.data {
                Data::Text(_) => "text",
                Data::Json(_) => "json",
                Data::Binary(_) => "binary",
                Data::Protobuf(_) => "protobuf",
            },
            bytes: published.data.bytes().len(),
            payload,
            truncated,
            filter: published.filter.clone(),
            excluded: published.excluded,
            no_echo: published.no_echo,
            ttl_s: published.ttl_s,
            trace_id: published.trace_id,
        })
    }

    /// A message of another node, as that has shown it: as much as it takes to explain what became of it.
    pub(crate) fn of_json(shown: &Value) -> Option<Self> {
        let name = shown["target"]["name"].as_str().unwrap_or_default();
        let target = match shown["target"]["kind"].as_str()? {
            "hub" => Target::Hub,
            "group" => Target::Group(GroupName::parse(name).ok()?),
            "user" => Target::User(UserId::parse(name).ok()?),
            "connection" => Target::Connection(ConnectionId::parse(name)?),
            _ => return None,
        };
        Some(Self {
            id: parse_id(shown["message"].as_str()?)?,
            time_ms: shown["time"].as_u64()?,
            hub: HubName::parse(shown["hub"].as_str()?).ok()?,
            target,
            source: Source::default(),
            user: None,
            stream: false,
            data_type: "text",
            bytes: 0,
            payload: None,
            truncated: false,
            filter: None,
            excluded: 0,
            no_echo: false,
            ttl_s: u16::try_from(shown["ttlSeconds"].as_u64()?).ok()?,
            trace_id: None,
        })
    }

    /// What the message takes in memory, roughly.
    pub(crate) fn kept_bytes(&self) -> usize {
        512 + self.payload.as_ref().map_or(0, String::len)
    }

    /// Whether a text stands in what is kept of the payload, ignoring case.
    pub(crate) fn contains(&self, lower: &str) -> bool {
        self.payload.as_ref().is_some_and(|payload| payload.to_lowercase().contains(lower))
    }

    pub(crate) fn json(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        shown.insert("message".into(), id(self.id).into());
        shown.insert("time".into(), self.time_ms.into());
        shown.insert("hub".into(), self.hub.as_str().into());
        shown.insert("target".into(), target(&self.target));
        shown.insert("source".into(), self.source());
        shown.insert("dataType".into(), self.data_type.into());
        shown.insert("bytes".into(), self.bytes.into());
        if let Some(payload) = &self.payload {
            shown.insert("payload".into(), payload.as_str().into());
            shown.insert("payloadTruncated".into(), self.truncated.into());
        }
        if let Some(filter) = &self.filter {
            shown.insert("filter".into(), filter.source().into());
        }
        shown.insert("excluded".into(), self.excluded.into());
        shown.insert("noEcho".into(), self.no_echo.into());
        shown.insert("ttlSeconds".into(), self.ttl_s.into());
        if let Some(trace_id) = self.trace_id {
            shown.insert("traceId".into(), trace_id.to_string().into());
        }
        shown
    }

    fn source(&self) -> Value {
        match self.source {
            Source::Application => json!({"kind": "rest"}),
            Source::Operator => json!({"kind": "console"}),
            Source::Handler => json!({"kind": "handler"}),
            Source::Client(connection) => {
                let kind = if self.stream { "stream" } else { "client" };
                let mut shown = json!({"kind": kind, "connection": connection.to_string()});
                if let Some(user) = &self.user {
                    shown["user"] = user.as_str().into();
                }
                shown
            }
        }
    }

    /// `12 bytes of text`.
    pub(crate) fn size(&self) -> String {
        format!("{} {} of {}", self.bytes, if self.bytes == 1 { "byte" } else { "bytes" }, self.data_type)
    }
}

/// An id as people see it.
pub(crate) fn id(message: MessageId) -> String {
    format!("{:x}", message.0)
}

/// Reads an id as people see it.
pub(crate) fn parse_id(text: &str) -> Option<MessageId> {
    u64::from_str_radix(text, 16).ok().map(MessageId)
}

pub(crate) fn target(target: &Target) -> Value {
    match target {
        Target::Hub => json!({"kind": "hub"}),
        Target::Group(group) => json!({"kind": "group", "name": group.as_str()}),
        Target::User(user) => json!({"kind": "user", "name": user.as_str()}),
        Target::Connection(connection) => json!({"kind": "connection", "name": connection.to_string()}),
    }
}

/// `group room`.
pub(crate) fn target_words(target: &Target) -> String {
    match target {
        Target::Hub => "everyone".to_owned(),
        Target::Group(group) => format!("group {group}"),
        Target::User(user) => format!("user {user}"),
        Target::Connection(connection) => format!("connection {connection}"),
    }
}

pub(crate) fn delivery(delivered: &Delivered) -> Value {
    json!({
        "recipients": delivered.recipients,
        "delivered": delivered.delivered,
        "excluded": delivered.excluded,
        "filtered": delivered.filtered,
        "skipped": delivered.skipped,
        "overflowed": delivered.overflowed,
    })
}

/// The beginning of a payload, as far as it is to be shown, and whether there is more.
fn excerpt(data: &Data, payloads: Payloads) -> (Option<String>, bool) {
    if payloads == Payloads::Hidden {
        return (None, false);
    }
    let bytes = data.bytes();
    let kept = &bytes[..bytes.len().min(payloads.bytes_max())];
    let truncated = kept.len() < bytes.len();
    let text = match data {
        // A character that is cut in two is left out.
        Data::Text(_) | Data::Json(_) if truncated => {
            String::from_utf8_lossy(kept).trim_end_matches('\u{fffd}').to_owned()
        }
        Data::Text(_) | Data::Json(_) => String::from_utf8_lossy(kept).into_owned(),
        Data::Binary(_) | Data::Protobuf(_) => STANDARD.encode(kept),
    };
    (Some(text), truncated)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_payload_is_cut_between_characters() {
        let text = format!("{}ü", "x".repeat(255));
        let (shown, truncated) = excerpt(&Data::Text(Bytes::from(text)), Payloads::Truncated);
        assert_eq!((shown, truncated), (Some("x".repeat(255)), true));
    }

    #[test]
    fn what_is_no_text_is_shown_in_base64() {
        let data = Data::Binary(Bytes::from_static(&[0, 255]));
        assert_eq!(excerpt(&data, Payloads::Truncated), (Some("AP8=".to_owned()), false));
        assert_eq!(excerpt(&data, Payloads::Hidden), (None, false));
    }

    #[test]
    fn a_message_of_another_node_is_meant_for_the_same() {
        for target in [
            json!({"kind": "hub"}),
            json!({"kind": "group", "name": "g"}),
            json!({"kind": "user", "name": "u"}),
        ] {
            let shown =
                json!({"message": "4d03", "time": 5, "hub": "chat", "target": target, "ttlSeconds": 9});
            let message = Message::of_json(&shown).expect("it is complete");
            assert_eq!(super::target(&message.target), target);
            assert_eq!((message.id, message.time_ms, message.ttl_s), (MessageId::new(77, 3), 5, 9));
        }
        assert!(Message::of_json(&json!({"message": "4d03"})).is_none());
    }

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        let message = MessageId::new(77, 3);
        assert_eq!(parse_id(&id(message)), Some(message));
        assert_eq!(parse_id("no id"), None);
    }
}
