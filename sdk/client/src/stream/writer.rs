//! The sending end of a group stream.

use crate::{client::Client, data::Data, error::Result, session::Command, wire::StreamEndError};

/// The sending end of a group stream.
///
/// What is written is sent again after a recovery until the service has accepted it, so it reaches the group once and in order. If the
/// session is lost, the stream is over. A writer that is dropped without [`end`](Self::end) breaks its stream off.
#[derive(Debug)]
pub struct GroupStreamWriter {
    client: Client,
    stream_id: String,
    number: u64,
}

impl GroupStreamWriter {
    pub(crate) fn new(client: Client, stream_id: String, number: u64) -> Self {
        Self { client, stream_id, number }
    }

    /// The stream's id.
    pub fn stream_id(&self) -> &str {
        &self.stream_id
    }

    /// Adds a fragment to the stream. It waits while 256 fragments are not accepted yet.
    ///
    /// A write that is dropped while it waits adds nothing.
    ///
    /// # Errors
    /// [`Error::StreamEnded`](crate::Error::StreamEnded) if the stream is over, [`Error::EventsNotTaken`](crate::Error::EventsNotTaken),
    /// [`Error::Stopped`](crate::Error::Stopped).
    pub async fn write(&mut self, data: impl Into<Data>) -> Result<()> {
        let command = Command::WriteStream { stream_id: self.stream_id.clone(), data: data.into() };
        self.client.call(command).await.map(drop)
    }

    /// Tells the service that the stream goes on although there is nothing to say, which puts its idle time-out off. Without a
    /// connection nothing is sent.
    ///
    /// # Errors
    /// As of [`write`](Self::write).
    pub async fn keep_alive(&mut self) -> Result<()> {
        self.client.call(Command::KeepStreamAlive { stream_id: self.stream_id.clone() }).await.map(drop)
    }

    /// Ends the stream with success: returns when the service has accepted every fragment and the end.
    ///
    /// # Errors
    /// As of [`write`](Self::write).
    pub async fn end(self) -> Result<()> {
        self.finish(None).await
    }

    /// Breaks the stream off: those who receive it see an error named `UserError` with this message and code. Fragments that were not
    /// sent yet are dropped.
    ///
    /// # Errors
    /// As of [`write`](Self::write).
    pub async fn abort(self, error: StreamEndError) -> Result<()> {
        self.finish(Some(error)).await
    }

    async fn finish(self, error: Option<StreamEndError>) -> Result<()> {
        self.client.call(Command::EndStream { stream_id: self.stream_id.clone(), error }).await.map(drop)
    }

    /// Waits until the stream is over without ending it, to learn of a failure while there is nothing to write.
    ///
    /// # Errors
    /// [`Error::StreamEnded`](crate::Error::StreamEnded) with the reason.
    pub async fn closed(&self) -> Result<()> {
        self.client.call(Command::WatchStream { stream_id: self.stream_id.clone() }).await.map(drop)
    }
}

impl Drop for GroupStreamWriter {
    fn drop(&mut self) {
        self.client.abandon_stream(&self.stream_id, self.number);
    }
}
