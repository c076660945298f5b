//! Requests about this connection in a group: join, leave, set a state, subscribe to states.

use std::future::IntoFuture;

use super::{Acknowledged, CallFuture, submit};
use crate::{client::Client, limits, session::AckId, wire::ClientMessage};

/// A request about this connection in a group. Await it.
#[must_use = "nothing is sent before it is awaited"]
#[derive(Debug)]
pub struct GroupRequest {
    client: Client,
    message: ClientMessage,
    group: String,
    ack: AckId,
}

impl GroupRequest {
    pub(crate) fn new(client: &Client, group: String, message: impl FnOnce(String) -> ClientMessage) -> Self {
        Self { client: client.clone(), message: message(group.clone()), group, ack: AckId::Next }
    }

    /// Uses this ack id instead of the client's next one, to repeat a request that failed.
    pub fn ack_id(mut self, ack_id: u64) -> Self {
        self.ack = AckId::Own(ack_id);
        self
    }
}

impl IntoFuture for GroupRequest {
    type Output = crate::Result<Acknowledged>;
    type IntoFuture = CallFuture<Acknowledged>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            limits::group(&self.group)?;
            submit(self.client, self.message, self.ack).await
        })
    }
}
