use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::handshake::Reception;
use crate::http::Channel;
use crate::lingering::linger;

/// Shakes hands with a client of TLS, within the time that a request head may take. `None` if it does not come to that; the client is told by an
/// alert where the protocol has one.
pub(crate) async fn accept(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    reception: &Reception,
    address: IpAddr,
) -> Option<(TlsStream<TcpStream>, Channel)> {
    let patience = Duration::from_millis(reception.settings.load().limits.header_timeout_ms);
    let accepting = TlsAcceptor::from(config).accept(stream).into_fallible();
    let accepted = tokio::time::timeout(patience, accepting).await;
    let (error, told) = match accepted {
        Ok(Ok(stream)) => {
            let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let channel = Channel::tls(address, certificates.iter().map(|certificate| certificate.as_ref()));
            return Some((stream, channel));
        }
        Ok(Err((error, stream))) => (error.to_string(), Some(stream)),
        Err(_) => ("the handshake took too long".to_owned(), None),
    };
    metrics::counter!("webpubsub_tls_handshake_errors_total").increment(1);
    tracing::debug!(error, "a TLS handshake has failed");
    if let Some(stream) = told {
        linger(stream, &reception.settings.load_full().limits).await;
    }
    None
}
