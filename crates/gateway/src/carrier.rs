use std::net::TcpStream;
use std::sync::Arc;

use hubwire_protocol::{ConnectionId, HubName};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::Settings;
use crate::arrival::{Arrival, Purpose, Upgraded};
use crate::entrance::Wanted;
use crate::stream::Stream;
use crate::worker::Shared;

/// What a carried client sends and is sent, whatever protects it on its way to this process.
pub trait ClientStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ClientStream for S {}

/// A client that wants its session back, with its socket.
pub struct Comeback<S> {
    /// Its hub.
    pub hub: HubName,
    /// Its connection.
    pub connection: ConnectionId,
    /// What it recovers with; it has been verified.
    pub reconnection_token: Box<str>,
    /// Its socket, upgraded.
    pub stream: S,
}

/// Takes sockets to sessions that are not in this process.
pub trait Carrier: Send + Sync {
    /// Whether a connection's session would be elsewhere.
    fn is_elsewhere(&self, hub: &HubName, connection: ConnectionId) -> bool;

    /// Carries what passes through the client's socket to where its session is. `place`, its place among the connections of this process, is
    /// dropped when the socket has closed.
    fn carry(&self, comeback: Comeback<Box<dyn ClientStream>>, place: Box<dyn Send>);
}

/// The way in for sockets that others have accepted.
#[derive(Clone)]
pub struct Door(pub(crate) Arc<Shared>);

impl Door {
    /// Has a session of this process resumed on a socket, which is nonblocking. Its other end is closed if there is no room for it.
    pub fn resume(&self, comeback: Comeback<TcpStream>) {
        let settings: Arc<Settings> = self.0.settings.load_full();
        let Comeback { hub, connection: id, reconnection_token, stream } = comeback;
        // Its user and its address are counted where it was accepted.
        let wanted = Wanted { hub: &hub, address: None, recovers: true };
        let Ok(place) = self.0.census.take(&settings.limits, &wanted) else {
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a carried socket has ended before it was served");
            return;
        }
        let arrivals = &self.0.arrivals[usize::from(id.worker()) % self.0.arrivals.len()];
        let stream = Stream::Plain(mio::net::TcpStream::from_std(stream));
        // What comes through another node is not compressed: that node has not agreed to it.
        let upgraded = Upgraded { stream, early: Vec::new(), compression: None, place };
        let purpose = Purpose::Resume { hub, id, reconnection_token };
        // A worker that takes no arrivals has stopped, and its sessions with it.
        let _stopped = arrivals.send(Arrival::Socket { purpose, upgraded });
    }
}
