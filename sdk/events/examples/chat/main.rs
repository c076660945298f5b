//! A chat room in a web page, with the browser's own WebSocket.
//!
//!     hubwire serve --config examples/hubwire.toml
//!     cargo run --example chat
//!
//! Then open http://127.0.0.1:9000 in two windows.
//!
//! 1. The page asks for a client URL. The application signs a token with the user's name: [`token`].
//! 2. The service asks the application whether the client may connect: [`Chat::connect`]. It lets in whom it signed a token for, puts them into
//!    the room, and begins to count their messages.
//! 3. What a user writes goes to the application: [`Chat::user_event`]. It refuses what is too long and replies with what to show, numbered.
//! 4. The page sends the reply to the room, which it got the role for. The service tells everybody who wrote it.
//!
//! An application that does not leave step 4 to its pages gives no role, and sends to the group itself, with the crate `webpubsub`.

mod token;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use token::ClientUrls;
use tokio::net::TcpListener;
use webpubsub_events::{
    BoxError, ConnectFailure, ConnectRequest, ConnectResponse, DisconnectedRequest, EventHandler, Rejection,
    UserEventFailure, UserEventRequest, UserEventResponse, Webhook, async_trait,
};

const DEVELOPMENT: &str =
    "Endpoint=http://127.0.0.1:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";
const HUB: &str = "chat";
const ROOM: &str = "room";
/// The longest name, and the longest message, in characters.
const NAME_CHARACTERS_MAX: usize = 32;
const MESSAGE_CHARACTERS_MAX: usize = 500;

struct Chat;

/// What the page shows.
#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    number: u64,
}

#[async_trait]
impl EventHandler for Chat {
    async fn connect(&self, request: ConnectRequest) -> Result<ConnectResponse, ConnectFailure> {
        // The service has verified the token; who has one got it from `negotiate`.
        let user = request.context.user_id.ok_or_else(|| Rejection::unauthorized("negotiate first"))?;
        tracing::info!(user, "comes in");
        let response = ConnectResponse::new()
            .user_id(user)
            .groups([ROOM])
            .roles([format!("webpubsub.sendToGroup.{ROOM}")])
            .state("messages", 0)?;
        Ok(response)
    }

    async fn user_event(&self, request: UserEventRequest) -> Result<UserEventResponse, UserEventFailure> {
        let text = request.data.as_text().unwrap_or_default().trim();
        if text.is_empty() || text.chars().count() > MESSAGE_CHARACTERS_MAX {
            return Err(Rejection::bad_request("a message has 1 to 500 characters").into());
        }
        let number = request.context.states.get::<u64>("messages")?.unwrap_or_default() + 1;
        Ok(UserEventResponse::json(&Line { text, number })?.state("messages", number)?)
    }

    async fn disconnected(&self, request: DisconnectedRequest) -> Result<(), BoxError> {
        tracing::info!(user = request.context.user_id, reason = request.reason, "has left");
        Ok(())
    }
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

#[derive(Serialize)]
struct Negotiated {
    url: String,
    group: &'static str,
}

/// Says where to connect. A real application would ask for more than a name here.
async fn negotiate(
    State(urls): State<ClientUrls>,
    Json(login): Json<Login>,
) -> Result<Json<Negotiated>, StatusCode> {
    let name = login.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Json(Negotiated { url: urls.for_user(name), group: ROOM }))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let connection_string =
        std::env::var("WEBPUBSUB_CONNECTION_STRING").unwrap_or_else(|_| DEVELOPMENT.to_owned());
    let webhook = Webhook::builder(HUB).connection_string(&connection_string).build(Chat)?;
    let urls = ClientUrls::new(&connection_string, HUB).ok_or("a connection string without a part")?;

    let app = Router::new()
        .route("/", get(async || Html(include_str!("index.html"))))
        .route("/negotiate", post(negotiate))
        .with_state(urls)
        .layer(webhook.into_layer());
    let listen = std::env::var("WEBHOOK_LISTEN").unwrap_or_else(|_| "127.0.0.1:9000".to_owned());
    let listener = TcpListener::bind(listen).await?;
    tracing::info!("open http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
