//! Reads the log as it grows: each entry once, in order, whatever becomes of the connection to NATS and of the server that the reading is done by.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;
use tokio::sync::{Notify, mpsc};

use super::jetstream::{JetStream, RETRY_PAUSE_MS};
use super::pieces::{Line, Pieces, Taken};

/// Lines that are read ahead of the shards.
const READ_AHEAD: usize = 1024;
/// How often the server says that it is there while there is nothing to read, in milliseconds. A consumer is on one server of a NATS cluster, which
/// may die while this node is connected to another one: after two that do not come the reading begins anew, by way of a server that lives.
const HEARTBEAT_MS: u64 = 500;
/// How long one request for entries lasts, in milliseconds.
const REQUEST_MS: u64 = 10_000;
/// After so long the server forgets a consumer that nobody reads, in seconds.
const CONSUMER_IDLE_S: u64 = 30;

/// Follows the log behind a position, for as long as somebody takes what comes.
pub(super) fn follow(
    streams: JetStream,
    log: Stream,
    position: u64,
    restarts: Arc<Notify>,
) -> mpsc::Receiver<(u64, Line)> {
    let (lines, receiver) = mpsc::channel(READ_AHEAD);
    let mut reader = LogReader { streams, log, position, pieces: Pieces::default(), restarts, lines };
    tokio::spawn(async move {
        loop {
            match reader.read().await {
                Ok(Ended::Unwanted) => return,
                Ok(Ended::Restarted) => {}
                Err(problem) => {
                    metrics::counter!("webpubsub_log_read_errors_total").increment(1);
                    tracing::warn!(problem, "the log cannot be read; it is tried again");
                    tokio::time::sleep(Duration::from_millis(RETRY_PAUSE_MS)).await;
                }
            }
        }
    });
    receiver
}

/// Why an attempt to read the log has ended.
enum Ended {
    /// Nobody takes what comes.
    Unwanted,
    /// NATS has been away.
    Restarted,
}

struct LogReader {
    streams: JetStream,
    log: Stream,
    /// The latest line that was passed on.
    position: u64,
    pieces: Pieces,
    restarts: Arc<Notify>,
    lines: mpsc::Sender<(u64, Line)>,
}

impl LogReader {
    /// Passes lines on; or says what went wrong.
    async fn read(&mut self) -> Result<Ended, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let config = Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.position + 1 },
            ack_policy: AckPolicy::None,
            inactive_threshold: Duration::from_secs(CONSUMER_IDLE_S),
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        let consumer = self.log.create_consumer(config).await.map_err(|error| text(&error))?;
        let requests = consumer
            .stream()
            .expires(Duration::from_millis(REQUEST_MS))
            .heartbeat(Duration::from_millis(HEARTBEAT_MS));
        let mut messages = requests.messages().await.map_err(|error| text(&error))?;
        let mut delivered = 0;
        loop {
            let message = tokio::select! {
                () = self.lines.closed() => return Ok(Ended::Unwanted),
                () = self.restarts.notified() => return Ok(Ended::Restarted),
                message = messages.next() => message,
            };
            let message = message.ok_or("the consumer has ended")?.map_err(|error| text(&error))?;
            let info = message.info().map_err(|error| text(&error))?;
            let (number, sequence) = (info.consumer_sequence, info.stream_sequence);
            // NATS delivers at most once; what was lost on the way is read again.
            delivered += 1;
            if number != delivered {
                return Err("a message was lost on the way from NATS".to_owned());
            }
            let line = match self.pieces.take(sequence, message.message.payload) {
                Taken::Line(line) => line,
                Taken::Incomplete(pieces) => self.pieces.complete(&self.streams, pieces).await?,
            };
            if self.lines.send((sequence, line)).await.is_err() {
                return Ok(Ended::Unwanted);
            }
            self.position = sequence;
        }
    }
}
