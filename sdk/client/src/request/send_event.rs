//! Telling the application server something.

use std::future::IntoFuture;

use super::{Acknowledged, CallFuture, submit};
use crate::{
    client::Client,
    data::{Data, Metadata},
    limits,
    session::AckId,
    wire::ClientMessage,
};

/// An event for the application server. Await it.
#[must_use = "nothing is sent before it is awaited"]
#[derive(Debug)]
pub struct SendEvent {
    client: Client,
    event: String,
    data: Data,
    metadata: Metadata,
    ack: AckId,
}

impl SendEvent {
    pub(crate) fn new(client: &Client, event: String, data: Data) -> Self {
        Self { client: client.clone(), event, data, metadata: Metadata::new(), ack: AckId::Next }
    }

    /// Asks for no ack: the call ends when the event is handed to the socket, and nobody learns whether it arrived.
    pub fn fire_and_forget(mut self) -> Self {
        self.ack = AckId::None;
        self
    }

    /// Uses this ack id instead of the client's next one, to repeat a request that failed.
    pub fn ack_id(mut self, ack_id: u64) -> Self {
        self.ack = AckId::Own(ack_id);
        self
    }

    /// Adds a name and a value that travel with the event.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

impl IntoFuture for SendEvent {
    type Output = crate::Result<Acknowledged>;
    type IntoFuture = CallFuture<Acknowledged>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            limits::event(&self.event)?;
            limits::metadata(&self.metadata)?;
            let message = ClientMessage::Event {
                event: self.event,
                ack_id: None,
                data: self.data,
                metadata: self.metadata,
            };
            submit(self.client, message, self.ack).await
        })
    }
}
