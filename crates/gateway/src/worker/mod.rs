//! One worker: a listener, a shard, its sockets, and the loop that drives them.

mod accept;
mod attach;
mod drain;
mod keepalive;
mod lag;
mod measure;
mod spread;
mod state;
mod turn;
mod wait;

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use hubwire_auth::ReconnectionKey;
use hubwire_hub::{Application, Exchange, HubPaces, Load, Observer, Router};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::arrival::Arrival;
use crate::entrance::{Census, HandshakePaces};
use crate::handshake::{Reception, Texts};
use crate::{Carrier, Door, Environment, Error, Fallback, Settings};

pub(crate) use state::State;

/// What all workers of a process share.
pub struct Shared {
    pub(crate) settings: Arc<ArcSwap<Settings>>,
    surroundings: Surroundings,
    /// WebSocket connections of the process.
    pub(crate) census: Arc<Census>,
    handshakes: Arc<HandshakePaces>,
    /// How fast each hub is read, by all workers.
    pub(crate) hub_paces: Arc<HubPaces>,
    /// Other connections of the process.
    http_connections: Arc<AtomicUsize>,
    pub(crate) arrivals: Arc<[mpsc::UnboundedSender<Arrival>]>,
}

/// What the workers of a process have around them.
#[derive(Clone)]
pub struct Surroundings {
    /// Time and randomness.
    pub environment: Arc<dyn Environment>,
    /// The way to all shards.
    pub router: Arc<dyn Router>,
    /// Who is told of what happens.
    pub observer: Arc<dyn Observer>,
    /// What tokens of sessions are signed with.
    pub reconnection_key: ReconnectionKey,
    /// The way to sessions elsewhere, if there can be any.
    pub carrier: Option<Arc<dyn Carrier>>,
    /// How strained the process is. Workers note in it how late they come, and turn new clients away by it.
    pub load: Arc<Load>,
}

/// What one worker is made of.
pub struct Parts<E, F> {
    /// Its number, from 0; every connection id that it gives out carries it.
    pub index: u8,
    /// Its listener.
    pub listener: TcpListener,
    /// Its shard's tie to the other shards.
    pub exchange: E,
    /// What answers requests that are not handshakes.
    pub fallback: F,
    /// Cancelled when the worker may end once it has stopped: its sessions are elsewhere, or will not go anywhere.
    pub released: CancellationToken,
    /// The application behind the service, as this worker calls it.
    pub application: Box<dyn Application + Send>,
}

/// One worker that has not begun. It is sent to its thread and run there.
pub struct Worker {
    shared: Arc<Shared>,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
}

impl Worker {
    /// Makes so many workers that share settings and surroundings.
    pub fn team(workers: usize, settings: Arc<ArcSwap<Settings>>, surroundings: Surroundings) -> Vec<Self> {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::unbounded_channel()).unzip();
        let shared = Arc::new(Shared {
            settings,
            surroundings,
            census: Arc::default(),
            handshakes: Arc::default(),
            hub_paces: Arc::default(),
            http_connections: Arc::default(),
            arrivals: senders.into(),
        });
        let worker = |arrivals| Self { shared: shared.clone(), arrivals };
        receivers.into_iter().map(worker).collect()
    }

    /// The way in for sockets that others have accepted; all workers of a team share it.
    pub fn door(&self) -> Door {
        Door(self.shared.clone())
    }

    /// Serves until `stop` is cancelled and the clients have been told, or the drain time-out has passed.
    ///
    /// Runs on the current thread, inside a `LocalSet`: nothing of a worker ever moves to another thread.
    ///
    /// # Errors
    /// [`Error::EventLoop`] if the event loop cannot be set up.
    pub async fn run<E: Exchange, F: Fallback>(
        self,
        parts: Parts<E, F>,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        let shared = &self.shared;
        let application: Rc<dyn Application> = Rc::from(parts.application as Box<dyn Application>);
        let reception = Rc::new(Reception {
            worker: parts.index,
            settings: shared.settings.clone(),
            surroundings: shared.surroundings.clone(),
            application: application.clone(),
            texts: Texts::default(),
            census: shared.census.clone(),
            handshakes: shared.handshakes.clone(),
            arrivals: shared.arrivals.clone(),
        });
        let listener = tokio::net::TcpListener::from_std(parts.listener)?;
        let accepting = accept::Accepting {
            reception,
            fallback: Rc::new(parts.fallback),
            http_connections: shared.http_connections.clone(),
            refused: Rc::default(),
        };
        let probe = lag::Probe {
            worker: parts.index,
            load: shared.surroundings.load.clone(),
            environment: shared.surroundings.environment.clone(),
            settings: shared.settings.clone(),
        };
        let probe = tokio::task::spawn_local(probe.run());
        let accepted = tokio::task::spawn_local(accepting.run(listener, stop.clone()));
        let state = State::new(parts.index, shared, parts.exchange, application)?;
        state.run(self.arrivals, (stop, parts.released)).await?;
        accepted.abort();
        probe.abort();
        Ok(())
    }
}
