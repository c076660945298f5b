use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use hubwire_auth::ReconnectionKey;
use hubwire_cluster::memory::{self, InboxLimits};
use hubwire_cluster::nats::{self, Node};
use hubwire_console::{Clerk, Console, Desk};
use hubwire_gateway::{Carrier, Environment, Parts, Surroundings, Worker};
use hubwire_hub::{Exchange, HubPaces, Load, Observer, Router};
use hubwire_outbox::{Outbox, Place};
use hubwire_rest::{Intake, Rest};
use hubwire_upstream::Upstream;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemEnvironment;
use crate::cluster::{self, ClusterThread, ConsolePeers, NodeCarrier};
use crate::derived_key::derived_key;
use crate::fallback::Site;
use crate::reload::{Reloadable, lock, outbox_limits};
use crate::side_thread::SideThread;
use crate::{Config, Endpoint, Error, Overrides, banner, control, descriptors, metrics, overload, telemetry};

/// The threads of a node: one talks to the others, one answers their consoles.
type ClusterParts = (ClusterThread, SideThread);

/// The service, before it runs.
pub struct Server;

/// The service, until it is stopped. Dropping it does not stop it; [`Running::stop`] does.
pub struct Running {
    address: SocketAddr,
    endpoint: Endpoint,
    banner: String,
    reloadable: Arc<Mutex<Reloadable>>,
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
    delivery: SideThread,
    cluster: Option<ClusterParts>,
    telemetry: Option<SideThread>,
}

impl Server {
    /// Reads the configuration, listens, and starts a thread for every worker. When this returns, clients can connect.
    ///
    /// # Errors
    /// [`Error`] if a setting is wrong, or the system refuses an address or a thread.
    pub fn start(overrides: Overrides) -> Result<Running, Error> {
        let seen = control::fingerprints(overrides.config.as_slice());
        let mut config = Config::load(&overrides)?;
        descriptors::raise_limit();
        let listeners = hubwire_gateway::bind(config.listen, config.workers)?;
        let address = listeners.first().map_or(Ok(config.listen), TcpListener::local_addr)?;
        let metrics_listener = config.metrics_listen.map(metrics::bind).transpose()?;
        let environment = Arc::new(SystemEnvironment::new(config.cluster.as_ref().map(|_| rand::random())));
        let endpoint =
            config.endpoint.clone().unwrap_or_else(|| Endpoint::of_listener(address, config.tls.is_some()));
        if let Some(cluster) = &mut config.cluster {
            cluster.settings.address = endpoint.to_string();
        }
        let now_s = Environment::unix_s(&*environment);
        let banner = banner::banner(&endpoint, address, &config, now_s);
        let stop = CancellationToken::new();
        let mut threads = Vec::with_capacity(config.workers + 1);
        let outbox = open_outbox(&config, &environment)?;
        let reloadable = Reloadable::new(overrides, config.clone(), address, outbox.clone());
        let reloadable = Arc::new(Mutex::new(reloadable));
        let upstream_settings = lock(&reloadable).upstream.clone();
        let console_settings = lock(&reloadable).console.clone();
        let node = environment.node().map(|node| cluster::name(node).into());
        let (desk, clerk) = Desk::new(console_settings, environment.clone(), node);
        let (observer, telemetry) = telemetry::observe(desk.clone(), &config, &endpoint, &environment)?;
        let (settings, folder) = (upstream_settings, config.data_directory.clone());
        let upstream = Upstream::new(settings, environment.clone(), outbox.clone(), observer.clone());
        let delivery = start_delivery(upstream.clone(), outbox, folder, environment.clone())?;
        let load = Arc::new(Load::new(listeners.len()));
        let assembly = Assembly {
            config: &config,
            reloadable: &reloadable,
            environment,
            upstream,
            desk,
            observer,
            load: load.clone(),
            stop: &stop,
        };
        let cluster = assembly.start_workers(listeners, &mut threads).inspect_err(|_| delivery.cancel())?;
        let control = Control { reloadable: reloadable.clone(), seen, metrics_listener, clerk, load };
        threads.push(control.start(stop.clone())?);
        Ok(Running { address, endpoint, banner, reloadable, stop, threads, delivery, cluster, telemetry })
    }
}

impl Running {
    /// Where the service listens; with port 0 in the settings, the port that was free.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint that connection strings name.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What a person is shown: the connection string, a client URL, the REST endpoint.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// Reads the configuration again, as SIGHUP and a change of the file do. A wrong one changes nothing, and the log says why.
    pub fn reload(&self) {
        control::reload(&self.reloadable);
    }

    /// Comes back when the service has begun to stop, also by itself, since a worker could not go on.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Tells every client that the service stops, waits for them within the drain time-out, and ends every thread.
    pub fn stop(self) {
        self.stop.cancel();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker ended by a panic");
            }
        }
        if let Some((cluster, consoles)) = self.cluster {
            consoles.stop();
            cluster.stop();
        }
        self.delivery.stop();
        if let Some(telemetry) = self.telemetry {
            telemetry.stop();
        }
    }
}

struct Assembly<'a> {
    config: &'a Config,
    reloadable: &'a Mutex<Reloadable>,
    environment: Arc<SystemEnvironment>,
    upstream: Upstream,
    desk: Arc<Desk>,
    load: Arc<Load>,
    observer: Arc<dyn Observer>,
    stop: &'a CancellationToken,
}

impl Assembly<'_> {
    fn start_workers(
        &self,
        listeners: Vec<TcpListener>,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<Option<ClusterParts>, Error> {
        let inbox_limits = InboxLimits {
            messages_max: usize::try_from(self.config.limits.inbox_messages_max).unwrap_or(usize::MAX),
            bytes_max: usize::try_from(self.config.limits.inbox_bytes_max).unwrap_or(usize::MAX),
        };
        let workers = listeners.len();
        let (Some(cluster), Some(node)) = (&self.config.cluster, self.environment.node()) else {
            let (exchanges, router) = memory::connect(workers, inbox_limits);
            // Sessions live in this process, so the key that their tokens are signed with need not outlive it.
            let team = self.team(workers, router.clone(), rand::random(), None);
            let released = CancellationToken::new();
            released.cancel();
            let console = Console::new(self.desk.clone(), router.clone(), workers, None);
            self.start_team(team, exchanges, (router, released), (listeners, console), threads)?;
            return Ok(None);
        };
        let Node { exchanges, router, service, relays, inquiries } =
            nats::connect(workers, inbox_limits, node, cluster.settings.clone());
        let secret = cluster.reconnection_secret(&self.config.keys);
        let key = derived_key(secret.as_bytes(), b"hubwire reconnection tokens");
        let carrier = Arc::new(NodeCarrier(relays));
        let team = self.team(workers, router.clone(), key, Some(carrier));
        let door = team.first().map(Worker::door);
        let released = CancellationToken::new();
        let start = |door| ClusterThread::start(service, door, self.stop.clone(), released.clone());
        let thread = door.map(start).transpose()?;
        let peers = ConsolePeers::new(inquiries);
        let console = Console::new(self.desk.clone(), router.clone(), workers, Some(peers.clone()));
        self.start_team(team, exchanges, (router, released), (listeners, console.clone()), threads)?;
        let consoles = peers.serve(console)?;
        Ok(thread.map(|thread| (thread, consoles)))
    }

    fn team(
        &self,
        workers: usize,
        router: Arc<dyn Router>,
        reconnection_key: [u8; 32],
        carrier: Option<Arc<dyn Carrier>>,
    ) -> Vec<Worker> {
        let settings = lock(self.reloadable).settings.clone();
        let surroundings = Surroundings {
            environment: self.environment.clone(),
            router,
            observer: self.observer.clone(),
            reconnection_key: ReconnectionKey::new(reconnection_key),
            carrier,
            load: self.load.clone(),
        };
        Worker::team(workers, settings, surroundings)
    }

    fn start_team<E: Exchange + Send + 'static>(
        &self,
        team: Vec<Worker>,
        exchanges: Vec<E>,
        (router, released): (Arc<dyn Router>, CancellationToken),
        (listeners, console): (Vec<TcpListener>, Console),
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<(), Error> {
        let (options, endpoint) = {
            let reloadable = lock(self.reloadable);
            (reloadable.options.clone(), reloadable.endpoint.clone())
        };
        // Continuation tokens must be good on every node and after a restart, so their key follows from what all of those share.
        let paging_key =
            derived_key(self.config.keys.primary.expose().as_bytes(), b"hubwire continuation tokens");
        let (load, paces) = (self.load.clone(), Arc::new(HubPaces::default()));
        for (index, ((worker, exchange), listener)) in
            team.into_iter().zip(exchanges).zip(listeners).enumerate()
        {
            let (router, clock) = (router.clone(), self.environment.clone());
            let worker_index = index as u8;
            let intake = Intake { worker: worker_index, load: load.clone(), paces: paces.clone() };
            let rest = Rest::new(options.clone(), router, self.observer.clone(), clock, paging_key, intake);
            let (console, endpoint, stop) = (console.clone(), endpoint.clone(), self.stop.clone());
            let fallback = Site { rest, console, stop, endpoint, load: load.clone() };
            let application = Box::new(self.upstream.application());
            let released = released.clone();
            let parts = Parts { index: worker_index, listener, exchange, fallback, released, application };
            threads.push(start_worker(worker, parts, self.stop.clone())?);
        }
        Ok(())
    }
}

fn open_outbox(config: &Config, environment: &SystemEnvironment) -> Result<Arc<Outbox>, Error> {
    let place = match &config.data_directory {
        Some(folder) => Place::Folder(folder.join("outbox")),
        None => Place::Memory,
    };
    let outbox = Outbox::open(&place, outbox_limits(config), Environment::unix_ms(environment))?;
    let counts = outbox.counts();
    if counts.pending + counts.dead > 0 {
        tracing::info!(
            pending = counts.pending,
            dead_letters = counts.dead,
            "events of an earlier run wait for event handlers"
        );
    }
    if config.data_directory.is_none() && config.upstream.tells_anybody() {
        tracing::warn!(
            "events that wait for event handlers are kept in memory, and are lost when the service ends: setting data_directory"
        );
    }
    Ok(Arc::new(outbox))
}

/// Starts the thread that tells applications what nobody waits for.
fn start_delivery(
    upstream: Upstream,
    outbox: Arc<Outbox>,
    data_directory: Option<PathBuf>,
    environment: Arc<SystemEnvironment>,
) -> Result<SideThread, Error> {
    SideThread::start("delivery", |stop| async move {
        if let Some(folder) = data_directory {
            tokio::task::spawn_local(async move {
                let now_ms = move || Environment::unix_ms(&*environment);
                if let Err(error) = hubwire_outbox::serve(outbox, &folder.join("outbox"), now_ms).await {
                    tracing::error!(%error, "`hubwire outbox` will not find this service");
                }
            });
        }
        upstream.deliver(stop).await;
    })
}

fn start_worker<E: Exchange + Send + 'static>(
    worker: Worker,
    parts: Parts<E, Site>,
    stop: CancellationToken,
) -> Result<JoinHandle<()>, Error> {
    let name = format!("worker-{}", parts.index);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || {
        let served = LocalSet::new().block_on(&runtime, worker.run(parts, stop.clone()));
        if let Err(error) = served {
            tracing::error!(%error, "a worker cannot go on; the service stops");
            stop.cancel();
        }
    };
    Ok(std::thread::Builder::new().name(name).spawn(run)?)
}

/// The thread of everything that is not a client's or an application's: the configuration file, the metrics, what the console shows.
struct Control {
    reloadable: Arc<Mutex<Reloadable>>,
    seen: control::Fingerprints,
    metrics_listener: Option<TcpListener>,
    clerk: Clerk,
    load: Arc<Load>,
}

impl Control {
    fn start(self, stop: CancellationToken) -> Result<JoinHandle<()>, Error> {
        let Self { reloadable, seen, metrics_listener, clerk, load } = self;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            LocalSet::new().block_on(&runtime, async {
                if let Some(listener) = metrics_listener {
                    tokio::task::spawn_local(async move {
                        if let Err(error) = metrics::serve(listener).await {
                            tracing::error!(%error, "metrics are no longer served");
                        }
                    });
                }
                tokio::task::spawn_local(overload::follow(load, reloadable.clone(), stop.clone()));
                tokio::task::spawn_local(control::follow_files(reloadable, seen, stop.clone()));
                tokio::task::spawn_local(clerk.run(stop.clone()));
                stop.cancelled().await;
            });
        };
        Ok(std::thread::Builder::new().name("control".to_owned()).spawn(run)?)
    }
}
