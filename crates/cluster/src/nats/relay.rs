//! Sockets whose sessions are on another node: what passes through them is carried, byte for byte, and nobody here looks into it.
//!
//! A client that comes back may be sent to any node. While the owner of its session lives, the node that accepted its socket is only a pipe:
//! the session, its window and its order stay where they are, so nothing has to be moved and nothing can be lost or doubled on the way. At the
//! owner the other end is a socket on the loopback interface, which its worker serves as any other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hubwire_protocol::{ConnectionId, HubName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::backlog::{Backlog, Item};
use super::decode;
use super::encode;
use super::mesh::RelayEvent;
use super::schema::{Content, RelayClose, RelayData, RelayOpen};

/// What may be on its way through one carried socket in each direction, in bytes: some fan-outs of a busy client.
const WINDOW_BYTES: usize = 256 << 10;
/// What one read takes from a carried socket at most, in bytes.
const READ_BYTES: usize = 16 << 10;

/// A client that came to another node, with the socket to it.
pub struct Resumption {
    /// Its hub.
    pub hub: HubName,
    /// Its connection, which this node owns.
    pub connection: ConnectionId,
    /// What it recovers with.
    pub reconnection_token: Box<str>,
    /// The socket. It is nonblocking.
    pub stream: std::net::TcpStream,
}

/// Takes such clients.
pub type Resume = Box<dyn Fn(Resumption) + Send + Sync>;

/// One end of a carried socket: the node at the other end, its number there, and whether the client's session is here.
type End = (u32, u64, bool);

/// The way into one end.
struct Pump {
    data: mpsc::UnboundedSender<Bytes>,
    credit: Arc<Semaphore>,
}

/// What one end reads and writes by.
struct Opened {
    /// What has come from the other end.
    arrived: mpsc::UnboundedReceiver<Bytes>,
    /// Bytes that the other end has room for.
    credit: Arc<Semaphore>,
}

/// All carried sockets of a node. Each is bounded by its window, and they by the connections that a node may have.
pub struct Relays {
    backlog: Arc<Backlog>,
    ends: Mutex<HashMap<End, Pump>>,
    numbers: AtomicU64,
}

impl Relays {
    pub(super) fn new(backlog: Arc<Backlog>) -> Self {
        Self { backlog, ends: Mutex::default(), numbers: AtomicU64::new(0) }
    }

    /// Whether a connection's session would be on another node.
    pub fn is_elsewhere(&self, hub: &HubName, connection: ConnectionId) -> bool {
        self.backlog.resolve_in(hub, connection.node()) != self.backlog.node
    }

    /// Carries a client's socket to the node of its session until one of them closes.
    pub async fn carry(
        self: Arc<Self>,
        (hub, connection): (HubName, ConnectionId),
        reconnection_token: Box<str>,
        stream: impl AsyncRead + AsyncWrite,
    ) {
        let node = self.backlog.resolve_in(&hub, connection.node());
        let (node, relay) = (node, self.numbers.fetch_add(1, Ordering::Relaxed));
        let open = RelayOpen {
            relay,
            hub: hub.as_str().to_owned(),
            connection: encode::connection(connection),
            reconnection_token: reconnection_token.into(),
        };
        let end = (node, relay, false);
        let opened = self.open(end);
        self.send(node, Content::RelayOpen(open));
        self.pump(end, opened, stream).await;
    }

    /// Takes in what another node says of a carried socket.
    pub(super) fn take(self: &Arc<Self>, node: u32, event: RelayEvent, resume: &Arc<Resume>) {
        match event {
            RelayEvent::Open(open) => {
                let (relays, resume) = (self.clone(), resume.clone());
                // At once, since what the client sends may be right behind.
                let opened = self.open((node, open.relay, true));
                tokio::spawn(async move { relays.accept(node, open, opened, &resume).await });
            }
            RelayEvent::Data(data) => {
                let ends = self.ends();
                if let Some(pump) = ends.get(&(node, data.relay, !data.to_client)) {
                    pump.credit.add_permits(data.credit_bytes as usize);
                    if !data.data.is_empty() {
                        // An end that is closing reads no more.
                        let _closing = pump.data.send(data.data);
                    }
                }
            }
            RelayEvent::Close(close) => drop(self.ends().remove(&(node, close.relay, !close.to_client))),
        }
    }

    /// A node is gone, and with it the other ends of its sockets.
    pub(super) fn forget(&self, node: u32) {
        self.ends().retain(|(other, ..), _| *other != node);
    }

    /// A client of a session here has come to another node.
    async fn accept(self: Arc<Self>, node: u32, open: RelayOpen, opened: Opened, resume: &Resume) {
        let relay = open.relay;
        let end = (node, relay, true);
        match self.loopback(open, resume).await {
            Ok(stream) => self.pump(end, opened, stream).await,
            Err(error) => {
                self.ends().remove(&end);
                tracing::warn!(error, "a socket that another node accepted cannot be taken");
                self.send(node, Content::RelayClose(RelayClose { relay, to_client: true }));
            }
        }
    }

    /// Makes the two ends of a socket, and has a worker serve one of them.
    async fn loopback(&self, open: RelayOpen, resume: &Resume) -> Result<TcpStream, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let hub = HubName::parse(&open.hub).map_err(|error| text(&error))?;
        let connection = decode::connection(&open.connection).map_err(|error| text(&error))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| text(&error))?;
        let address = listener.local_addr().map_err(|error| text(&error))?;
        let near = TcpStream::connect(address).await.map_err(|error| text(&error))?;
        let (far, from) = listener.accept().await.map_err(|error| text(&error))?;
        if near.local_addr().ok() != Some(from) {
            return Err("somebody else connected to the loopback socket".to_owned());
        }
        // Coalescing is done before.
        near.set_nodelay(true).map_err(|error| text(&error))?;
        let stream = far.into_std().map_err(|error| text(&error))?;
        resume(Resumption { hub, connection, reconnection_token: open.reconnection_token.into(), stream });
        Ok(near)
    }

    fn open(&self, end: End) -> Opened {
        let (data, arrived) = mpsc::unbounded_channel();
        let credit = Arc::new(Semaphore::new(WINDOW_BYTES));
        self.ends().insert(end, Pump { data, credit: credit.clone() });
        Opened { arrived, credit }
    }

    /// Carries bytes both ways until one end closes.
    async fn pump(self: Arc<Self>, end: End, opened: Opened, stream: impl AsyncRead + AsyncWrite) {
        let Opened { arrived, credit } = opened;
        metrics::gauge!("webpubsub_cluster_relays").increment(1.0);
        let (reader, writer) = tokio::io::split(stream);
        let (node, relay, owner) = end;
        let outward = self.read(end, reader, &credit);
        let inward = self.write(end, writer, arrived);
        // When the other side has closed, what it sent last has been written; when this side has, nobody reads what the other sends.
        tokio::select! {
            () = outward => {}
            () = inward => {}
        }
        self.ends().remove(&end);
        self.send(node, Content::RelayClose(RelayClose { relay, to_client: owner }));
        metrics::gauge!("webpubsub_cluster_relays").decrement(1.0);
    }

    async fn read(&self, end: End, mut reader: ReadHalf<impl AsyncRead>, credit: &Semaphore) {
        let (node, relay, owner) = end;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let data = match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => Bytes::copy_from_slice(&buffer[..read]),
            };
            // The semaphore is never closed.
            let Ok(permits) = credit.acquire_many(data.len() as u32).await else {
                return;
            };
            permits.forget();
            let data = RelayData { relay, to_client: owner, data, credit_bytes: 0 };
            self.send(node, Content::RelayData(data));
        }
    }

    async fn write(
        &self,
        end: End,
        mut writer: WriteHalf<impl AsyncWrite>,
        mut arrived: mpsc::UnboundedReceiver<Bytes>,
    ) {
        let (node, relay, owner) = end;
        while let Some(data) = arrived.recv().await {
            if writer.write_all(&data).await.is_err() {
                return;
            }
            let credit_bytes = data.len() as u32;
            let credit = RelayData { relay, to_client: owner, data: Bytes::new(), credit_bytes };
            self.send(node, Content::RelayData(credit));
        }
        // The end of the stream, and not a reset: the peer may still have to read what was written last.
        let _gone = writer.shutdown().await;
    }

    fn send(&self, node: u32, content: Content) {
        self.backlog.put(Item::Direct { node, frame: encode::frame(content) });
    }

    fn ends(&self) -> std::sync::MutexGuard<'_, HashMap<End, Pump>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
