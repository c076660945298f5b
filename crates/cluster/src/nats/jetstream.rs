//! The log and the registry in JetStream: two streams, each with one message after the other, and of the registry only the last of each subject.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{Config, DiscardPolicy, LastRawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, ContextBuilder};
use async_nats::{Client, HeaderMap, header};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use hubwire_hub::Busy;
use tokio::sync::{Notify, mpsc};

use super::error::Error;
use super::log_reader;
use super::pieces::Line;
use super::registry::Stored;
use super::settings::LogSettings;
use super::streams::{Kept, Streams, Subject};

/// How long JetStream may take to answer, in milliseconds.
const ANSWER_TIMEOUT_MS: u64 = 5_000;
/// How long the next message of a consumer may take that is known to have one, in milliseconds. One that was erased meanwhile never comes, so the
/// reading begins anew.
const SILENCE_MAX_MS: u64 = 1_000;
/// How long is waited before something is tried again, in milliseconds.
pub(super) const RETRY_PAUSE_MS: u64 = 250;
/// How often a node tries to find or make a stream when it starts.
const OPEN_ATTEMPTS_MAX: usize = 4;
/// For how long an entry that is sent again is known to be there, in seconds.
const DUPLICATE_WINDOW_S: u64 = 120;
/// Entries and records that may wait for JetStream's answer; the bounds of the backlog are reached before.
const IN_FLIGHT_MAX: usize = 1 << 17;

/// A message that is in the log.
pub(super) struct InLog {
    pub(super) position: u64,
    /// Whether it was there before.
    pub(super) duplicate: bool,
}

/// The way to both streams.
#[derive(Clone)]
pub(super) struct JetStream {
    context: Context,
    log: Stream,
    registry: Stream,
    name: String,
}

impl JetStream {
    /// Finds the streams, or makes them. What an operator has changed of those that are there stays.
    pub(super) async fn open(client: Client, name: &str, settings: &LogSettings) -> Result<Self, Error> {
        let context = ContextBuilder::new()
            .timeout(Duration::from_millis(ANSWER_TIMEOUT_MS))
            .ack_timeout(Duration::from_millis(ANSWER_TIMEOUT_MS))
            .max_ack_inflight(IN_FLIGHT_MAX)
            .build(client);
        let log = Config {
            name: format!("{name}-log"),
            description: Some("Hubwire: what hubs with durability \"cluster\" deliver".to_owned()),
            subjects: vec![format!("{name}.log")],
            max_bytes: i64::try_from(settings.bytes_max).unwrap_or(i64::MAX),
            max_age: Duration::from_secs(settings.age_max_s),
            discard: DiscardPolicy::Old,
            num_replicas: settings.replicas,
            duplicate_window: Duration::from_secs(DUPLICATE_WINDOW_S.min(settings.age_max_s)),
            ..Config::default()
        };
        let registry = Config {
            name: format!("{name}-registry"),
            description: Some("Hubwire: who has the sessions of hubs with durability \"cluster\"".to_owned()),
            subjects: vec![format!("{name}.registry.>")],
            max_messages_per_subject: 1,
            num_replicas: settings.replicas,
            ..Config::default()
        };
        let open = async |config: Config| {
            let stream = config.name.clone();
            let mut attempt = 1;
            loop {
                match context.get_or_create_stream(config.clone()).await {
                    Ok(opened) => return Ok(opened),
                    // Nodes that start together make the streams together, and one of them is refused.
                    Err(_) if attempt < OPEN_ATTEMPTS_MAX => attempt += 1,
                    Err(error) => return Err(Error::JetStream { stream, problem: error.to_string() }),
                }
                tokio::time::sleep(Duration::from_millis(RETRY_PAUSE_MS)).await;
            }
        };
        let (log, registry) = (open(log).await?, open(registry).await?);
        Ok(Self { context, log, registry, name: name.to_owned() })
    }

    /// The position of the newest entry.
    pub(super) async fn last_position(&self) -> Result<u64, Error> {
        let problem = |error: &dyn std::fmt::Display| Error::JetStream {
            stream: format!("{}-log", self.name),
            problem: error.to_string(),
        };
        let info = self.log.get_info().await.map_err(|error| problem(&error))?;
        Ok(info.state.last_sequence)
    }

    /// Sends a message to the log. They get there in the order of the calls; each is there when the answer has come back. One with an id that
    /// another one has stands there once.
    pub(super) async fn append(
        &self,
        bytes: Bytes,
        message_id: Option<&str>,
    ) -> Result<impl Future<Output = Result<InLog, Busy>> + Send + use<>, Busy> {
        let mut headers = HeaderMap::new();
        if let Some(message_id) = message_id {
            headers.insert(header::NATS_MESSAGE_ID, message_id);
        }
        let sent = self.context.publish_with_headers(format!("{}.log", self.name), headers, bytes).await;
        let answer: PublishAckFuture = sent.map_err(|error| busy(&error))?;
        let in_log = |ack: PublishAck| InLog { position: ack.sequence, duplicate: ack.duplicate };
        Ok(async move { answer.await.map(in_log).map_err(|error| busy(&error)) })
    }

    fn subject(&self, subject: Subject) -> String {
        match subject {
            Subject::Session(id) => format!("{}.registry.session.{:032x}", self.name, id.bits()),
            Subject::Node(node) => format!("{}.registry.node.{node:08x}", self.name),
        }
    }

    /// Follows the log behind a position, for as long as somebody takes what comes. `restarts` says when NATS has been away: what followed there
    /// may be gone.
    pub(super) fn follow(&self, position: u64, restarts: Arc<Notify>) -> mpsc::Receiver<(u64, Line)> {
        log_reader::follow(self.clone(), self.log.clone(), position, restarts)
    }
}

impl Streams for JetStream {
    async fn write(&self, subject: Subject, bytes: &Bytes, expected: u64) -> Stored {
        let subject = self.subject(subject);
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string().as_str());
        let sent = self.context.publish_with_headers(subject.clone(), headers, bytes.clone()).await;
        let stored = match sent {
            Ok(answer) => answer.await,
            Err(error) => Err(error),
        };
        match stored {
            Ok(ack) => Stored::Revision(ack.sequence),
            Err(error) => match error.kind() {
                PublishErrorKind::WrongLastSequence => Stored::Lost,
                PublishErrorKind::MaxPayloadExceeded => Stored::TooLarge,
                _ => {
                    tracing::debug!(%error, subject, "JetStream does not take a record; it is tried again");
                    tokio::time::sleep(Duration::from_millis(RETRY_PAUSE_MS)).await;
                    Stored::Unanswered
                }
            },
        }
    }

    async fn last(&self, subject: Subject) -> Result<Option<Kept>, String> {
        match self.registry.get_last_raw_message_by_subject(&self.subject(subject)).await {
            Ok(message) => Ok(Some(Kept {
                sequence: message.sequence,
                payload: message.payload,
                time_ms: millis(message.time.unix_timestamp_nanos()),
            })),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn nodes(&self) -> Result<Vec<(u32, Kept)>, String> {
        let prefix = format!("{}.registry.node.", self.name);
        let listed = self.registry.info_with_subjects(format!("{prefix}*")).await;
        let subjects = listed.map_err(|error| error.to_string())?.map_ok(|(subject, _)| subject);
        let subjects: Vec<String> = subjects.try_collect().await.map_err(|error| error.to_string())?;
        let mut nodes = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let node = subject.strip_prefix(&prefix).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            if let Some(node) = node
                && let Some(found) = self.last(Subject::Node(node)).await?
            {
                nodes.push((node, found));
            }
        }
        Ok(nodes)
    }

    async fn sessions(&self, mut take: impl FnMut(Kept) + Send) -> Result<(), String> {
        let config = OrderedConfig {
            filter_subject: format!("{}.registry.session.*", self.name),
            deliver_policy: DeliverPolicy::LastPerSubject,
            ..OrderedConfig::default()
        };
        let take = |kept| {
            take(kept);
            ControlFlow::Continue(())
        };
        read(&self.registry, config, u64::MAX, take).await
    }

    async fn first_position(&self) -> Result<u64, String> {
        let info = self.log.get_info().await.map_err(|error| error.to_string())?;
        Ok(info.state.first_sequence)
    }

    async fn entries(
        &self,
        from: u64,
        until: u64,
        take: impl FnMut(Kept) -> ControlFlow<()> + Send,
    ) -> Result<(), String> {
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: from };
        let config = OrderedConfig { deliver_policy, ..OrderedConfig::default() };
        read(&self.log, config, until, take).await
    }

    async fn erase(&self, revision: u64) {
        if let Err(error) = self.registry.delete_message(revision).await {
            tracing::debug!(%error, revision, "a record is not erased");
        }
    }

    async fn erase_node(&self, node: u32) {
        if let Err(error) = self.registry.purge().filter(self.subject(Subject::Node(node))).await {
            tracing::debug!(%error, node = format!("{node:08x}"), "the record of a node is not erased");
        }
    }
}

/// Reads what a consumer has until a sequence number, until it is enough, or until there is nothing left.
async fn read(
    stream: &Stream,
    config: OrderedConfig,
    until: u64,
    mut take: impl FnMut(Kept) -> ControlFlow<()> + Send,
) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let consumer = stream.create_consumer(config).await.map_err(|error| text(&error))?;
    let info = consumer.cached_info();
    let (name, mut pending) = (info.name.clone(), info.num_pending);
    let mut messages = consumer.messages().await.map_err(|error| text(&error))?;
    while pending > 0 {
        let next = tokio::time::timeout(Duration::from_millis(SILENCE_MAX_MS), messages.next()).await;
        let message = next.map_err(|_| "JetStream does not answer")?.ok_or("the consumer has ended")?;
        let message = message.map_err(|error| text(&error))?;
        let info = message.info().map_err(|error| text(&error))?;
        let (sequence, time_ms) = (info.stream_sequence, millis(info.published.unix_timestamp_nanos()));
        pending = if sequence >= until { 0 } else { info.pending };
        let payload = message.message.payload;
        if sequence > until || take(Kept { sequence, payload, time_ms }).is_break() {
            break;
        }
    }
    drop(messages);
    // The server would do so by itself after a while.
    let _gone = stream.delete_consumer(&name).await;
    Ok(())
}

fn millis(nanos: i128) -> i64 {
    i64::try_from(nanos / 1_000_000).unwrap_or_default()
}

fn busy(error: &PublishError) -> Busy {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => Busy::TooLarge,
        _ => {
            tracing::debug!(%error, "JetStream does not take an entry");
            Busy::Log
        }
    }
}
