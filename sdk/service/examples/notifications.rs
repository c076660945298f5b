//! A notification service with a web page: `cargo run --example notifications`, then open <http://127.0.0.1:3000>.
//!
//! The page asks this program for a URL (`GET /negotiate`), connects to the service with it, and shows what arrives.
//! Whoever has something to tell, tells this program:
//!
//! ```sh
//! curl -d 'Your order is on its way' '127.0.0.1:3000/notify?user=alice' # one user
//! curl -d 'We close at noon' '127.0.0.1:3000/notify'                    # everyone
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::Html,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use std::{collections::BTreeMap, env, error::Error};
use tokio::net::TcpListener;
use webpubsub::{
    WebPubSubServiceClient, WebPubSubServiceClientOptions,
    models::{
        ClientAccessToken, WebPubSubServiceClientGetClientAccessTokenOptions,
        WebPubSubServiceClientSendToAllOptions, WebPubSubServiceClientSendToUserOptions,
    },
};

/// A Hubwire on this machine with its default key.
const LOCAL: &str =
    "Endpoint=http://127.0.0.1:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";

/// Where the page and `/notify` are; `NOTIFICATIONS_LISTEN` names another address.
const LISTEN: &str = "127.0.0.1:3000";

/// Notifications that a slow client has not received by then are no news any more.
const NEWS_SECONDS: u16 = 60;

/// The service that `WEBPUBSUB_CONNECTION_STRING` names, or the local one.
fn client(hub: &str) -> azure_core::Result<WebPubSubServiceClient> {
    let connection_string = env::var("WEBPUBSUB_CONNECTION_STRING").unwrap_or_else(|_| LOCAL.to_owned());
    // A local server speaks plain http. Leave this out when yours speaks https.
    let options = WebPubSubServiceClientOptions { allow_insecure_connection: true, ..Default::default() };
    WebPubSubServiceClient::from_connection_string(&connection_string, hub, Some(options))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = Router::new()
        .route("/", get(|| async { Html(include_str!("notifications.html")) }))
        .route("/negotiate", get(negotiate))
        .route("/notify", post(notify))
        .with_state(client("notifications")?);
    let address = env::var("NOTIFICATIONS_LISTEN").unwrap_or_else(|_| LISTEN.to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("open http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

#[derive(Deserialize)]
struct User {
    user: Option<String>,
}

type Failure = (StatusCode, String);

fn failed(error: azure_core::Error) -> Failure {
    (StatusCode::BAD_GATEWAY, format!("{error}\n"))
}

/// Gives a page what it needs to connect. A real program would know the user from a session, not from the page.
async fn negotiate(
    State(client): State<WebPubSubServiceClient>,
    Query(User { user }): Query<User>,
) -> Result<Json<ClientAccessToken>, Failure> {
    let options = WebPubSubServiceClientGetClientAccessTokenOptions {
        user_id: user,
        minutes_to_expire: Some(5),
        ..Default::default()
    };
    client.get_client_access_token(Some(options)).await.map(Json).map_err(failed)
}

/// Passes the text on, to one user or to everyone.
async fn notify(
    State(client): State<WebPubSubServiceClient>,
    Query(User { user }): Query<User>,
    text: String,
) -> Result<StatusCode, Failure> {
    let notification = json!({ "text": text });
    let metadata = BTreeMap::from([("kind".to_owned(), "notification".to_owned())]);
    let message_ttl_seconds = Some(NEWS_SECONDS);
    match user {
        Some(user) => {
            let options = WebPubSubServiceClientSendToUserOptions {
                metadata,
                message_ttl_seconds,
                ..Default::default()
            };
            client.send_to_user(&user, notification, Some(options)).await
        }
        None => {
            let options = WebPubSubServiceClientSendToAllOptions {
                metadata,
                message_ttl_seconds,
                ..Default::default()
            };
            client.send_to_all(notification, Some(options)).await
        }
    }
    .map(|_| StatusCode::ACCEPTED)
    .map_err(failed)
}
