#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// `session` decides, without sockets or clocks; `wire` writes and reads frames; `driver` moves bytes and time between the two and the
// network; `delivery` and `stream` hand over to the application; `client` and `request` are what it holds.
//
// It must never know the service's inside, nor azure_core.

mod builder;
mod calls;
mod client;
mod credential;
mod data;
mod delivery;
mod driver;
mod error;
mod event;
mod handler;
mod limits;
mod options;
pub mod request;
mod retry;
mod session;
mod shared;
mod stream;
pub mod wire;

pub use builder::ClientBuilder;
pub use client::Client;
pub use credential::Credential;
pub use data::{Any, Data, Metadata};
pub use delivery::Events;
pub use error::{Error, ErrorDetail, Result, Source};
pub use event::{
    Closure, Connected, Disconnected, Event, GroupMessage, GroupState, GroupStateItem, GroupStates,
    Recovered, Recovering, RejoinGroupFailed, RejoinStep, ServerMessage, Stopped, StreamError, StreamInfo,
};
pub use handler::Handler;
pub use retry::{RetryMode, RetryPolicy};
pub use session::State;
pub use stream::{GroupStream, GroupStreamWriter, GroupStreams, GroupStreamsOptions};
pub use wire::{Protocol, StreamEndError};
