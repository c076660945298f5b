//! The client wire formats of Hubwire as values and bytes.
//!
//! Its nouns: names ([`HubName`], [`GroupName`], [`UserId`], [`EventName`], [`ConnectionId`]), the [`Message`] that every
//! protocol can carry, the [`Request`] that a client makes and the [`Notice`] that it is given, the [`Subprotocol`] that it speaks:
//! [`json`] or [`protobuf`] messages in [`websocket`] frames, and the [`codes`] and texts that a client can be shown.
//!
//! It must never know about hubs, sockets, runtimes or clocks: bytes in, values out, and back.

pub mod codes;
mod connection_id;
mod group_state;
pub mod json;
mod message;
mod metadata;
mod name;
mod notice;
pub mod protobuf;
mod request;
mod stream;
mod subprotocol;
pub mod websocket;

pub use connection_id::ConnectionId;
pub use group_state::{GroupState, GroupStateItem, GroupStateReport, GroupStateScope};
pub use message::{Data, Message, Sender};
pub use metadata::{Metadata, MetadataError};
pub use name::{EventName, GroupName, HubName, NameError, UserId};
pub use notice::Notice;
pub use request::{InvocationRequest, Publication, Request, StreamEndError, StreamStart, TTL_S_MAX};
pub use stream::{STREAM_IDLE_TIMEOUT_DEFAULT_MS, StreamEnd, StreamError, StreamPosition};
pub use subprotocol::{Head, JsonForm, Subprotocol};
