//! One worker: a listener, a shard, its sockets, and the loop that drives them.

mod accept;
mod attach;
mod drain;
mod keepalive;
mod measure;
mod state;
mod turn;
mod wait;

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use hubwire_auth::ReconnectionKey;
use hubwire_hub::{Application, Exchange, Observer, Router};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::arrival::Arrival;
use crate::handshake::{Reception, Texts};
use crate::{Carrier, Door, Environment, Error, Fallback, Settings};

pub(crate) use state::State;

/// What all workers of a process share.
pub struct Shared {
    pub(crate) settings: Arc<ArcSwap<Settings>>,
    environment: Arc<dyn Environment>,
    router: Arc<dyn Router>,
    observer: Arc<dyn Observer>,
    reconnection_key: ReconnectionKey,
    /// The way to sessions elsewhere, if there can be any.
    carrier: Option<Arc<dyn Carrier>>,
    /// WebSocket connections of the process.
    pub(crate) connections: Arc<AtomicUsize>,
    /// Other connections of the process.
    http_connections: Arc<AtomicUsize>,
    pub(crate) arrivals: Arc<[mpsc::UnboundedSender<Arrival>]>,
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
    /// Makes so many workers that share settings, time and the way to one another.
    pub fn team(
        workers: usize,
        settings: Arc<ArcSwap<Settings>>,
        environment: Arc<dyn Environment>,
        router: Arc<dyn Router>,
        observer: Arc<dyn Observer>,
        reconnection_key: ReconnectionKey,
        carrier: Option<Arc<dyn Carrier>>,
    ) -> Vec<Self> {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::unbounded_channel()).unzip();
        let shared = Arc::new(Shared {
            settings,
            environment,
            router,
            observer,
            reconnection_key,
            carrier,
            connections: Arc::default(),
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
            environment: shared.environment.clone(),
            router: shared.router.clone(),
            application: application.clone(),
            observer: shared.observer.clone(),
            reconnection_key: shared.reconnection_key.clone(),
            carrier: shared.carrier.clone(),
            texts: Texts::default(),
            connections: shared.connections.clone(),
            arrivals: shared.arrivals.clone(),
        });
        let listener = tokio::net::TcpListener::from_std(parts.listener)?;
        let accepting = accept::Accepting {
            reception,
            fallback: Rc::new(parts.fallback),
            http_connections: shared.http_connections.clone(),
        };
        let accepted = tokio::task::spawn_local(accepting.run(listener, stop.clone()));
        let state = State::new(parts.index, shared, parts.exchange, application)?;
        state.run(self.arrivals, (stop, parts.released)).await?;
        accepted.abort();
        Ok(())
    }
}
