//! The log and the registry in JetStream: two streams, each with one message after the other, and of the registry only the last of each subject.

use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, LastRawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, ContextBuilder};
use async_nats::{Client, HeaderMap, header};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use hubwire_hub::Busy;
use hubwire_protocol::ConnectionId;
use prost::Message;
use tokio::sync::mpsc;

use super::error::Error;
use super::ledger::Appended;
use super::log_schema::{NodeRecord, SessionRecord};
use super::registry::{Store, Stored};
use super::settings::LogSettings;

/// How long JetStream may take to answer, in milliseconds.
const ANSWER_TIMEOUT_MS: u64 = 5_000;
/// How long is waited before something is tried again, in milliseconds.
const RETRY_PAUSE_MS: u64 = 250;
/// For how long an entry that is sent again is known to be there, in seconds.
const DUPLICATE_WINDOW_S: u64 = 120;
/// Entries and records that may wait for JetStream's answer; the bounds of the backlog are reached before.
const IN_FLIGHT_MAX: usize = 1 << 17;
/// Entries that are read ahead of the shards.
const READ_AHEAD: usize = 1024;
/// How often a record is looked at again whose revision is not the one that was expected.
const CONFLICTS_MAX: usize = 20;

/// One message of a stream.
pub(super) struct Kept {
    pub(super) subject: String,
    pub(super) sequence: u64,
    pub(super) payload: Bytes,
    /// When the server took it, in milliseconds since 1970.
    pub(super) time_ms: i64,
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
            let problem = |error: &dyn std::fmt::Display| error.to_string();
            let opened = context.get_or_create_stream(config).await;
            opened.map_err(|error| Error::JetStream { stream, problem: problem(&error) })
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

    /// The position of the oldest entry that is still there.
    pub(super) async fn first_position(&self) -> Result<u64, String> {
        let info = self.log.get_info().await.map_err(|error| error.to_string())?;
        Ok(info.state.first_sequence)
    }

    /// Sends an entry to the log. Entries get there in the order of the calls; each is there when the answer has come back.
    pub(super) async fn append(
        &self,
        bytes: Bytes,
        message_id: &str,
    ) -> Result<impl Future<Output = Appended> + Send + use<>, Busy> {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_MESSAGE_ID, message_id);
        let sent = self.context.publish_with_headers(format!("{}.log", self.name), headers, bytes).await;
        let answer: PublishAckFuture = sent.map_err(|error| busy(&error))?;
        Ok(async move { answer.await.map(|ack| ack.duplicate).map_err(|error| busy(&error)) })
    }

    fn session_subject(&self, connection: ConnectionId) -> String {
        format!("{}.registry.session.{:032x}", self.name, connection.bits())
    }

    fn node_subject(&self, node: u32) -> String {
        format!("{}.registry.node.{node:08x}", self.name)
    }

    /// Writes what is to be kept of a session.
    pub(super) async fn store(&self, own: u32, store: &Store) -> Stored {
        let subject = self.session_subject(store.connection);
        // What this node has written before may have got there although nobody said so; what the session's old node wrote last, too.
        let yields = |bytes: &Bytes| {
            let owner = SessionRecord::decode(bytes.clone()).map(|record| record.owner);
            owner.is_ok_and(|owner| owner == own || Some(owner) == store.predecessor)
        };
        self.replace(&subject, &store.bytes, store.expected, yields).await
    }

    /// Writes this node's own record, which nobody else has written yet.
    pub(super) async fn store_node(&self, node: u32, bytes: &Bytes, expected: u64) -> Stored {
        // Nobody but the node itself names no heir.
        let yields = |bytes: &Bytes| {
            NodeRecord::decode(bytes.clone()).is_ok_and(|record: NodeRecord| record.heir.is_none())
        };
        self.replace(&self.node_subject(node), bytes, expected, yields).await
    }

    /// Writes this node into the record of a dead one.
    pub(super) async fn claim(&self, node: u32, record: NodeRecord, expected: u64) -> Stored {
        let bytes = record.encode_to_vec().into();
        self.write(&self.node_subject(node), &bytes, expected).await
    }

    /// Replaces a revision, or another one that gives way.
    async fn replace(
        &self,
        subject: &str,
        bytes: &Bytes,
        mut expected: u64,
        yields: impl Fn(&Bytes) -> bool,
    ) -> Stored {
        for _ in 0..CONFLICTS_MAX {
            match self.write(subject, bytes, expected).await {
                Stored::Lost => {}
                stored => return stored,
            }
            match self.last(subject).await {
                Ok(Some(found)) if yields(&found.payload) => expected = found.sequence,
                Ok(_) => return Stored::Lost,
                Err(_) => return Stored::Unanswered,
            }
        }
        Stored::Unanswered
    }

    async fn write(&self, subject: &str, bytes: &Bytes, expected: u64) -> Stored {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string().as_str());
        let sent = self.context.publish_with_headers(subject.to_owned(), headers, bytes.clone()).await;
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

    /// The last message of a subject of the registry.
    async fn last(&self, subject: &str) -> Result<Option<Kept>, String> {
        match self.registry.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some(Kept {
                subject: message.subject.to_string(),
                sequence: message.sequence,
                payload: message.payload,
                time_ms: millis(message.time.unix_timestamp_nanos()),
            })),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether the registry has a session.
    pub(super) async fn has_session(&self, connection: ConnectionId) -> Result<bool, String> {
        Ok(self.last(&self.session_subject(connection)).await?.is_some())
    }

    /// The records of all nodes.
    pub(super) async fn nodes(&self) -> Result<Vec<(u32, Kept)>, String> {
        let prefix = format!("{}.registry.node.", self.name);
        let listed = self.registry.info_with_subjects(format!("{prefix}*")).await;
        let subjects = listed.map_err(|error| error.to_string())?.map_ok(|(subject, _)| subject);
        let subjects: Vec<String> = subjects.try_collect().await.map_err(|error| error.to_string())?;
        let mut nodes = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let node = subject.strip_prefix(&prefix).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            if let (Some(node), Some(found)) = (node, self.last(&subject).await?) {
                nodes.push((node, found));
            }
        }
        Ok(nodes)
    }

    /// Reads the records of all sessions.
    pub(super) async fn sessions(&self, take: impl FnMut(Kept)) -> Result<(), String> {
        let config = OrderedConfig {
            filter_subject: format!("{}.registry.session.*", self.name),
            deliver_policy: DeliverPolicy::LastPerSubject,
            ..OrderedConfig::default()
        };
        read(&self.registry, config, u64::MAX, take).await
    }

    /// Reads the log from one position to another.
    pub(super) async fn entries(&self, from: u64, until: u64, take: impl FnMut(Kept)) -> Result<(), String> {
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: from };
        let config = OrderedConfig { deliver_policy, ..OrderedConfig::default() };
        read(&self.log, config, until, take).await
    }

    /// Erases a revision of the registry. One that is gone is fine, and one that stays is told of again by whoever takes this node's sessions.
    pub(super) async fn erase(&self, revision: u64) {
        if let Err(error) = self.registry.delete_message(revision).await {
            tracing::debug!(%error, revision, "a record is not erased");
        }
    }

    /// Erases the record of a node whose sessions are elsewhere. If it stays, it is found again.
    pub(super) async fn erase_node(&self, node: u32) {
        if let Err(error) = self.registry.purge().filter(self.node_subject(node)).await {
            tracing::debug!(%error, node = format!("{node:08x}"), "the record of a node is not erased");
        }
    }

    /// Follows the log behind a position, for as long as somebody takes what comes.
    pub(super) fn follow(&self, position: u64) -> mpsc::Receiver<(u64, Bytes)> {
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        let log = self.log.clone();
        tokio::spawn(async move {
            let mut position = position;
            while let Err(problem) = follow(&log, &mut position, &sender).await {
                metrics::counter!("webpubsub_log_read_errors_total").increment(1);
                tracing::warn!(problem, "the log cannot be read; it is tried again");
                tokio::time::sleep(Duration::from_millis(RETRY_PAUSE_MS)).await;
            }
        });
        receiver
    }
}

/// Passes entries on until nobody takes them any more; or says what went wrong.
async fn follow(
    log: &Stream,
    position: &mut u64,
    entries: &mpsc::Sender<(u64, Bytes)>,
) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: *position + 1 };
    let config = OrderedConfig { deliver_policy, ..OrderedConfig::default() };
    let consumer = log.create_consumer(config).await.map_err(|error| text(&error))?;
    let mut messages = consumer.messages().await.map_err(|error| text(&error))?;
    loop {
        let message = tokio::select! {
            () = entries.closed() => return Ok(()),
            message = messages.next() => message,
        };
        let message = message.ok_or("the consumer has ended")?.map_err(|error| text(&error))?;
        let sequence = message.info().map_err(|error| text(&error))?.stream_sequence;
        if entries.send((sequence, message.message.payload)).await.is_err() {
            return Ok(());
        }
        *position = sequence;
    }
}

/// Reads what a consumer has until a sequence number, or until there is nothing left.
async fn read(
    stream: &Stream,
    config: OrderedConfig,
    until: u64,
    mut take: impl FnMut(Kept),
) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let consumer = stream.create_consumer(config).await.map_err(|error| text(&error))?;
    let info = consumer.cached_info();
    let (name, mut pending) = (info.name.clone(), info.num_pending);
    let mut messages = consumer.messages().await.map_err(|error| text(&error))?;
    while pending > 0 {
        let next = tokio::time::timeout(Duration::from_millis(ANSWER_TIMEOUT_MS), messages.next()).await;
        let message = next.map_err(|_| "JetStream does not answer")?.ok_or("the consumer has ended")?;
        let message = message.map_err(|error| text(&error))?;
        let info = message.info().map_err(|error| text(&error))?;
        let (sequence, time_ms) = (info.stream_sequence, millis(info.published.unix_timestamp_nanos()));
        pending = if sequence >= until { 0 } else { info.pending };
        if sequence > until {
            break;
        }
        let (subject, payload) = (message.message.subject.to_string(), message.message.payload);
        take(Kept { subject, sequence, payload, time_ms });
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
