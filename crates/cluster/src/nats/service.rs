use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use hubwire_hub::{Reply, Routed};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::backlog::{Backlog, Item};
use super::connection::{Subjects, connect};
use super::error::Error;
use super::jetstream::JetStream;
use super::ledger::Ledger;
use super::log_errands;
use super::log_writer::LogWriter;
use super::mesh::{Destination, Errand, Mesh};
use super::pieces::Line;
use super::relay::{Relays, Resume};
use super::schema::Content;
use super::settings::Settings;
use super::{calls, encode, membership};
use crate::memory;

/// What is called when the sessions of a node that stops are elsewhere.
pub type HandedOver = Box<dyn FnOnce() + Send>;

/// What one turn takes in of each kind.
const PER_TURN: usize = 256;

/// The part of a node that talks to NATS. It runs on a thread of its own.
pub struct Service {
    pub(super) settings: Settings,
    pub(super) backlog: Arc<Backlog>,
    pub(super) local: Arc<memory::Router>,
    pub(super) items: mpsc::UnboundedReceiver<Item>,
    pub(super) relays: Arc<Relays>,
    pub(super) workers: u32,
}

/// Everything that is there while the service runs.
struct Running {
    mesh: Mesh,
    client: Client,
    subjects: Subjects,
    backlog: Arc<Backlog>,
    relays: Arc<Relays>,
    resume: Arc<Resume>,
    started: Instant,
    connected: bool,
    /// The log, if hubs have one.
    streams: Option<JetStream>,
    writer: Option<LogWriter>,
    /// Told when NATS has been away.
    restarts: Arc<Notify>,
    ready: Option<oneshot::Sender<()>>,
    handed_over: Option<HandedOver>,
    /// The subjects of nodes, so that they are written once.
    subjects_of_nodes: HashMap<u32, async_nats::Subject>,
}

impl Service {
    /// Takes part in the cluster until `stop` comes back. `ready` is told once this node and the others know of each other; until then its
    /// clients could miss messages. `handed_over` is called when all workers have stopped to read and their sessions are with another node, or
    /// nobody takes them; or dropped before. `resume` is given the sockets of clients that came to other nodes, and whose sessions are here.
    ///
    /// Must run within a tokio runtime with timers and sockets.
    ///
    /// # Errors
    /// [`Error`] if NATS cannot be reached at the beginning, or lets the node in no more.
    pub async fn run(
        mut self,
        ready: oneshot::Sender<()>,
        handed_over: HandedOver,
        resume: Resume,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let client = connect(&self.settings).await?;
        let subjects = Subjects::new(&self.settings.name);
        let subscribe = async |subject: String| {
            client.subscribe(subject).await.map_err(|error| Error::Subscribe(error.to_string()))
        };
        let everyone = subscribe(subjects.everyone()).await?;
        let own = subscribe(subjects.node(self.backlog.node)).await?;
        let survey = subscribe(subjects.survey()).await?;
        // The servers must know of these before anybody is told that this node lives.
        client.flush().await.map_err(|error| Error::Subscribe(error.to_string()))?;
        let workers = (self.workers, self.settings.address.clone());
        let mesh = Mesh::new(self.backlog.clone(), self.local, self.settings.limits, workers, 1);
        let (mut streams, mut writer, mut lines) = (None, None, None);
        let restarts = Arc::new(Notify::new());
        let mut mesh = mesh;
        if let Some(log) = &self.settings.log {
            let opened = JetStream::open(client.clone(), &self.settings.name, log).await?;
            let position = opened.last_position().await?;
            let revision = log_errands::enlist(&opened, self.backlog.node, position).await?;
            lines = Some(opened.follow(position, restarts.clone()));
            mesh.begin_log(Ledger::new(log.clone(), position, revision, 1));
            writer = Some(LogWriter::start(client.clone(), opened.clone(), self.backlog.clone()));
            streams = Some(opened);
        }
        let mut running = Running {
            streams,
            writer,
            restarts,
            mesh,
            client,
            subjects,
            backlog: self.backlog,
            relays: self.relays,
            resume: Arc::new(resume),
            started: Instant::now(),
            connected: true,
            ready: Some(ready),
            handed_over: Some(handed_over),
            subjects_of_nodes: HashMap::new(),
        };
        let outcome = running.serve(&mut self.items, &mut lines, (everyone, own, survey), stop).await;
        running.mesh.leave();
        running.send().await;
        if let Some(writer) = running.writer.take() {
            writer.finish().await;
        }
        // Whatever is still on its way reaches the server, or the server is not there.
        let _unsent = tokio::time::timeout(Duration::from_secs(1), running.client.flush()).await;
        outcome
    }
}

impl Running {
    async fn serve(
        &mut self,
        items: &mut mpsc::UnboundedReceiver<Item>,
        lines: &mut Option<mpsc::Receiver<(u64, Line)>>,
        (mut everyone, mut own, mut survey): (Subscriber, Subscriber, Subscriber),
        stop: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let mut stop = std::pin::pin!(stop);
        let mut batch = Vec::with_capacity(PER_TURN);
        let mut read = Vec::with_capacity(PER_TURN);
        loop {
            let due_ms = self.mesh.next_due_ms().saturating_sub(self.now_ms());
            let sleep = tokio::time::sleep(Duration::from_millis(due_ms));
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                message = own.next() => self.receive(message, &mut own)?,
                message = everyone.next() => self.receive(message, &mut everyone)?,
                message = survey.next() => self.answer_survey(message).await?,
                _ = items.recv_many(&mut batch, PER_TURN) => {}
                // A worker that cannot keep up holds the log up, and what waits there is bounded by the log itself.
                () = log_errands::read(lines, &mut read, PER_TURN), if !self.mesh.is_filling() => {}
                () = sleep => {}
            }
            // Input of one kind must not keep the others waiting.
            if let Some(message) = everyone.next().now_or_never() {
                self.receive(message, &mut everyone)?;
            }
            while batch.len() < PER_TURN
                && let Ok(item) = items.try_recv()
            {
                batch.push(item);
            }
            let now_ms = self.now_ms();
            self.follow_connection(now_ms);
            for (position, line) in read.drain(..) {
                self.mesh.take_line(position, line);
            }
            self.mesh.take_items(&mut batch, now_ms);
            if now_ms >= self.mesh.next_due_ms() || self.mesh.is_busy() {
                self.mesh.keep_time(now_ms);
            }
            self.mesh.finish_turn();
            self.send().await;
            self.run_errands().await;
            if self.mesh.is_fenced() {
                return Err(Error::Fenced);
            }
            if self.mesh.has_handed_over()
                && let Some(handed_over) = self.handed_over.take()
            {
                handed_over();
            }
            if self.ready.is_some() && self.mesh.is_ready() {
                // Whoever waits for it may have given up.
                let _gone = self.ready.take().map(|ready| ready.send(()));
            }
        }
    }

    /// Milliseconds since the service started, from 1.
    fn now_ms(&self) -> u64 {
        1 + self.started.elapsed().as_millis() as u64
    }

    /// Takes in a message, and what has come behind it.
    fn receive(&mut self, first: Option<async_nats::Message>, more: &mut Subscriber) -> Result<(), Error> {
        let mut message = first.ok_or(Error::Closed)?;
        let now_ms = self.now_ms();
        for _ in 0..PER_TURN {
            self.mesh.receive(message.payload, now_ms);
            match more.next().now_or_never() {
                Some(Some(next)) => message = next,
                _ => break,
            }
        }
        Ok(())
    }

    async fn answer_survey(&mut self, message: Option<async_nats::Message>) -> Result<(), Error> {
        let message = message.ok_or(Error::Closed)?;
        if let Some(reply) = message.reply {
            self.publish(reply, self.mesh.hello()).await;
        }
        Ok(())
    }

    /// Notes whether NATS can be reached.
    fn follow_connection(&mut self, now_ms: u64) {
        let connected = self.client.connection_state() == State::Connected;
        if connected != self.connected {
            self.connected = connected;
            self.backlog.cut_off.store(!connected, Ordering::Relaxed);
            metrics::gauge!("webpubsub_cluster_connected").set(if connected { 1.0 } else { 0.0 });
            if connected {
                self.mesh.reconnect(now_ms);
                self.restarts.notify_one();
            } else {
                tracing::warn!("NATS cannot be reached: this node is cut off from its cluster");
            }
        }
    }

    /// Sends what is to be sent. While NATS is away nothing is: what matters is sent again when it is back.
    async fn send(&mut self) {
        for (destination, datagram) in self.mesh.take_out() {
            let subject = match destination {
                Destination::Everyone => self.subjects.everyone().into(),
                Destination::Node(node) => {
                    let subjects = &self.subjects;
                    let subject = || async_nats::Subject::from(subjects.node(node));
                    self.subjects_of_nodes.entry(node).or_insert_with(subject).clone()
                }
            };
            if self.connected {
                self.publish(subject, datagram).await;
            }
        }
        if self.subjects_of_nodes.len() > 2 * membership::NODES_MAX {
            self.subjects_of_nodes.clear();
        }
    }

    async fn publish(&self, subject: async_nats::Subject, datagram: Bytes) {
        if let Err(error) = self.client.publish(subject, datagram).await {
            metrics::counter!("webpubsub_cluster_send_errors_total").increment(1);
            tracing::warn!(%error, "NATS does not take a message; it is sent again if it matters");
        }
    }

    async fn run_errands(&mut self) {
        for errand in self.mesh.take_errands() {
            match errand {
                Errand::Answer { node, ticket, reply, joins } => {
                    tokio::spawn(answer(self.backlog.clone(), (node, ticket), reply, joins));
                }
                Errand::Relay { node, event } => {
                    self.relays.take(node, event, &self.resume);
                }
                Errand::Quiet { stop, quiet } => {
                    let backlog = self.backlog.clone();
                    tokio::spawn(async move {
                        // A worker that is gone reads nobody.
                        let _gone = quiet.await;
                        backlog.put(Item::Quiet(stop));
                    });
                }
                Errand::Pack(reply) => {
                    tokio::spawn(pack(self.backlog.clone(), reply));
                }
                Errand::Unpack { of, replies } => {
                    tokio::spawn(unpack(self.backlog.clone(), of, replies));
                }
                Errand::Append(append) => {
                    if let Some(writer) = &self.writer {
                        writer.append(append);
                    }
                }
                Errand::Store(_)
                | Errand::Erase(_)
                | Errand::Record { .. }
                | Errand::Checkpoint { .. }
                | Errand::Sweep(_)
                | Errand::Restore { .. }
                | Errand::EraseNode(_)
                | Errand::Reread { .. }
                | Errand::Find { .. } => {
                    if let (Some(streams), Some(log)) = (&self.streams, self.mesh.log_settings()) {
                        let backlog = self.backlog.clone();
                        let outcome = log_errands::run(streams.clone(), log, backlog.node, errand);
                        tokio::spawn(async move {
                            if let Some(item) = outcome.await {
                                backlog.put(item);
                            }
                        });
                    }
                }
                Errand::Gone { node } => {
                    self.relays.forget(node);
                    self.subjects_of_nodes.remove(&node);
                }
            }
        }
    }
}

/// Waits for what comes of a command, and sends it to the node that asked.
async fn answer(backlog: Arc<Backlog>, (node, ticket): (u32, u64), reply: Routed, joins: bool) {
    let mut reply = reply.await.ok();
    if joins && backlog.settle(false).await.is_err() {
        reply = None;
    }
    if node == backlog.node {
        return backlog.put(Item::Answered { ticket, reply });
    }
    let frame = encode::frame(Content::Answer(encode::answer(ticket, reply.as_ref())));
    backlog.put(Item::Direct { node, frame });
}

/// Waits for the packed sessions of all workers. A worker that is gone had none.
async fn pack(backlog: Arc<Backlog>, reply: Routed) {
    let sessions = match reply.await {
        Ok(Reply::Packed(sessions)) => sessions,
        _ => Vec::new(),
    };
    backlog.put(Item::Packed(sessions));
}

/// Waits until workers have taken in all sessions of another node.
async fn unpack(backlog: Arc<Backlog>, of: u32, replies: Vec<Routed>) {
    let (count, refused) = (replies.len(), calls::refusals(replies).await);
    if refused > 0 {
        tracing::error!(refused, "workers have no room for sessions of another node; these have ended");
    }
    tracing::info!(
        sessions = count - refused,
        from = format!("{of:08x}"),
        "sessions have come from another node"
    );
    backlog.put(Item::Unpacked { of });
}
