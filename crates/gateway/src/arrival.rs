use hubwire_hub::Opening;
use hubwire_protocol::{ConnectionId, HubName};
use mio::net::TcpStream;

/// A socket that has been upgraded, on its way to the worker that will serve it.
pub(crate) struct Arrival {
    pub(crate) stream: TcpStream,
    /// What the client sent right behind its handshake.
    pub(crate) early: Vec<u8>,
    pub(crate) purpose: Purpose,
    pub(crate) permit: ConnectionPermit,
}

pub(crate) enum Purpose {
    /// Begin a connection.
    Open(Box<Opening>),
    /// Go on with a session that this worker owns.
    Resume { hub: HubName, id: ConnectionId },
}

/// One place among the process's WebSocket connections, given back when dropped.
pub(crate) struct ConnectionPermit(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl ConnectionPermit {
    /// Takes a place, if fewer than `connections_max` are taken.
    pub(crate) fn take(
        taken: &std::sync::Arc<std::sync::atomic::AtomicUsize>,
        connections_max: usize,
    ) -> Option<Self> {
        use std::sync::atomic::Ordering::Relaxed;
        let below = |count: usize| (count < connections_max).then_some(count + 1);
        taken.fetch_update(Relaxed, Relaxed, below).ok().map(|_| Self(taken.clone()))
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}
