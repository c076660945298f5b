//! The clients: one for a hub, one for a group in it.

mod client_access;
mod connection;
mod group_client;
mod hub;
mod permission;
mod service_client;
mod user;

pub use group_client::WebPubSubGroupClient;
pub use service_client::{WebPubSubServiceClient, WebPubSubServiceClientOptions};
