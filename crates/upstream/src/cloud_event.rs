use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use hubwire_auth::AccessKeys;
use hubwire_hub::{Attempt, Event, Occurrence, TraceContext, TraceId};
use hubwire_protocol::{ConnectionId, Data, HubName};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost::Message;

use crate::CallError;
use crate::signature::signature;
use crate::timestamp::timestamp;

/// The version of CloudEvents, and of the service's own attributes.
const VERSION: &str = "1.0";
/// The number of an event that is told after the service was killed: greater than any that was told before, and small enough for everybody.
const FAREWELL_ID: u64 = i32::MAX as u64;
/// What the headers of a message's metadata begin with.
pub(crate) const METADATA_PREFIX: &str = "x-webpubsub-metadata-";

/// One event, complete and on its own: what a request to a handler and a record for a listener are made from, now or after a restart.
#[derive(Clone, PartialEq, Message)]
pub struct CloudEvent {
    /// The hub.
    #[prost(string, tag = "1")]
    pub hub: String,
    /// The connection.
    #[prost(string, tag = "2")]
    pub connection: String,
    /// The event's number among those of its connection.
    #[prost(uint64, tag = "3")]
    pub id: u64,
    /// Who raised it.
    #[prost(enumeration = "Kind", tag = "4")]
    pub kind: i32,
    /// Its name.
    #[prost(string, tag = "5")]
    pub name: String,
    /// The user; empty if there is none.
    #[prost(string, tag = "6")]
    pub user: String,
    /// The subprotocol; empty if none was negotiated, or not yet.
    #[prost(string, tag = "7")]
    pub subprotocol: String,
    /// What the application gave to be kept with the connection.
    #[prost(bytes = "bytes", optional, tag = "8")]
    pub state: Option<Bytes>,
    /// The host that the client asked for.
    #[prost(string, tag = "9")]
    pub origin: String,
    /// When it was raised, in milliseconds since 1970.
    #[prost(uint64, tag = "10")]
    pub raised_ms: u64,
    /// What the payload is.
    #[prost(enumeration = "Content", tag = "11")]
    pub content: i32,
    /// The payload.
    #[prost(bytes = "bytes", tag = "12")]
    pub body: Bytes,
    /// Names, in lower case, and values that the client attached.
    #[prost(message, repeated, tag = "13")]
    pub metadata: Vec<MetadataEntry>,
    /// Identifies the request, through all of its attempts.
    #[prost(bytes = "bytes", tag = "14")]
    pub request_id: Bytes,
    /// The span of what caused it, as a `traceparent` header has it (W3C Trace Context); empty if it belongs to no trace.
    #[prost(string, tag = "15")]
    pub cause: String,
}

/// One name and value.
#[derive(Clone, PartialEq, Message)]
pub struct MetadataEntry {
    /// The name, in lower case.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// Who raised an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Kind {
    /// The service: `connect`, `connected`, `disconnected`.
    System = 0,
    /// A client.
    User = 1,
    /// A change of a group: `joined`, `left`.
    Group = 2,
}

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Content {
    /// JSON.
    Json = 0,
    /// UTF-8 text.
    Text = 1,
    /// Bytes.
    Binary = 2,
    /// A serialised `google.protobuf.Any`.
    Protobuf = 3,
}

impl Kind {
    /// How `ce-type` begins.
    pub fn type_prefix(self) -> &'static str {
        match self {
            Self::System => "azure.webpubsub.sys.",
            Self::User => "azure.webpubsub.user.",
            Self::Group => "azure.webpubsub.gp.",
        }
    }
}

impl Content {
    /// The media type in requests.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Binary => "application/octet-stream",
            Self::Protobuf => "application/x-protobuf",
        }
    }
}

impl CloudEvent {
    /// What happened, as it is told.
    pub fn of(event: &Event, request_id: u128) -> Self {
        let (kind, name, content, body) = told(&event.occurrence);
        let metadata = match &event.occurrence {
            Occurrence::User { metadata: Some(metadata), .. } => lower_case(metadata.iter()),
            _ => Vec::new(),
        };
        Self {
            hub: event.hub.as_str().to_owned(),
            connection: event.connection.to_string(),
            id: event.id,
            kind: kind as i32,
            name,
            user: event.user.as_ref().map(|user| user.as_str().to_owned()).unwrap_or_default(),
            subprotocol: event.subprotocol.as_deref().unwrap_or_default().to_owned(),
            state: event.state.clone(),
            origin: event.origin.to_string(),
            raised_ms: event.raised_ms,
            content: content as i32,
            body,
            metadata,
            request_id: Bytes::copy_from_slice(&request_id.to_be_bytes()),
            cause: event.cause.map(|cause| cause.to_string()).unwrap_or_default(),
        }
    }

    /// The end of a connection that the service may not live to tell: as things are when the connection begins.
    pub fn farewell(event: &Event, request_id: u128) -> Self {
        let reason = Cow::Borrowed("The service ended before the connection did.");
        let occurrence = Occurrence::Disconnected { reason };
        Self { id: FAREWELL_ID, ..Self::of(&Event { occurrence, ..event.clone() }, request_id) }
    }

    /// The `connect` event of a client.
    pub fn of_attempt(attempt: &Attempt, body: Bytes, request_id: u128) -> Self {
        Self {
            hub: attempt.hub.as_str().to_owned(),
            connection: attempt.connection.to_string(),
            kind: Kind::System as i32,
            name: "connect".to_owned(),
            user: attempt.user.clone().unwrap_or_default(),
            origin: attempt.origin.to_string(),
            raised_ms: attempt.raised_ms,
            content: Content::Json as i32,
            body,
            request_id: Bytes::copy_from_slice(&request_id.to_be_bytes()),
            cause: attempt.cause.map(|cause| cause.to_string()).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The connection's id, unless this was read from elsewhere and is damaged.
    pub fn connection_id(&self) -> Option<ConnectionId> {
        ConnectionId::parse(&self.connection)
    }

    /// The hub's name, unless this was read from elsewhere and is damaged.
    pub fn hub_name(&self) -> Option<HubName> {
        HubName::parse(&self.hub).ok()
    }

    /// The attribute `type`.
    pub fn event_type(&self) -> String {
        format!("{}{}", self.kind().type_prefix(), self.name)
    }

    /// The attribute `source`.
    pub fn source(&self) -> String {
        format!("/hubs/{}/client/{}", self.hub, self.connection)
    }

    /// The attribute `time`, in whole seconds.
    pub fn time(&self) -> String {
        timestamp(self.raised_ms)
    }

    /// What tells a repetition: the connection and the event's number.
    pub fn message_id(&self) -> String {
        format!("{}/{}", self.connection, self.id)
    }

    /// The attributes of the CloudEvent, those that are empty left out. The type of the payload is not among them.
    pub fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut attributes = vec![
            ("specversion", VERSION.to_owned()),
            ("awpsversion", VERSION.to_owned()),
            ("type", self.event_type()),
            ("source", self.source()),
            ("id", self.id.to_string()),
            ("time", self.time()),
            ("hub", self.hub.clone()),
            ("eventname", self.name.clone()),
            ("connectionid", self.connection.clone()),
        ];
        let state = self.state.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        for (name, value) in
            [("userid", &*self.user), ("subprotocol", &*self.subprotocol), ("connectionstate", &*state)]
        {
            if !value.is_empty() {
                attributes.push((name, value.to_owned()));
            }
        }
        attributes
    }

    /// The headers of a request that tells it.
    ///
    /// # Errors
    /// [`CallError::Request`] if something in it cannot stand in a header.
    pub fn headers(&self, keys: &AccessKeys, origin: Option<&str>) -> Result<HeaderMap, CallError> {
        let mut headers = HeaderMap::with_capacity(24);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content().content_type()));
        for (name, value) in [("ce-specversion", VERSION), ("ce-awpsversion", VERSION)] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let mut set = |name: &'static str, value: &str| {
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
                CallError::Request(format!("`{name}` has a character that no header can have"))
            })?;
            headers.insert(HeaderName::from_static(name), value);
            Ok::<_, CallError>(())
        };
        set("ce-type", &self.event_type())?;
        set("ce-source", &self.source())?;
        set("ce-id", &self.id.to_string())?;
        set("ce-time", &self.time())?;
        set("ce-connectionid", &self.connection)?;
        set("ce-hub", &self.hub)?;
        set("ce-eventname", &self.name)?;
        set("ce-signature", &signature(keys, &self.connection))?;
        set("webhook-request-origin", origin.unwrap_or(&self.origin))?;
        set("x-ms-client-request-id", &self.guid())?;
        if !self.user.is_empty() {
            // Control characters are all that a header cannot carry: a user with such is told percent-encoded as a whole.
            let unsafe_user = self.user.chars().any(|character| character.is_ascii_control());
            let encoded = unsafe_user.then(|| utf8_percent_encode(&self.user, NON_ALPHANUMERIC).to_string());
            set("ce-userid", encoded.as_deref().unwrap_or(&self.user))?;
        }
        if !self.subprotocol.is_empty() {
            set("ce-subprotocol", &self.subprotocol)?;
        }
        // The official JavaScript middleware warns of an empty state, which says no more than none.
        if let Some(state) = self.state.as_ref().filter(|state| !state.is_empty()) {
            let value =
                HeaderValue::from_bytes(state).map_err(|error| CallError::Request(error.to_string()))?;
            headers.insert(HeaderName::from_static("ce-connectionstate"), value);
        }
        for MetadataEntry { name, value } in &self.metadata {
            let name = HeaderName::from_bytes(format!("{METADATA_PREFIX}{name}").as_bytes());
            let entry = name.ok().zip(HeaderValue::from_str(value).ok());
            let (name, value) =
                entry.ok_or_else(|| CallError::Request("its metadata cannot stand in headers".to_owned()))?;
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// The span of what caused it, if that belongs to a trace.
    pub(crate) fn cause(&self) -> Option<TraceContext> {
        TraceContext::from_traceparent(&self.cause)
    }

    /// The place of a request in a trace: in that of its cause, or else in one that the request's own id names, so that the two are found
    /// together. Whether to keep a trace that begins here is the handler's to decide, so it is marked as sampled.
    pub(crate) fn context(&self) -> Option<TraceContext> {
        let bits = u128::from_be_bytes(<[u8; 16]>::try_from(&self.request_id[..]).ok()?);
        let span_id = Some(bits as u64).filter(|span| *span != 0)?;
        let of_cause = |cause: TraceContext| TraceContext { span_id, ..cause };
        let own = || Some(TraceContext { trace_id: TraceId::new(bits)?, span_id, sampled: true });
        self.cause().map(of_cause).or_else(own)
    }

    /// The id of the request, as its header has it.
    pub(crate) fn guid(&self) -> String {
        let mut digits = String::with_capacity(36);
        for (index, byte) in self.request_id.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                digits.push('-');
            }
            digits.push_str(&format!("{byte:02x}"));
        }
        digits
    }
}

fn told(occurrence: &Occurrence) -> (Kind, String, Content, Bytes) {
    let json = |value: serde_json::Value| Bytes::from(value.to_string());
    match occurrence {
        Occurrence::Connected => {
            (Kind::System, "connected".to_owned(), Content::Json, Bytes::from_static(b"{}"))
        }
        Occurrence::Disconnected { reason } => {
            let body = json(serde_json::json!({ "reason": reason }));
            (Kind::System, "disconnected".to_owned(), Content::Json, body)
        }
        Occurrence::Joined(group) => {
            let body = json(serde_json::json!({ "group": group.as_str() }));
            (Kind::Group, "joined".to_owned(), Content::Json, body)
        }
        Occurrence::Left(group) => {
            let body = json(serde_json::json!({ "group": group.as_str() }));
            (Kind::Group, "left".to_owned(), Content::Json, body)
        }
        Occurrence::User { name, data, .. } => {
            let (content, body) = match data {
                Some(Data::Text(bytes)) => (Content::Text, bytes.clone()),
                Some(Data::Json(bytes)) => (Content::Json, bytes.clone()),
                Some(Data::Binary(bytes)) => (Content::Binary, bytes.clone()),
                Some(Data::Protobuf(bytes)) => (Content::Protobuf, bytes.clone()),
                None => (Content::Text, Bytes::new()),
            };
            (Kind::User, name.as_str().to_owned(), content, body)
        }
    }
}

/// Names that differ only in case are one; the last value counts.
fn lower_case<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<MetadataEntry> {
    let mut lowered: Vec<MetadataEntry> = Vec::new();
    for (name, value) in entries {
        let name = name.to_ascii_lowercase();
        match lowered.iter_mut().find(|known| known.name == name) {
            Some(known) => value.clone_into(&mut known.value),
            None => lowered.push(MetadataEntry { name, value: value.to_owned() }),
        }
    }
    lowered
}
