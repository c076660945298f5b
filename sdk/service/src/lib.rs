#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

// `clients` holds the operations, by what they act on; each becomes an `operation`, which goes through azure_core's pipeline with the
// `policies` of this crate.
//
// It must never know the service's inside, nor a runtime beyond azure_core's.

mod access_key;
pub mod clients;
mod connection_string;
mod filter;
mod hub;
#[cfg(feature = "logging")]
#[cfg_attr(docsrs, doc(cfg(feature = "logging")))]
pub mod logging;
mod message;
mod metadata;
pub mod models;
mod on_response;
mod operation;
mod path;
mod policies;
mod retry;

pub use clients::{WebPubSubGroupClient, WebPubSubServiceClient, WebPubSubServiceClientOptions};
pub use filter::{Filter, Literal, placeholders};
pub use message::Message;
pub use on_response::OnResponse;
pub use retry::retry_options;
