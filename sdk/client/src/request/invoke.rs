//! Asking the application server something.

use std::future::IntoFuture;

use super::CallFuture;
use crate::{
    client::Client,
    data::{Data, Metadata},
    error::Error,
    limits,
    session::{Command, Completion, Invoke as InvokeCommand},
};

/// A question to the application server. Await it; to give up, drop the future, and the service is told.
#[must_use = "nothing is sent before it is awaited"]
#[derive(Debug)]
pub struct Invoke {
    client: Client,
    event: String,
    data: Option<Data>,
    metadata: Metadata,
    invocation_id: Option<String>,
}

/// The application server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvokeResult {
    /// The invocation's id.
    pub invocation_id: String,
    /// The answer, if it is more than a yes.
    pub data: Option<Data>,
    /// What travels with it.
    pub metadata: Metadata,
}

impl Invoke {
    pub(crate) fn new(client: &Client, event: String) -> Self {
        Self { client: client.clone(), event, data: None, metadata: Metadata::new(), invocation_id: None }
    }

    /// The payload. Without one, the event handler gets an empty body.
    pub fn data(mut self, data: impl Into<Data>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Uses this id instead of the client's next one. Do not use one again that was dropped: the service may still answer it.
    pub fn invocation_id(mut self, invocation_id: impl Into<String>) -> Self {
        self.invocation_id = Some(invocation_id.into());
        self
    }

    /// Adds a name and a value that travel with the question.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

impl IntoFuture for Invoke {
    type Output = crate::Result<InvokeResult>;
    type IntoFuture = CallFuture<InvokeResult>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            limits::event(&self.event)?;
            limits::metadata(&self.metadata)?;
            let command = InvokeCommand {
                invocation_id: self.invocation_id,
                event: self.event,
                data: self.data,
                metadata: self.metadata,
            };
            match self.client.call(Command::Invoke(command)).await? {
                Completion::Invoked(result) => Ok(result),
                Completion::Done | Completion::Acknowledged(_) => Err(Error::Stopped { ack_id: None }),
            }
        })
    }
}
