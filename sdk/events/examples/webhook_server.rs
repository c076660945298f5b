//! Prints every event of hub `chat`, and answers user events by echoing them.
//!
//!     cargo run --example webhook_server
//!
//! It listens on 127.0.0.1:9000 (`WEBHOOK_LISTEN`). Let the service send events there; for Hubwire, see `hubwire.toml` beside this file:
//!
//!     hubwire serve --config examples/hubwire.toml
//!
//! Events are verified with the key of `WEBPUBSUB_CONNECTION_STRING`, or with Hubwire's development key.

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use webpubsub_events::{
    BoxError, ConnectFailure, ConnectRequest, ConnectResponse, ConnectedRequest, DisconnectedRequest,
    EventHandler, GroupJoinedRequest, GroupLeftRequest, UserEventFailure, UserEventRequest,
    UserEventResponse, Webhook, async_trait,
};

const DEVELOPMENT: &str =
    "Endpoint=http://127.0.0.1:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";

struct Printer;

#[expect(clippy::print_stdout, reason = "it is what this example is for")]
fn print(event: &impl std::fmt::Debug) {
    println!("{event:#?}");
}

#[async_trait]
impl EventHandler for Printer {
    async fn connect(&self, request: ConnectRequest) -> Result<ConnectResponse, ConnectFailure> {
        print(&request);
        Ok(ConnectResponse::new())
    }

    async fn user_event(&self, request: UserEventRequest) -> Result<UserEventResponse, UserEventFailure> {
        print(&request);
        Ok(UserEventResponse::reply(request.data))
    }

    async fn connected(&self, request: ConnectedRequest) -> Result<(), BoxError> {
        print(&request);
        Ok(())
    }

    async fn disconnected(&self, request: DisconnectedRequest) -> Result<(), BoxError> {
        print(&request);
        Ok(())
    }

    async fn group_joined(&self, request: GroupJoinedRequest) -> Result<(), BoxError> {
        print(&request);
        Ok(())
    }

    async fn group_left(&self, request: GroupLeftRequest) -> Result<(), BoxError> {
        print(&request);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let connection_string =
        std::env::var("WEBPUBSUB_CONNECTION_STRING").unwrap_or_else(|_| DEVELOPMENT.to_owned());
    let webhook = Webhook::builder("chat").connection_string(&connection_string).build(Printer)?;

    let listen = std::env::var("WEBHOOK_LISTEN").unwrap_or_else(|_| "127.0.0.1:9000".to_owned());
    let listener = TcpListener::bind(listen).await?;
    tracing::info!("ready at http://{}{}", listener.local_addr()?, webhook.path());
    let app = Router::new().route("/", get(async || "A webhook for events.")).layer(webhook.into_layer());
    axum::serve(listener, app).await?;
    Ok(())
}
