//! A webhook in hyper alone: no framework, no tower.
//!
//!     cargo run --example plain_hyper
//!
//! It listens on 127.0.0.1:9000 (`WEBHOOK_LISTEN`); `hubwire serve --config examples/hubwire.toml` sends events there.

use std::convert::Infallible;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use webpubsub_events::{
    BoxError, EventHandler, UserEventFailure, UserEventRequest, UserEventResponse, Webhook, async_trait,
};

const DEVELOPMENT: &str =
    "Endpoint=http://127.0.0.1:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";

struct Greeter;

#[async_trait]
impl EventHandler for Greeter {
    async fn user_event(&self, request: UserEventRequest) -> Result<UserEventResponse, UserEventFailure> {
        let text = request.data.as_text().unwrap_or("you");
        Ok(UserEventResponse::text(format!("Hey {text}")))
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let connection_string =
        std::env::var("WEBPUBSUB_CONNECTION_STRING").unwrap_or_else(|_| DEVELOPMENT.to_owned());
    let webhook = Webhook::builder("chat").connection_string(&connection_string).build(Greeter)?;

    let listen = std::env::var("WEBHOOK_LISTEN").unwrap_or_else(|_| "127.0.0.1:9000".to_owned());
    let listener = TcpListener::bind(listen).await?;
    tracing::info!("ready at http://{}{}", listener.local_addr()?, webhook.path());
    loop {
        let (stream, _) = listener.accept().await?;
        let webhook = webhook.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let webhook = webhook.clone();
                async move { Ok::<_, Infallible>(webhook.handle(request).await) }
            });
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection failed");
            }
        });
    }
}
