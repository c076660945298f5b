use std::convert::Infallible;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use webpubsub_events::{Builder, Event, Webhook};

use crate::application::Application;
use crate::client::Client;
use crate::hubwire::{Hubwire, PRIMARY};

/// How an application has the webhook.
#[derive(Clone, Copy)]
pub(crate) enum Mount {
    /// As a layer over other routes of axum.
    AxumLayer,
    /// As a route of axum.
    AxumRoute,
    /// As a service below a path of axum.
    AxumNest,
    /// In a function of hyper's.
    Hyper,
}

/// A service, an application, and what the application was told.
pub(crate) struct Stage {
    pub(crate) hubwire: Hubwire,
    /// Where the application listens.
    pub(crate) application: String,
    events: UnboundedReceiver<Event>,
}

impl Stage {
    /// An application in axum that knows the service's primary key.
    pub(crate) async fn new() -> Self {
        Self::with(Mount::AxumLayer, |webhook| webhook.connection_string(&connection_string(PRIMARY))).await
    }

    pub(crate) async fn with(mount: Mount, settings: impl FnOnce(Builder) -> Builder) -> Self {
        let (sender, events) = unbounded_channel();
        let webhook = settings(Webhook::builder("chat")).build(Application::new(sender)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let application = listener.local_addr().unwrap().to_string();
        serve(mount, listener, webhook);
        let hubwire = Hubwire::start(&format!("http://{application}/api/webpubsub/hubs/{{hub}}/{{event}}"));
        Self { hubwire, application, events }
    }

    /// Connects a client to hub `chat`.
    pub(crate) async fn connect(&self, query: &str, subprotocols: &str) -> Result<Client, StatusCode> {
        let endpoint = self.hubwire.endpoint.replace("http://", "ws://");
        Client::connect(&format!("{endpoint}/client/hubs/chat?{query}"), subprotocols).await
    }

    /// What the application is told next.
    pub(crate) async fn event(&mut self) -> Event {
        self.events.recv().await.expect("the application ended")
    }
}

/// The connection string of a service on this machine. Services do not name their port.
pub(crate) fn connection_string(key: &str) -> String {
    format!("Endpoint=http://127.0.0.1;AccessKey={key};Version=1.0;")
}

fn serve(mount: Mount, listener: TcpListener, webhook: Webhook<Application>) {
    let hello = Router::new().route("/hello", get(async || "hello"));
    let router = match mount {
        Mount::AxumLayer => hello.layer(webhook.into_layer()),
        Mount::AxumRoute => hello.route_service("/api/webpubsub/hubs/chat/{*event}", webhook),
        Mount::AxumNest => hello.nest_service("/api/webpubsub/hubs", webhook),
        Mount::Hyper => return serve_hyper(listener, webhook),
    };
    tokio::spawn(async move { axum::serve(listener, router).await });
}

fn serve_hyper(listener: TcpListener, webhook: Webhook<Application>) {
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let webhook = webhook.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let webhook = webhook.clone();
                    async move { Ok::<_, Infallible>(webhook.handle(request).await) }
                });
                http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
            });
        }
    });
}
