use std::net::TcpStream;
use std::sync::Arc;

use hubwire_protocol::{ConnectionId, HubName};

use crate::Settings;
use crate::arrival::{Arrival, ConnectionPermit, Purpose, Upgraded};
use crate::worker::Shared;

/// A client that wants its session back, with its socket.
pub struct Comeback {
    /// Its hub.
    pub hub: HubName,
    /// Its connection.
    pub connection: ConnectionId,
    /// What it recovers with; it has been verified.
    pub reconnection_token: Box<str>,
    /// Its socket, upgraded and nonblocking.
    pub stream: TcpStream,
    /// What it has sent behind its handshake.
    pub early: Vec<u8>,
}

/// Takes sockets to sessions that are not in this process.
pub trait Carrier: Send + Sync {
    /// Whether a connection's session would be elsewhere.
    fn is_elsewhere(&self, connection: ConnectionId) -> bool;

    /// Carries what passes through the client's socket to where its session is. `place`, its place among the connections of this process, is
    /// dropped when the socket has closed.
    fn carry(&self, comeback: Comeback, place: Box<dyn Send>);
}

/// The way in for sockets that others have accepted.
#[derive(Clone)]
pub struct Door(pub(crate) Arc<Shared>);

impl Door {
    /// Has a session of this process resumed on a socket. Its other end is closed if there is no room for it.
    pub fn resume(&self, comeback: Comeback) {
        let settings: Arc<Settings> = self.0.settings.load_full();
        let Some(permit) = ConnectionPermit::take(&self.0.connections, settings.limits.connections_max)
        else {
            metrics::counter!("webpubsub_connections_refused_total").increment(1);
            return;
        };
        let Comeback { hub, connection: id, reconnection_token, stream, early } = comeback;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a carried socket has ended before it was served");
            return;
        }
        let arrivals = &self.0.arrivals[usize::from(id.worker()) % self.0.arrivals.len()];
        let upgraded = Upgraded { stream: mio::net::TcpStream::from_std(stream), early, permit };
        let purpose = Purpose::Resume { hub, id, reconnection_token };
        // A worker that takes no arrivals has stopped, and its sessions with it.
        let _stopped = arrivals.send(Arrival::Socket { purpose, upgraded });
    }
}
