//! What nodes ask each other so that people see the whole cluster from any of them.
//!
//! It goes over a connection of its own, by plain requests of NATS: whoever looks must not hold up what nodes have to say to each other, and an
//! answer that does not come is told, not repeated.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::{Client, Message, Request};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::sync::{Semaphore, watch};

use super::backlog::Backlog;
use super::connection::{Subjects, connect};
use super::error::Error;
use super::settings::Settings;

/// How long another node may take to answer, in milliseconds.
const ANSWER_TIMEOUT_MS: u64 = 2_000;
/// Questions that one node answers at a time; more wait, and may find that nobody waits for them any more.
const ANSWERING_MAX: usize = 16;
/// What a NATS server takes as one message, less what is around an answer, if it does not say.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// An answer of this node, or of another one.
pub type Answered = Pin<Box<dyn Future<Output = Bytes> + Send>>;
/// Answers a question of another node.
pub type Answering = Arc<dyn Fn(Bytes) -> Answered + Send + Sync>;

/// How this node is, as people are shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The slots, of 65,536, in which it has recipients.
    pub interests: usize,
    /// Frames that have not arrived at other nodes.
    pub backlog_frames: usize,
    /// Their bytes.
    pub backlog_bytes: usize,
}

/// The way to what people want to see of other nodes.
pub struct Inquiries {
    backlog: Arc<Backlog>,
    settings: Settings,
    /// The newest connection, once there is one.
    client: watch::Sender<Option<Client>>,
}

impl Inquiries {
    pub(super) fn new(backlog: Arc<Backlog>, settings: Settings) -> Self {
        Self { backlog, settings, client: watch::Sender::new(None) }
    }

    /// The number of this node.
    pub fn node(&self) -> u32 {
        self.backlog.node
    }

    /// How this node is.
    pub fn standing(&self) -> Standing {
        Standing {
            interests: self.backlog.interests.load(Ordering::Relaxed),
            backlog_frames: self.backlog.link_frames.load(Ordering::Relaxed),
            backlog_bytes: self.backlog.link_bytes.load(Ordering::Relaxed),
        }
    }

    /// Answers what other nodes ask, for as long as it runs.
    ///
    /// Must run within a tokio runtime with timers and sockets.
    ///
    /// # Errors
    /// [`Error`] if NATS cannot be reached at the beginning, or lets the node in no more.
    pub async fn serve(&self, answering: Answering) -> Result<(), Error> {
        let client = connect(&self.settings).await?;
        let subject = self.subject(self.backlog.node);
        let subscribed = client.subscribe(subject).await;
        let mut questions = subscribed.map_err(|error| Error::Subscribe(error.to_string()))?;
        self.client.send_replace(Some(client.clone()));
        let turns = Arc::new(Semaphore::new(ANSWERING_MAX));
        while let Some(question) = questions.next().await {
            let Ok(turn) = turns.clone().acquire_owned().await else {
                break;
            };
            let (client, answering) = (client.clone(), answering.clone());
            tokio::spawn(async move {
                answer(&client, question, &answering).await;
                drop(turn);
            });
        }
        Err(Error::Closed)
    }

    /// Asks all other nodes that live, and comes back with the answer of each, or none of one that did not answer in time.
    ///
    /// Must run within a tokio runtime with timers.
    pub async fn ask(&self, question: Bytes) -> Vec<(u32, Option<Bytes>)> {
        let nodes = self.backlog.nodes.load_full();
        let others = nodes.iter().map(|known| known.node).filter(|node| *node != self.backlog.node);
        let ask = |node| {
            let question = question.clone();
            async move { (node, self.ask_one(node, question).await) }
        };
        join_all(others.map(ask)).await
    }

    async fn ask_one(&self, node: u32, question: Bytes) -> Option<Bytes> {
        let request =
            Request::new().payload(question).timeout(Some(Duration::from_millis(ANSWER_TIMEOUT_MS)));
        let client = self.client().await?;
        let answer = client.send_request(self.subject(node), request).await;
        match answer {
            // An answer that is too large for one message is none.
            Ok(Message { payload, .. }) => Some(payload).filter(|payload| !payload.is_empty()),
            Err(error) => {
                metrics::counter!("webpubsub_cluster_inquiries_unanswered_total").increment(1);
                tracing::debug!(node = format!("{node:08x}"), %error, "a node does not answer the console");
                None
            }
        }
    }

    /// The way to other nodes. A node that has just started waits until it has one, as for an answer.
    async fn client(&self) -> Option<Client> {
        let patience = Duration::from_millis(ANSWER_TIMEOUT_MS);
        let mut client = self.client.subscribe();
        let found = tokio::time::timeout(patience, client.wait_for(Option::is_some)).await.ok()?.ok()?;
        found.clone()
    }

    fn subject(&self, node: u32) -> String {
        Subjects::new(&self.settings.name).inquiries(node)
    }
}

async fn answer(client: &Client, question: Message, answering: &Answering) {
    let Some(place) = question.reply else {
        return;
    };
    let mut answer = answering(question.payload).await;
    let bytes_max = match client.server_info().max_payload {
        0 => PAYLOAD_BYTES_MAX,
        bytes_max => bytes_max,
    };
    if answer.len() > bytes_max {
        tracing::warn!(
            bytes = answer.len(),
            "an answer for another node's console is larger than NATS takes"
        );
        answer = Bytes::new();
    }
    if let Err(error) = client.publish(place, answer).await {
        tracing::warn!(%error, "an answer for another node's console cannot be sent");
    }
}
