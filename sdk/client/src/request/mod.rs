//! Calls that can be told more before they are awaited.
//!
//! Every type here is made by a method of [`Client`](crate::Client), takes options, and is then awaited.
//! Nothing is sent before. A call that is dropped while it is awaited is not retried any more; what was sent before may take effect.

mod group_request;
mod invoke;
mod open_group_stream;
mod send_event;
mod send_to_group;

pub use group_request::GroupRequest;
pub use invoke::{Invoke, InvokeResult};
pub use open_group_stream::OpenGroupStream;
pub use send_event::SendEvent;
pub use send_to_group::SendToGroup;

use std::{future::Future, pin::Pin};

use crate::{
    client::Client,
    error::Result,
    session::{AckId, Command, Completion, Request},
    wire::ClientMessage,
};

/// The future of a call.
pub type CallFuture<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// The answer to a request that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acknowledged {
    /// The request's ack id; `None` if it was not to be acknowledged, so that nobody knows whether it took effect.
    pub ack_id: Option<u64>,
    /// The service had carried the request out before, under the same ack id, and did nothing this time.
    pub duplicate: bool,
    /// The request was written to a session that was lost before it answered, and then repeated in a new one. It may have taken effect
    /// twice. See [`ClientBuilder::repeat_in_doubt`](crate::ClientBuilder::repeat_in_doubt).
    pub in_doubt: bool,
}

/// Sends a request that can be acknowledged.
pub(crate) async fn submit(client: Client, message: ClientMessage, ack: AckId) -> Result<Acknowledged> {
    match client.call(Command::Request(Request { message, ack })).await? {
        Completion::Acknowledged(acknowledged) => Ok(acknowledged),
        Completion::Done | Completion::Invoked(_) => {
            Ok(Acknowledged { ack_id: None, duplicate: false, in_doubt: false })
        }
    }
}
