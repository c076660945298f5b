use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::handshake::Reception;
use crate::http::Channel;

/// Shakes hands with a client of TLS, within the time that a request head may take. `None` if it does not come to that; the client is told by an
/// alert where the protocol has one.
pub(crate) async fn accept(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    reception: &Reception,
    address: IpAddr,
) -> Option<(TlsStream<TcpStream>, Channel)> {
    let patience = Duration::from_millis(reception.settings.load().limits.header_timeout_ms);
    let accepted = tokio::time::timeout(patience, TlsAcceptor::from(config).accept(stream)).await;
    let error = match accepted {
        Ok(Ok(stream)) => {
            let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let channel = Channel::tls(address, certificates.iter().map(|certificate| certificate.as_ref()));
            return Some((stream, channel));
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the handshake took too long".to_owned(),
    };
    metrics::counter!("webpubsub_tls_handshake_errors_total").increment(1);
    tracing::debug!(error, "a TLS handshake has failed");
    None
}
