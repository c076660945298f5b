//! Opens client connections in batches.

use crate::clock::Clock;
use crate::scenario::Protocol;
use crate::tls;
use crate::upgrade::{self, Upgrades};
use crate::wire::Wire;
use anyhow::{Context, Result, ensure};
use socket2::{Domain, Socket, Type};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Stays below any usual listen backlog, whose overflow would cost a second per connection.
const BATCH: usize = 64;
/// Far below the 28,000 ports that an address usually has.
const PEERS_PER_ADDRESS: usize = 4000;
const BATCH_TIMEOUT_NS: u64 = 20_000_000_000;

/// One client connection to open.
pub(crate) struct Opening {
    /// Path and query.
    pub(crate) target: String,
    pub(crate) protocol: Protocol,
    /// A header line that asks for extensions, or nothing.
    pub(crate) extensions: &'static str,
    /// Whether it goes over TLS.
    pub(crate) tls: bool,
}

impl Opening {
    /// A client that asks for no extensions, without TLS.
    pub(crate) fn plain(target: String, protocol: Protocol) -> Self {
        Self { target, protocol, extensions: "", tls: false }
    }
}

/// Connects and upgrades one peer per opening, in order.
pub(crate) fn open_clients(wire: &mut Wire, host: &str, openings: &[Opening]) -> Result<()> {
    let address: SocketAddr = host.parse().with_context(|| format!("{host} is not an address"))?;
    let clock = Clock::start();
    for batch in openings.chunks(BATCH) {
        let mut upgrades = Upgrades { first: usize::MAX, waiting: Vec::new(), open: 0 };
        for opening in batch {
            let stream = connected(wire, address)?;
            let peer = if opening.tls { wire.add(tls::client(stream)?)? } else { wire.add(stream)? };
            upgrades.first = upgrades.first.min(peer);
            upgrades.waiting.push(Some(opening.protocol));
            let request = upgrade::request(host, &opening.target, opening.protocol, opening.extensions);
            wire.peer(peer).send(request.as_bytes())?;
        }
        let started_ns = clock.now_ns();
        while upgrades.open < batch.len() {
            wire.poll(&mut upgrades)?;
            ensure!(clock.now_ns() - started_ns < BATCH_TIMEOUT_NS, "no answer to an upgrade within 20 s");
        }
    }
    Ok(())
}

/// Connects one plain socket, as REST publishers use.
pub(crate) fn add(wire: &mut Wire, address: SocketAddr) -> Result<usize> {
    let stream = connected(wire, address)?;
    wire.add(stream)
}

fn connected(wire: &Wire, address: SocketAddr) -> Result<mio::net::TcpStream> {
    let socket = socket(wire.peers(), address)?;
    socket.connect(&address.into()).with_context(|| format!("cannot connect to {address}"))?;
    non_blocking(socket)
}

/// Begins to connect the socket of a peer, and does not wait.
pub(crate) fn begin(peer: usize, address: SocketAddr) -> Result<mio::net::TcpStream> {
    let stream = socket(peer, address)?;
    stream.set_nonblocking(true)?;
    match stream.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
            Err(error).with_context(|| format!("cannot connect to {address}"))
        }
        _ => non_blocking(stream),
    }
}

/// A socket with an address of its own for every few thousand peers. When half of an address's ports are taken, the kernel searches long for
/// another one, and the generator would measure that.
fn socket(peer: usize, address: SocketAddr) -> Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        let host = u8::try_from(2 + peer / PEERS_PER_ADDRESS).context("more peers than addresses")?;
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0)).into())?;
    }
    Ok(socket)
}

fn non_blocking(socket: Socket) -> Result<mio::net::TcpStream> {
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(mio::net::TcpStream::from_std(socket.into()))
}
