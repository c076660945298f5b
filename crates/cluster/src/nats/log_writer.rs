//! Puts entries into the log, in the order in which they are handed over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use bytes::Bytes;
use hubwire_hub::Busy;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::backlog::{Backlog, Item};
use super::jetstream::JetStream;
use super::ledger::Append;
use super::pieces;

/// How long a node that stops waits until what was handed over is sent, in milliseconds.
const FINISH_MS: u64 = 1_000;

/// The way to the log. What waits there counts for the bounds of the backlog.
pub(super) struct LogWriter {
    appends: mpsc::UnboundedSender<Append>,
    writing: JoinHandle<()>,
}

impl LogWriter {
    pub(super) fn start(client: Client, streams: JetStream, backlog: Arc<Backlog>) -> Self {
        let (appends, mut waiting) = mpsc::unbounded_channel();
        let writing = tokio::spawn(async move {
            while let Some(append) = waiting.recv().await {
                write(&client, &streams, &backlog, append).await;
            }
        });
        Self { appends, writing }
    }

    /// Has an entry appended behind all others.
    pub(super) fn append(&self, append: Append) {
        // The task ends with the node only.
        let _stopped = self.appends.send(append);
    }

    /// Comes back when everything is sent, or there is nobody to take it.
    pub(super) async fn finish(self) {
        drop(self.appends);
        let _unsent = tokio::time::timeout(Duration::from_millis(FINISH_MS), self.writing).await;
    }
}

/// Sends an entry; what follows is sent behind it. Whether it is stored the backlog is told afterwards.
async fn write(client: &Client, streams: &JetStream, backlog: &Arc<Backlog>, append: Append) {
    let Append { bytes, message_id, waiter } = append;
    let size = bytes.len();
    let sent = async {
        if client.connection_state() != State::Connected {
            return Err(Busy::Log);
        }
        let pieces = pieces::split(&bytes, client.max_payload()).map_err(|_| Busy::TooLarge)?;
        if !pieces.is_empty() && !backlog.takes_pieces.load(Ordering::Relaxed) {
            // A node of an older version would pass them over, and its clients would miss the message.
            return Err(Busy::TooLarge);
        }
        let message = if pieces.is_empty() { bytes } else { store(streams, pieces).await? };
        streams.append(message, Some(&message_id)).await
    };
    match sent.await {
        Ok(answer) => {
            let backlog = backlog.clone();
            tokio::spawn(async move {
                let outcome = answer.await.map(|stored| stored.duplicate.then_some(stored.position));
                backlog.put(Item::Appended { waiter, bytes: size, outcome });
            });
        }
        Err(busy) => backlog.put(Item::Appended { waiter, bytes: size, outcome: Err(busy) }),
    }
}

/// Stores the pieces of an entry, and answers what binds them. They have no ids: where a request is repeated its pieces stand there twice, and
/// its binding, which has one, once. Were they known by ids, one that was stored for the first attempt might be gone by the second.
async fn store(streams: &JetStream, pieces: Vec<Bytes>) -> Result<Bytes, Busy> {
    metrics::counter!("webpubsub_log_pieces_appended_total").increment(pieces.len() as u64);
    let mut answers = Vec::with_capacity(pieces.len());
    for piece in pieces {
        answers.push(streams.append(piece, None).await?);
    }
    let mut positions = Vec::with_capacity(answers.len());
    for answer in answers {
        positions.push(answer.await?.position);
    }
    Ok(pieces::bind(positions))
}
