#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

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
