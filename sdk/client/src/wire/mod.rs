//! The messages of the client protocols, as values and as frames.
//!
//! An application needs this module only to speak a protocol of its own: implement [`Codec`] and hand it to
//! [`ClientBuilder::codec`](crate::ClientBuilder::codec).

mod codec;
mod json;
mod message;
mod protobuf;

pub use codec::{Codec, DecodeError, Frame, Protocol};
pub use message::{ClientMessage, ServiceMessage, StreamEndError};
