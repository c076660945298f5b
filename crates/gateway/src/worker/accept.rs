use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::handshake::Reception;
use crate::http::Channel;
use crate::{Fallback, http, tls};

/// What accepts sockets and serves HTTP on them.
pub(super) struct Accepting<F> {
    pub(super) reception: Rc<Reception>,
    pub(super) fallback: Rc<F>,
    pub(super) http_connections: Arc<AtomicUsize>,
}

/// How long to wait when the system has no descriptor left for a new socket: others must close first.
const ACCEPT_PAUSE_MS: u64 = 50;

/// What a socket over the bound is told before it is closed.
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

impl<F: Fallback> Accepting<F> {
    pub(super) async fn run(self, listener: TcpListener, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => self.serve(stream),
                Err(error) => {
                    metrics::counter!("webpubsub_accept_errors_total").increment(1);
                    tracing::warn!(%error, "a socket cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream) {
        let http_connections_max = self.reception.settings.load().limits.http_connections_max;
        if self.http_connections.load(Ordering::Relaxed) >= http_connections_max {
            metrics::counter!("webpubsub_http_connections_refused_total").increment(1);
            // A new socket has room for a line; one that has not is closed without it.
            let _told = stream.try_write(REFUSAL);
            return;
        }
        let taken = Taken::new(&self.http_connections);
        let (reception, fallback) = (self.reception.clone(), self.fallback.clone());
        tokio::task::spawn_local(async move {
            // Answers are small and should leave at once; a socket that refuses the option serves as well.
            let _slower = stream.set_nodelay(true);
            let tls = reception.settings.load().tls.clone();
            match tls {
                None => http::serve(stream, Channel::plain(), reception, fallback).await,
                Some(config) => {
                    if let Some((stream, channel)) = tls::accept(stream, config, &reception).await {
                        http::serve(stream, channel, reception, fallback).await;
                    }
                }
            }
            drop(taken);
        });
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
