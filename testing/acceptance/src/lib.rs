//! A running service, attacked and measured over real sockets, as its operators and its clients see it.
//!
//! Its nouns: a [`Site`] is one service with a configuration file of its own; a [`Wire`] is a bare socket to it; a [`Client`] is a wire
//! past its WebSocket handshake, with every byte of every [`Frame`] in the test's hand; [`Rest`] is an application server, a [`Console`] somebody who looks after the service; a
//! [`Response`] is what HTTP answered.
//!
//! It must never know how the service is made inside: whatever it sees, it sees from outside.

mod client;
mod console;
mod eventually;
mod frame;
mod response;
mod rest;
mod site;
mod token;
mod wire;

pub use client::{Client, Handshake, Subprotocol};
pub use console::{CONSOLE, Console, OPERATOR_TOKEN, VIEWER_TOKEN};
pub use eventually::{DEADLINE_MS, eventually};
pub use frame::{Frame, Opcode};
pub use response::Response;
pub use rest::Rest;
pub use site::{Setup, Site};
pub use token::{ACCESS_KEY, Token, unix_s};
pub use wire::Wire;
