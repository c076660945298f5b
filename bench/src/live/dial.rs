//! Finds an endpoint and opens sockets to it.

use super::load::Load;
use crate::scenario::Protocol;
use crate::socket::Socket;
use crate::token::Address;
use crate::upgrade::{self, Refused, Upgrades};
use crate::wire::Wire;
use anyhow::{Context, Result, bail, ensure};
use hyper_rustls::ConfigBuilderExt;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Stays below any usual listen backlog, whose overflow would cost a second per connection.
const BATCH: usize = 64;
/// How long a batch may take to connect, agree on TLS and upgrade.
const BATCH_TIMEOUT_NS: u64 = 30_000_000_000;
const PATIENCE: Duration = Duration::from_millis(20);

/// Opens sockets to one endpoint.
pub(super) struct Dialer {
    endpoint: String,
    address: SocketAddr,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Dialer {
    pub(super) fn new(load: &Load) -> Result<Self> {
        let endpoint = format!("{}://{}", if load.secure { "https" } else { "http" }, load.authority);
        let (host, port) = host_and_port(&load.authority, load.secure);
        let mut addresses = (host, port)
            .to_socket_addrs()
            .with_context(|| format!("the name {host} of {endpoint} cannot be found"))?;
        let address = addresses.next().with_context(|| format!("the name {host} has no address"))?;
        let tls = if load.secure { Some((tls_config()?, server_name(host)?)) } else { None };
        Ok(Self { endpoint, address, tls })
    }

    /// Whether the service is on this machine, where a generator that sleeps would have to be woken at the service's cost.
    pub(super) fn is_near(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// A socket that connects, and then agrees on TLS, while it is polled.
    pub(super) fn dial(&self) -> Result<Socket> {
        let stream = mio::net::TcpStream::connect(self.address)
            .with_context(|| format!("cannot connect to {}", self.endpoint))?;
        stream.set_nodelay(true)?;
        let Some((config, name)) = &self.tls else { return Ok(Socket::Plain(stream)) };
        let connection = ClientConnection::new(config.clone(), name.clone())?;
        Ok(Socket::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Connects and upgrades one client for each target, in order.
    pub(super) fn open(
        &self,
        wire: &mut Wire,
        address: &Address,
        clients: &[(String, Protocol)],
        stop: &AtomicBool,
    ) -> Result<()> {
        let clock = crate::clock::Clock::start();
        for (index, batch) in clients.chunks(BATCH).enumerate() {
            let (first, start_ns) = (index * BATCH, clock.now_ns());
            let mut upgrades = Upgrades { first, waiting: Vec::new(), open: 0 };
            for (target, protocol) in batch {
                let peer = wire.add(self.dial()?)?;
                let request = upgrade::request(&address.authority, target, *protocol, "");
                wire.peer(peer).queue(request.as_bytes());
                upgrades.waiting.push(Some(*protocol));
            }
            while upgrades.open < batch.len() {
                let polled = wire.poll_for(&mut upgrades, PATIENCE);
                polled.map_err(|error| self.explain(error, first + upgrades.open, clients.len()))?;
                ensure!(!stop.load(Ordering::Relaxed), "stopped before all clients were connected");
                ensure!(
                    clock.now_ns() - start_ns < BATCH_TIMEOUT_NS,
                    "{} did not connect {} of {} clients within 30 s",
                    self.endpoint,
                    batch.len() - upgrades.open,
                    clients.len()
                );
            }
        }
        Ok(())
    }

    /// Says what to look at when a client is not let in.
    fn explain(&self, error: anyhow::Error, open: usize, clients: usize) -> anyhow::Error {
        let status = error.downcast_ref::<Refused>().and_then(|refused| refused.status);
        let refused = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let hint = match status {
            Some(401 | 403) => "does the access key of the connection string belong to this endpoint?",
            Some(404) => "is the hub's name right, and is this the service itself?",
            Some(429 | 503) => "the service takes no more connections now; ask for fewer subscribers",
            None if refused == Some(std::io::ErrorKind::ConnectionRefused) => "is the service running?",
            None if refused == Some(std::io::ErrorKind::InvalidData) => {
                "is its certificate trusted here? SSL_CERT_FILE names a file with its root"
            }
            _ => {
                return error
                    .context(format!("{}: {open} of {clients} clients were connected", self.endpoint));
            }
        };
        error.context(format!("{}: {open} of {clients} clients were connected; {hint}", self.endpoint))
    }
}

/// The host without brackets, and the port.
fn host_and_port(authority: &str, secure: bool) -> (&str, u16) {
    let usual = if secure { 443 } else { 80 };
    let split = authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = split.unwrap_or((authority, usual));
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

fn server_name(host: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(host.to_owned()).with_context(|| format!("{host} is no name that TLS can check"))
}

/// Trusts the system's root certificates; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
fn tls_config() -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let Ok(builder) = builder.with_native_roots() else {
        bail!("this system has no root certificates; SSL_CERT_FILE names a file with some");
    };
    Ok(Arc::new(builder.with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_the_schemes_own_unless_it_is_named() {
        assert_eq!(host_and_port("example.com", true), ("example.com", 443));
        assert_eq!(host_and_port("example.com:8080", false), ("example.com", 8080));
        assert_eq!(host_and_port("[::1]:80", true), ("::1", 80));
        assert_eq!(host_and_port("[::1]", false), ("::1", 80));
    }
}
