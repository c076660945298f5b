//! Carries out what the ledger wants of JetStream, and tells it what came of that.

use std::sync::Arc;

use bytes::Bytes;
use hubwire_hub::{Busy, Reply, Routed};
use prost::Message;
use tokio::sync::mpsc;

use super::backlog::Item;
use super::calls;
use super::error::Error;
use super::log_schema::NodeRecord;
use super::mesh::Errand;
use super::pieces::Line;
use super::registry::Stored;
use super::settings::LogSettings;
use super::streams::{Streams, Subject};
use super::sweeping;

/// Makes this node's own record, and answers its revision. JetStream does not answer for a moment where another node makes its streams just now.
pub(super) async fn enlist(streams: &impl Streams, node: u32, position: u64) -> Result<u64, Error> {
    /// With a pause of 250 ms behind each, some seconds.
    const ATTEMPTS_MAX: usize = 20;
    let bytes = Bytes::from(NodeRecord { position, heir: None }.encode_to_vec());
    let mut stored = Stored::Unanswered;
    for _ in 0..ATTEMPTS_MAX {
        stored = streams.store_node(node, &bytes, 0).await;
        match stored {
            Stored::Revision(revision) => return Ok(revision),
            Stored::Unanswered => {}
            Stored::Lost | Stored::TooLarge => break,
        }
    }
    Err(Error::JetStream {
        stream: "registry".to_owned(),
        problem: format!("this node's record is not taken: {stored:?}"),
    })
}

/// Reads lines that have come, at least one and at most so many. Without a log there never are any.
pub(super) async fn read(
    lines: &mut Option<mpsc::Receiver<(u64, Line)>>,
    into: &mut Vec<(u64, Line)>,
    limit: usize,
) {
    if let Some(lines) = lines
        && lines.recv_many(into, limit).await > 0
    {
        return;
    }
    // The log is read for as long as somebody takes what comes.
    std::future::pending().await
}

/// Carries out an errand that nothing has to wait for. What comes of it is for the mesh to take.
pub(super) async fn run(
    streams: impl Streams,
    settings: Arc<LogSettings>,
    own: u32,
    errand: Errand,
) -> Option<Item> {
    match errand {
        Errand::Store(store) => {
            let connection = store.connection;
            let stored = streams.store(own, &store).await;
            return Some(Item::Stored { connection, stored });
        }
        Errand::Erase(revision) => streams.erase(revision).await,
        Errand::EraseNode(node) => streams.erase_node(node).await,
        Errand::Record { position, reply } => {
            let sessions = match reply.await {
                Ok(Reply::Recorded(sessions)) => Some(sessions),
                _ => None,
            };
            return Some(Item::Recorded { position, sessions });
        }
        Errand::Checkpoint { bytes, expected } => {
            return Some(Item::Checkpointed(streams.store_node(own, &bytes, expected).await));
        }
        Errand::Sweep(sweep) => {
            let swept = sweeping::sweep(&streams, own, &sweep, &settings).await;
            let log = |problem: &String| {
                metrics::counter!("webpubsub_log_read_errors_total").increment(1);
                tracing::warn!(problem, "the registry cannot be looked through; it is tried again");
            };
            return Some(Item::Swept(swept.inspect_err(log).ok()));
        }
        Errand::Restore { of, replies } => return Some(restored(of, replies).await),
        Errand::Reread { connection, index, position } => {
            let found = streams.line(position).await.unwrap_or_else(|problem| {
                metrics::counter!("webpubsub_log_read_errors_total").increment(1);
                tracing::warn!(problem, "an entry of the log cannot be read; it is tried again");
                None
            });
            return Some(Item::Reread { connection, index, found });
        }
        Errand::Find { connection, caller } => {
            let found = match streams.last(Subject::Session(connection)).await {
                Ok(Some(_)) => Err(Busy::Moving),
                Ok(None) => Ok(Reply::Missing),
                Err(_) => Err(Busy::Log),
            };
            // Whoever asked may have gone away by now.
            let _gone = caller.send(found);
        }
        _ => {}
    }
    None
}

/// Waits until workers have taken in all sessions of dead nodes.
async fn restored(of: Vec<u32>, replies: Vec<Routed>) -> Item {
    let (sessions, refused) = (replies.len(), calls::refusals(replies).await);
    if refused > 0 {
        tracing::error!(refused, "workers have no room for sessions of a dead node; these have ended");
    }
    Item::Restored { of, sessions: sessions - refused }
}
