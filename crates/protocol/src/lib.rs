//! The client wire formats of Hubwire as values and bytes.
//!
//! Its nouns: names ([`HubName`], [`GroupName`], [`UserId`], [`EventName`], [`ConnectionId`]), the [`Message`] that every
//! protocol can carry, the [`Subprotocol`] that a client speaks, [`json`] messages, [`websocket`] frames, and the [`codes`]
//! and texts that a client can be shown.
//!
//! It must never know about hubs, sockets, runtimes or clocks: bytes in, values out, and back.

pub mod codes;
mod connection_id;
pub mod json;
mod message;
mod metadata;
mod name;
mod request;
mod subprotocol;
pub mod websocket;

pub use connection_id::ConnectionId;
pub use message::{Data, Message, Sender};
pub use metadata::{Metadata, MetadataError};
pub use name::{EventName, GroupName, HubName, NameError, UserId};
pub use request::{Request, TTL_S_MAX};
pub use subprotocol::Subprotocol;
