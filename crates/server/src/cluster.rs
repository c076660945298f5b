use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

pub use hubwire_cluster::nats::NodeReport;

use hubwire_cluster::nats::{Relays, Resume, Resumption, Service};
use hubwire_gateway::{Carrier, ClientStream, Comeback, Door};
use hubwire_protocol::{ConnectionId, HubName};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{Config, Error};

/// How long a node may take to be known in its cluster, in milliseconds: the time to connect, and twice the time that a node takes to notice
/// that another one is dead.
const START_TIMEOUT_MS: u64 = 20_000;

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
