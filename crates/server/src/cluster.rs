use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

pub use hubwire_cluster::nats::NodeReport;

use bytes::Bytes;
use hubwire_cluster::nats::{Answered, Answering, Inquiries, Relays, Resume, Resumption, Service, Standing};
use hubwire_console::{Console, Gathered, Peers};
use hubwire_gateway::{Carrier, ClientStream, Comeback, Door};
use hubwire_protocol::{ConnectionId, HubName};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::side_thread::SideThread;
use crate::{Config, Error};

/// How long a node may take to be known in its cluster, in milliseconds: the time to connect, and twice the time that a node takes to notice
/// that another one is dead.
const START_TIMEOUT_MS: u64 = 20_000;
/// How long is waited before the way for other nodes' consoles is made again, in milliseconds.
const INQUIRIES_PAUSE_MS: u64 = 1_000;

/// The thread that talks to the other nodes. It outlives the workers, which still have something to tell when they stop.
pub(crate) struct ClusterThread {
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl ClusterThread {
    /// Starts it, and comes back when this node and the others know each other. If it cannot go on later, the whole service stops.
    /// `released` is cancelled when the workers may end.
    pub(crate) fn start(
        service: Service,
        door: Door,
        whole_service: CancellationToken,
        released: CancellationToken,
    ) -> Result<Self, Error> {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (started, outcome) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            let (ready, is_ready) = oneshot::channel();
            // Whether it is called or dropped: the workers may end.
            let guard = released.drop_guard();
            let handed_over = Box::new(move || drop(guard));
            let told = started.clone();
            runtime.block_on(async move {
                tokio::spawn(async move {
                    if is_ready.await.is_ok() {
                        // Whoever started the service may have given up.
                        let _gone = told.send(Ok(()));
                    }
                });
                let service = service.run(ready, handed_over, resume(door), stopped.cancelled_owned());
                if let Err(error) = service.await {
                    tracing::error!(%error, "this node cannot take part in its cluster any more; the service stops");
                    let _running = started.send(Err(error));
                    whole_service.cancel();
                }
            });
        };
        let thread = std::thread::Builder::new().name("cluster".to_owned()).spawn(run)?;
        match outcome.recv_timeout(Duration::from_millis(START_TIMEOUT_MS)) {
            Ok(Ok(())) => Ok(Self { stop, thread }),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => {
                stop.cancel();
                Err(Error::ClusterSilent)
            }
        }
    }

    /// Says goodbye to the other nodes, and ends the thread.
    pub(crate) fn stop(self) {
        self.stop.cancel();
        if self.thread.join().is_err() {
            tracing::error!("the thread of the cluster ended by a panic");
        }
    }
}

/// The consoles of the other nodes, as this one's asks them.
pub(crate) struct ConsolePeers {
    node: String,
    inquiries: Arc<Inquiries>,
}

impl ConsolePeers {
    pub(crate) fn new(inquiries: Arc<Inquiries>) -> Arc<Self> {
        Arc::new(Self { node: name(inquiries.node()), inquiries })
    }

    /// Answers what other nodes' consoles ask of this one, until the thread is told to stop. A node that cannot is one that others name as silent.
    pub(crate) fn serve(&self, console: Console) -> Result<SideThread, Error> {
        let (inquiries, follower) = (self.inquiries.clone(), console.clone());
        let answering: Answering = Arc::new(move |question: Bytes| -> Answered {
            let console = console.clone();
            Box::pin(async move { console.answer_peer(&question).await })
        });
        SideThread::start("console", |stop| async move {
            while !stop.is_cancelled() {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = follower.follow_sign_outs() => {}
                    Err(error) = inquiries.serve(answering.clone()) => {
                        tracing::warn!(%error, "other nodes' consoles cannot ask this one");
                        tokio::time::sleep(Duration::from_millis(INQUIRIES_PAUSE_MS)).await;
                    }
                }
            }
        })
    }
}

impl Peers for ConsolePeers {
    fn node(&self) -> &str {
        &self.node
    }

    fn standing(&self) -> serde_json::Value {
        let Standing { interests, backlog_frames, backlog_bytes } = self.inquiries.standing();
        serde_json::json!({
            "interests": interests, "backlogFrames": backlog_frames, "backlogBytes": backlog_bytes,
        })
    }

    fn ask(&self, question: Bytes) -> Gathered<'_> {
        Box::pin(async move {
            let answers = self.inquiries.ask(question).await;
            answers.into_iter().map(|(node, answer)| (name(node), answer)).collect()
        })
    }
}

/// What people call a node.
pub(crate) fn name(node: u32) -> String {
    format!("{node:08x}")
}

/// Has sockets that other nodes accepted served by the worker of their session.
fn resume(door: Door) -> Resume {
    Box::new(move |resumption: Resumption| {
        let Resumption { hub, connection, reconnection_token, stream } = resumption;
        door.resume(Comeback { hub, connection, reconnection_token, stream });
    })
}

/// Takes sockets to the nodes of their sessions.
pub(crate) struct NodeCarrier(pub(crate) Arc<Relays>);

impl Carrier for NodeCarrier {
    fn is_elsewhere(&self, hub: &HubName, connection: ConnectionId) -> bool {
        self.0.is_elsewhere(hub, connection)
    }

    fn carry(&self, comeback: Comeback<Box<dyn ClientStream>>, place: Box<dyn Send>) {
        let Comeback { hub, connection, reconnection_token, stream } = comeback;
        let relays = self.0.clone();
        tokio::task::spawn_local(async move {
            relays.carry((hub, connection), reconnection_token, stream).await;
            drop(place);
        });
    }
}

/// Asks all nodes of the configured cluster how they are. `None` if the settings name no cluster.
///
/// # Errors
/// [`Error::Cluster`] if NATS cannot be reached.
pub fn nodes(config: &Config) -> Result<Option<Vec<NodeReport>>, Error> {
    let Some(cluster) = &config.cluster else {
        return Ok(None);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(Some(runtime.block_on(hubwire_cluster::nats::survey(&cluster.settings))?))
}
