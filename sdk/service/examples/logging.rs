//! Shows requests and responses, by the environment variable `AZURE_LOG_LEVEL`:
//!
//! ```sh
//! AZURE_LOG_LEVEL=verbose cargo run --features logging --example logging
//! ```

use serde_json::json;
use std::{env, error::Error};
use webpubsub::{WebPubSubServiceClient, WebPubSubServiceClientOptions};

/// A Hubwire on this machine with its default key.
const LOCAL: &str =
    "Endpoint=http://127.0.0.1:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    webpubsub::logging::init()?;
    let connection_string = env::var("WEBPUBSUB_CONNECTION_STRING").unwrap_or_else(|_| LOCAL.to_owned());
    // The local server speaks plain http.
    let options = WebPubSubServiceClientOptions { allow_insecure_connection: true, ..Default::default() };
    let client = WebPubSubServiceClient::from_connection_string(&connection_string, "chat", Some(options))?;
    client.send_to_all(json!({ "message": "Hello world!" }), None).await?;
    Ok(())
}
