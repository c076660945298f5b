//! Opening a stream to a group.

use std::{future::IntoFuture, time::Duration};

use super::CallFuture;
use crate::{
    client::Client, error::Error, limits, session::Command, stream::GroupStreamWriter, wire::ClientMessage,
};

/// A stream to a group that is to be opened. Await it to get its [`GroupStreamWriter`].
#[must_use = "nothing is sent before it is awaited"]
#[derive(Debug)]
pub struct OpenGroupStream {
    client: Client,
    group: String,
    stream_id: Option<String>,
    no_echo: bool,
    idle_timeout: Option<Duration>,
}

impl OpenGroupStream {
    pub(crate) fn new(client: &Client, group: String) -> Self {
        Self { client: client.clone(), group, stream_id: None, no_echo: false, idle_timeout: None }
    }

    /// Uses this id instead of a random one. It must differ from those of this client's other open streams.
    pub fn stream_id(mut self, stream_id: impl Into<String>) -> Self {
        self.stream_id = Some(stream_id.into());
        self
    }

    /// Spares this connection its own fragments, if it is a member of the group.
    pub fn no_echo(mut self) -> Self {
        self.no_echo = true;
        self
    }

    /// After how long without a fragment or a [sign of life](GroupStreamWriter::keep_alive) the service ends the stream. 300 seconds
    /// unless set; from a millisecond to 49 days.
    pub fn idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = Some(idle_timeout);
        self
    }
}

impl IntoFuture for OpenGroupStream {
    type Output = crate::Result<GroupStreamWriter>;
    type IntoFuture = CallFuture<GroupStreamWriter>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            limits::group(&self.group)?;
            let stream_id = self.stream_id.unwrap_or_else(random_id);
            if stream_id.is_empty() {
                return Err(Error::InvalidArgument("a stream's id is not empty".to_owned()));
            }
            let start = ClientMessage::StreamStart {
                group: self.group,
                stream_id: stream_id.clone(),
                no_echo: self.no_echo,
                idle_timeout_ms: self.idle_timeout.map(idle_timeout_ms).transpose()?,
            };
            let writer = self.client.next_writer();
            let command = Command::OpenStream { stream_id: stream_id.clone(), writer, start };
            self.client.call(command).await?;
            Ok(GroupStreamWriter::new(self.client, stream_id, writer))
        })
    }
}

fn idle_timeout_ms(idle_timeout: Duration) -> crate::Result<u32> {
    let ms = u32::try_from(idle_timeout.as_millis()).ok().filter(|ms| *ms > 0);
    ms.ok_or_else(|| Error::InvalidArgument("an idle time-out has 1 to 4294967295 milliseconds".to_owned()))
}

/// 128 random bits in hex. Receivers of other SDKs tell streams apart by group and id alone, so ids of all clients must differ.
fn random_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let random = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", random(), random())
}
