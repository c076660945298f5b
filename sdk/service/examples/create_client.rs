//! The ways to create a client: `cargo run --example create_client`.
//!
//! With `WEBPUBSUB_ENDPOINT` set to an https endpoint, it also uses the account that the Azure CLI is signed in with.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use azure_identity::DeveloperToolsCredential;
use std::{env, error::Error};
use webpubsub::{WebPubSubServiceClient, WebPubSubServiceClientOptions};

/// A Hubwire on this machine with its default key.
const LOCAL: &str =
    "Endpoint=http://127.0.0.1:8080;AccessKey=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH;Version=1.0;";

fn main() -> Result<(), Box<dyn Error>> {
    // A local server speaks plain http. Leave this out when yours speaks https.
    let options =
        || Some(WebPubSubServiceClientOptions { allow_insecure_connection: true, ..Default::default() });

    let connection_string = env::var("WEBPUBSUB_CONNECTION_STRING").unwrap_or_else(|_| LOCAL.to_owned());
    let client = WebPubSubServiceClient::from_connection_string(&connection_string, "chat", options())?;
    println!("from a connection string: {client:?}");

    let key = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";
    let client = WebPubSubServiceClient::with_access_key("http://127.0.0.1:8080", key, "chat", options())?;
    println!("with an access key: {client:?}");

    if let Ok(endpoint) = env::var("WEBPUBSUB_ENDPOINT") {
        let credential = DeveloperToolsCredential::new(None)?;
        let client = WebPubSubServiceClient::new(&endpoint, credential, "chat", None)?;
        println!("with a credential: {client:?}");
    }
    Ok(())
}
