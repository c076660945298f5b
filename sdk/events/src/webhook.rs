use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;

use crate::{BoxError, Builder, Error, Event, EventHandler, EventReader, Incoming, Responder, WebhookLayer};

/// A handler's work on an event whose answer nobody waits for.
pub type Notification = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs [`Notification`]s.
pub(crate) type Spawner = Arc<dyn Fn(Notification) + Send + Sync>;

/// The webhook of one hub: an HTTP endpoint that a service sends the hub's events to, and that an [`EventHandler`] answers.
///
/// It is a function from requests to responses, [`handle`](Self::handle), that knows no framework and no runtime. It is also a `tower` service,
/// which answers 404 to what is not for it, and as a [layer](Self::into_layer) it passes that on to the service below. A clone is cheap and shares
/// everything.
pub struct Webhook<H>(Arc<Inner<H>>);

struct Inner<H> {
    reader: EventReader,
    handler: H,
    spawner: Option<Spawner>,
}

impl<H> Clone for Webhook<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H> fmt::Debug for Webhook<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Webhook").field(&self.0.reader).finish()
    }
}

impl Webhook<()> {
    /// Begins to set up a webhook for a hub.
    pub fn builder(hub: impl Into<String>) -> Builder {
        EventReader::builder(hub)
    }
}

impl<H: EventHandler> Webhook<H> {
    pub(crate) fn new(reader: EventReader, handler: H, spawner: Option<Spawner>) -> Self {
        Self(Arc::new(Inner { reader, handler, spawner }))
    }

    /// Where requests are expected: this path and all below it, in any case.
    pub fn path(&self) -> &str {
        self.0.reader.path()
    }

    /// The handler.
    pub fn handler(&self) -> &H {
        &self.0.handler
    }

    /// Whether a request is for this webhook: see [`EventReader::receives`].
    pub fn receives<B>(&self, request: &Request<B>) -> bool {
        self.0.reader.receives(request)
    }

    /// The layer that answers this hub's requests and passes all others on.
    pub fn into_layer(self) -> WebhookLayer<H> {
        WebhookLayer::new(self)
    }

    /// Answers a request. What [`receives`](Self::receives) is false for is answered with 404.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        match self.0.reader.read(request).await {
            Ok(Incoming::Validation(validation)) => {
                if !validation.is_allowed() {
                    tracing::warn!(
                        hub = self.0.reader.hub(),
                        origin = validation.origin(),
                        "a service asks to send events and is not among the allowed endpoints"
                    );
                }
                validation.into_response()
            }
            Ok(Incoming::Event(event)) => self.answer(*event).await,
            Err(error) => {
                if !matches!(error, Error::NotReceived) {
                    tracing::warn!(hub = self.0.reader.hub(), %error, "a request to the webhook is refused");
                }
                error.to_response()
            }
        }
    }

    async fn answer(&self, event: Event) -> Response<Full<Bytes>> {
        let responder = Responder::of(&event);
        let handler = &self.0.handler;
        match (event, &self.0.spawner) {
            (Event::Connect(request), _) => responder.connect(handler.connect(request).await),
            (Event::User(request), _) => responder.user_event(handler.user_event(request).await),
            (event, None) => responder.notification(self.notify(event).await),
            (event, Some(spawn)) => {
                let (webhook, log) = (self.clone(), responder.clone());
                spawn(Box::pin(async move {
                    if let Err(error) = webhook.notify(event).await {
                        log.log(&error);
                    }
                }));
                responder.notification(Ok(()))
            }
        }
    }

    /// Tells the handler what has happened.
    async fn notify(&self, event: Event) -> Result<(), BoxError> {
        let handler = &self.0.handler;
        match event {
            Event::Connected(request) => handler.connected(request).await,
            Event::Disconnected(request) => handler.disconnected(request).await,
            Event::GroupJoined(request) => handler.group_joined(request).await,
            Event::GroupLeft(request) => handler.group_left(request).await,
            // These are questions, and were answered before.
            Event::Connect(_) | Event::User(_) => Ok(()),
        }
    }
}
