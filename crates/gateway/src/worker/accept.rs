use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::entrance::read_proxy_header;
use crate::handshake::Reception;
use crate::http::Channel;
use crate::lingering::{count_hasty_close, linger};
use crate::{Fallback, Settings, http, tls};

/// What accepts sockets and serves HTTP on them.
pub(super) struct Accepting<F> {
    pub(super) reception: Rc<Reception>,
    pub(super) fallback: Rc<F>,
    pub(super) http_connections: Arc<AtomicUsize>,
    /// Shared with every socket that has been turned away and has not been closed yet.
    pub(super) refused: Rc<()>,
}

/// How long to wait when the system has no descriptor left for a new socket: others must close first.
const ACCEPT_PAUSE_MS: u64 = 50;

/// Sockets without a place that one worker lets read why, at a time. Enough for a handful of confused clients; whoever floods the service is not owed
/// more.
const REFUSED_MAX: usize = 256;

/// What a socket over `http_connections_max` is told before it is closed.
const PROCESS_FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// What a socket over `http_connections_per_address_max` is told.
const ADDRESS_FULL: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// What a socket is told that may not come in.
const ADDRESS_REFUSED: &[u8] = b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

impl<F: Fallback> Accepting<F> {
    pub(super) async fn run(self, listener: TcpListener, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => self.serve(stream, peer),
                Err(error) => {
                    metrics::counter!("webpubsub_accept_errors_total").increment(1);
                    tracing::warn!(%error, "a socket cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let (settings, peer) = (self.reception.settings.load_full(), peer.ip().to_canonical());
        let limits = &settings.limits;
        // A proxy is judged by those for whom it speaks.
        let is_proxy = settings.addresses.trust(peer);
        if !is_proxy && !settings.addresses.admit(peer) {
            metrics::counter!("webpubsub_addresses_refused_total").increment(1);
            return self.refuse(settings, stream, ADDRESS_REFUSED);
        }
        if self.http_connections.load(Ordering::Relaxed) >= limits.http_connections_max {
            metrics::counter!("webpubsub_http_connections_refused_total", "limit" => "http_connections_max")
                .increment(1);
            return self.refuse(settings, stream, PROCESS_FULL);
        }
        let bound = limits.http_connections_per_address_max.filter(|_| !is_proxy);
        let of_address = bound.map(|bound| self.reception.census.take_http(peer, bound));
        if matches!(of_address, Some(None)) {
            metrics::counter!("webpubsub_http_connections_refused_total", "limit" => "http_connections_per_address_max")
                .increment(1);
            return self.refuse(settings, stream, ADDRESS_FULL);
        }
        let taken = (Taken::new(&self.http_connections), of_address);
        let (reception, fallback) = (self.reception.clone(), self.fallback.clone());
        tokio::task::spawn_local(async move {
            if let Some((stream, address)) = client(stream, peer, &settings).await {
                converse(stream, address, &settings, reception, fallback).await;
            }
            drop(taken);
        });
    }

    /// Turns a socket away that has no place among the HTTP connections, and gives its peer time to read why, if it is told at all and not too
    /// many others are just being turned away.
    fn refuse(&self, settings: Arc<Settings>, stream: TcpStream, refusal: &[u8]) {
        if !tell(&settings, &stream, refusal) {
            return;
        }
        if Rc::strong_count(&self.refused) > REFUSED_MAX {
            return count_hasty_close("refused");
        }
        let refused = self.refused.clone();
        tokio::task::spawn_local(async move {
            linger(stream, &settings.limits).await;
            drop(refused);
        });
    }
}

/// Tells a peer why it is not served, in plain HTTP if that is what it expects, and says whether it did. A new socket has room for a line; one that
/// has not is closed without it.
fn tell(settings: &Settings, stream: &TcpStream, refusal: &[u8]) -> bool {
    settings.tls.is_none() && stream.try_write(refusal).is_ok()
}

/// Finds out for whom a socket speaks, where its peer is a proxy that begins with that. `None` if it does not, or if its client may not come in.
async fn client(mut stream: TcpStream, peer: IpAddr, settings: &Settings) -> Option<(TcpStream, IpAddr)> {
    let addresses = &settings.addresses;
    if !addresses.proxy_protocol || !addresses.trust(peer) {
        return Some((stream, peer));
    }
    let patience = Duration::from_millis(settings.limits.header_timeout_ms);
    let error = match tokio::time::timeout(patience, read_proxy_header(&mut stream)).await {
        Ok(Ok(None)) => return Some((stream, peer)),
        Ok(Ok(Some(address))) if addresses.trust(address) || addresses.admit(address) => {
            return Some((stream, address));
        }
        Ok(Ok(Some(_))) => {
            metrics::counter!("webpubsub_addresses_refused_total").increment(1);
            if tell(settings, &stream, ADDRESS_REFUSED) {
                linger(stream, &settings.limits).await;
            }
            return None;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "its PROXY head did not arrive in time".to_owned(),
    };
    metrics::counter!("webpubsub_proxy_header_errors_total").increment(1);
    tracing::warn!(%peer, error, "a trusted proxy is not understood (setting addresses.proxy_protocol)");
    None
}

/// Serves one socket until it closes or is upgraded, with TLS where that is set.
async fn converse<F: Fallback>(
    stream: TcpStream,
    address: IpAddr,
    settings: &Settings,
    reception: Rc<Reception>,
    fallback: Rc<F>,
) {
    // Answers are small and should leave at once; a socket that refuses the option serves as well.
    let _slower = stream.set_nodelay(true);
    match settings.tls.clone() {
        None => http::serve(stream, Channel::plain(address), reception, fallback).await,
        Some(config) => {
            if let Some((stream, channel)) = tls::accept(stream, config, &reception, address).await {
                http::serve(stream, channel, reception, fallback).await;
            }
        }
    }
}

/// One place among the process's HTTP connections.
struct Taken(Arc<AtomicUsize>);

impl Taken {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
