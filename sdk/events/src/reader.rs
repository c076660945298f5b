use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method, Request};
use http_body::Body;

use crate::access_key::AccessKeys;
use crate::attributes::{self, Attributes};
use crate::event::EventType;
use crate::signature::is_signed;
use crate::validation::{AllowedOrigins, Validation};
use crate::{BoxError, Builder, ConnectionContext, Error, Event, UserEventRequest, body};

/// Reads and checks the requests that a service sends about one hub, without answering them.
///
/// [`Webhook`](crate::Webhook) is this with an [`EventHandler`](crate::EventHandler), and is what most applications want. This is for frameworks that
/// have another idea of a handler; the example `axum_extractor` is one. A clone is cheap and shares everything.
#[derive(Clone)]
pub struct EventReader(Arc<Settings>);

/// What a [`Builder`] collects.
pub(crate) struct Settings {
    pub(crate) hub: String,
    /// In lower case, with a slash at both ends.
    pub(crate) path: String,
    /// Nothing if signatures are not verified.
    pub(crate) keys: Option<AccessKeys>,
    pub(crate) origins: AllowedOrigins,
    pub(crate) body_bytes_max: usize,
}

impl fmt::Debug for EventReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { hub, path, .. } = &*self.0;
        formatter.debug_struct("EventReader").field("hub", hub).field("path", path).finish_non_exhaustive()
    }
}

/// What a service may want.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// It asks whether it may send events.
    Validation(Validation),
    /// It sends one.
    Event(Box<Event>),
}

impl EventReader {
    /// Begins to set up a reader for a hub.
    pub fn builder(hub: impl Into<String>) -> Builder {
        Builder::new(hub.into())
    }

    pub(crate) fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }

    /// The hub.
    pub fn hub(&self) -> &str {
        &self.0.hub
    }

    /// Where requests are expected: this path and all below it, in any case.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Whether a request is for this hub's webhook, to be answered here, rightly or with an error.
    ///
    /// It is if its path is below [`path`](Self::path), it has a `ce-awpsversion`, and it is a validation (OPTIONS or GET) or an event (POST) of a
    /// known type in this hub, compared in any case. All others are for somebody else: another hub, another CloudEvents source, a browser.
    pub fn receives<B>(&self, request: &Request<B>) -> bool {
        let attributes = Attributes(request.headers());
        if !self.is_below_path(request.uri().path()) || !attributes.has(attributes::VERSION) {
            return false;
        }
        match *request.method() {
            Method::OPTIONS | Method::GET => true,
            // An attribute that is missing or malformed belongs to no other hub either; it is told as an error.
            Method::POST => {
                let is_known =
                    |value: Option<&str>| value.is_none_or(|value| EventType::parse(value).is_some());
                let is_hub =
                    |value: Option<&str>| value.is_none_or(|hub| hub.eq_ignore_ascii_case(&self.0.hub));
                attributes.get(attributes::TYPE).map_or(true, is_known)
                    && attributes.get(attributes::HUB).map_or(true, is_hub)
            }
            _ => false,
        }
    }

    /// Reads a request: who sent it is checked first, by its origin and its signature, then its body is read.
    ///
    /// The future reads the body and does nothing else that takes time. It has no time-out of its own: that is the HTTP server's, or a layer's.
    ///
    /// # Errors
    /// [`Error::NotReceived`] if [`receives`](Self::receives) says no; else what is wrong with the request. [`Error::status`] and
    /// [`Error::to_response`] answer it.
    pub async fn read<B>(&self, request: Request<B>) -> Result<Incoming, Error>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        if !self.receives(&request) {
            return Err(Error::NotReceived);
        }
        let (parts, body) = request.into_parts();
        if parts.method != Method::POST {
            let origin = Attributes(&parts.headers).require(attributes::ORIGIN)?;
            return Ok(Incoming::Validation(Validation::new(origin, &self.0.origins)));
        }
        let (event_type, context) = self.check(parts.headers)?;
        let body = body::read(body, self.0.body_bytes_max).await?;
        Event::read(event_type, context, body).map(|event| Incoming::Event(Box::new(event)))
    }

    /// All that can be said of an event without its body.
    fn check(&self, headers: HeaderMap) -> Result<(EventType, ConnectionContext), Error> {
        let attributes = Attributes(&headers);
        let origin = attributes.require(attributes::ORIGIN)?;
        self.0.origins.check(origin)?;
        let event_type = EventType::parse(attributes.require(attributes::TYPE)?)
            .ok_or(Error::MalformedHeader(attributes::TYPE))?;
        self.verify(attributes, origin)?;
        let context = ConnectionContext::of(headers)?;
        if event_type == EventType::User {
            UserEventRequest::data_type(&context)?;
        }
        Ok((event_type, context))
    }

    /// Whether the event comes from a service that has one of the keys.
    fn verify(&self, attributes: Attributes<'_>, origin: &str) -> Result<(), Error> {
        let hub = attributes.require(attributes::HUB)?;
        let connection_id = attributes.require(attributes::CONNECTION_ID)?;
        let Some(keys) = &self.0.keys else { return Ok(()) };
        let keys = keys.of(origin, hub);
        if keys.is_empty() {
            tracing::warn!(origin, hub, "no access key is known for the origin of an event");
        }
        let lines = attributes.0.get_all(attributes::SIGNATURE).iter().filter_map(|line| line.to_str().ok());
        if is_signed(lines, connection_id, &keys) { Ok(()) } else { Err(Error::Signature) }
    }

    fn is_below_path(&self, path: &str) -> bool {
        let (expected, path) = (self.0.path.as_bytes(), path.as_bytes());
        let without_slash = &expected[..expected.len() - 1];
        path.eq_ignore_ascii_case(without_slash)
            || path.get(..expected.len()).is_some_and(|start| start.eq_ignore_ascii_case(expected))
    }
}
