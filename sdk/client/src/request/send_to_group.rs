//! Publishing to a group.

use std::{future::IntoFuture, time::Duration};

use super::{Acknowledged, CallFuture, submit};
use crate::{
    client::Client,
    data::{Data, Metadata},
    limits,
    session::AckId,
    wire::ClientMessage,
};

/// A message for a group. Await it.
#[must_use = "nothing is sent before it is awaited"]
#[derive(Debug)]
pub struct SendToGroup {
    client: Client,
    group: String,
    data: Data,
    no_echo: bool,
    ttl: Option<Duration>,
    metadata: Metadata,
    ack: AckId,
}

impl SendToGroup {
    pub(crate) fn new(client: &Client, group: String, data: Data) -> Self {
        Self {
            client: client.clone(),
            group,
            data,
            no_echo: false,
            ttl: None,
            metadata: Metadata::new(),
            ack: AckId::Next,
        }
    }

    /// Spares this connection its own message, if it is a member of the group.
    pub fn no_echo(mut self) -> Self {
        self.no_echo = true;
        self
    }

    /// Asks for no ack: the call ends when the message is handed to the socket, and nobody learns whether it arrived.
    pub fn fire_and_forget(mut self) -> Self {
        self.ack = AckId::None;
        self
    }

    /// Uses this ack id instead of the client's next one, to repeat a request that failed.
    pub fn ack_id(mut self, ack_id: u64) -> Self {
        self.ack = AckId::Own(ack_id);
        self
    }

    /// How long the message may wait for a recipient, at most 300 seconds; rounded up to whole seconds.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Adds a name and a value that travel with the message.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

impl IntoFuture for SendToGroup {
    type Output = crate::Result<Acknowledged>;
    type IntoFuture = CallFuture<Acknowledged>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            limits::group(&self.group)?;
            limits::metadata(&self.metadata)?;
            let message = ClientMessage::SendToGroup {
                group: self.group,
                ack_id: None,
                data: self.data,
                no_echo: self.no_echo,
                ttl_seconds: self.ttl.map(limits::ttl_seconds).transpose()?,
                metadata: self.metadata,
            };
            submit(self.client, message, self.ack).await
        })
    }
}
