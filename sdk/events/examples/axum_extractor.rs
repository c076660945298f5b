//! Events as an axum extractor: handlers are functions of the framework, with its state and its other extractors, instead of an
//! `EventHandler`.
//!
//!     cargo run --example axum_extractor
//!
//! It listens on 127.0.0.1:9000 (`WEBHOOK_LISTEN`); `hubwire serve --config examples/hubwire.toml` sends events there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{FromRef, FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::net::TcpListener;
use webpubsub_events::{
    BoxError, ConnectResponse, Event, EventReader, Incoming, Rejection, Responder, UserEventResponse,
};

const DEVELOPMENT: &str =
    "Endpoint=http://127.0.0.1:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";

/// An event whose sender is verified. Validations, and requests that are no events, are answered before a handler is called.
struct WebPubSubEvent(Event);

impl<S> FromRequest<S> for WebPubSubEvent
where
    EventReader: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match EventReader::from_ref(state).read(request).await {
            Ok(Incoming::Event(event)) => Ok(Self(*event)),
            Ok(Incoming::Validation(validation)) => Err(validation.into_response().into_response()),
            Err(error) => Err(error.to_response().into_response()),
        }
    }
}

#[derive(Clone)]
struct Application {
    reader: EventReader,
    /// Messages so far.
    messages: Arc<AtomicU64>,
}

impl FromRef<Application> for EventReader {
    fn from_ref(application: &Application) -> Self {
        application.reader.clone()
    }
}

async fn events(State(application): State<Application>, WebPubSubEvent(event): WebPubSubEvent) -> Response {
    let responder = Responder::of(&event);
    let answer = match event {
        Event::Connect(request) => match request.query.get("name") {
            Some(name) => responder.connect(Ok(ConnectResponse::new().user_id(name))),
            None => responder.connect(Err(Rejection::unauthorized("a name is needed").into())),
        },
        Event::User(_) => {
            let number = application.messages.fetch_add(1, Ordering::Relaxed) + 1;
            responder.user_event(Ok(UserEventResponse::text(format!("message {number}"))))
        }
        _ => responder.notification(Ok(())),
    };
    answer.into_response()
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let connection_string =
        std::env::var("WEBPUBSUB_CONNECTION_STRING").unwrap_or_else(|_| DEVELOPMENT.to_owned());
    let reader = EventReader::builder("chat").connection_string(&connection_string).reader()?;

    let listen = std::env::var("WEBHOOK_LISTEN").unwrap_or_else(|_| "127.0.0.1:9000".to_owned());
    let listener = TcpListener::bind(listen).await?;
    tracing::info!("ready at http://{}{}", listener.local_addr()?, reader.path());
    let app = Router::new()
        .route("/api/webpubsub/hubs/chat/{event}", any(events))
        .with_state(Application { reader, messages: Arc::default() });
    axum::serve(listener, app).await?;
    Ok(())
}
