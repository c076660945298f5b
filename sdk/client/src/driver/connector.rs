//! From a URL to an open WebSocket: TCP, TLS, upgrade.

use std::{io, sync::Arc};

use http::{HeaderValue, Uri, header::SEC_WEBSOCKET_PROTOCOL};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_websockets::{ClientBuilder, Limits, WebSocketStream};
use url::{Host, Url};

use crate::{
    error::{Error, Result},
    session::Target,
};

/// The largest message that is read. The service's own limit is 1 MiB, but can be set.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Either a TCP or a TLS stream.
pub(super) type Transport = Box<dyn Io>;

pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens sockets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connector {
    tls: Option<Arc<ClientConfig>>,
}

impl Connector {
    pub(crate) fn new(tls: Option<Arc<ClientConfig>>) -> Self {
        Self { tls }
    }

    pub(super) async fn open(&mut self, url: &Url, protocol: &str) -> Result<WebSocketStream<Transport>> {
        let transport = self.connect(url).await?;
        // The parser of the upgrade takes no more than it needs of the URL, and the URL was checked before.
        let uri: Uri = url.as_str().parse().map_err(|_| invalid_url("it cannot be requested over HTTP"))?;
        let protocol = HeaderValue::from_str(protocol)
            .map_err(|_| Error::InvalidArgument("the subprotocol's name is no HTTP token".to_owned()))?;
        let upgrade = ClientBuilder::from_uri(uri)
            .limits(Limits::default().max_payload_len(Some(MESSAGE_BYTES_MAX)))
            .add_header(SEC_WEBSOCKET_PROTOCOL, protocol)
            .map_err(upgrade_error)?;
        let (stream, _) = upgrade.connect_on(transport).await.map_err(upgrade_error)?;
        Ok(stream)
    }

    async fn connect(&mut self, url: &Url) -> Result<Transport> {
        let host = url.host().ok_or_else(|| invalid_url("it has no host"))?;
        let port = url.port_or_known_default().unwrap_or(80);
        let tcp = match &host {
            Host::Domain(domain) => TcpStream::connect((*domain, port)).await,
            Host::Ipv4(address) => TcpStream::connect((*address, port)).await,
            Host::Ipv6(address) => TcpStream::connect((*address, port)).await,
        };
        let tcp = tcp.map_err(|error| Error::connect(format!("{host}:{port}: {error}")))?;
        // Messages are small and wait for nobody; what can be coalesced already is.
        tcp.set_nodelay(true).map_err(|error| Error::connect(error.to_string()))?;
        if url.scheme() == "ws" {
            return Ok(Box::new(tcp));
        }
        let name = match host {
            Host::Domain(domain) => ServerName::try_from(domain.to_owned())
                .map_err(|_| invalid_url("its host is no name that a certificate can have"))?,
            Host::Ipv4(address) => ServerName::from(std::net::IpAddr::V4(address)),
            Host::Ipv6(address) => ServerName::from(std::net::IpAddr::V6(address)),
        };
        let tls = TlsConnector::from(self.tls()?);
        let stream = tls.connect(name, tcp).await.map_err(|error| Error::connect(format!("TLS: {error}")))?;
        Ok(Box::new(stream))
    }

    /// The TLS configuration, made when it is first needed: the platform's certificates, aws-lc.
    fn tls(&mut self) -> Result<Arc<ClientConfig>> {
        if let Some(tls) = &self.tls {
            return Ok(tls.clone());
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(Error::connect("TLS: the platform has no root certificates"));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::connect(format!("TLS: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(self.tls.insert(Arc::new(config)).clone())
    }
}

/// The URL of a session. A recovery keeps the query, token and all, as the official clients do.
pub(super) fn session_url(url: &str, target: &Target) -> Result<Url> {
    let mut url = Url::parse(url).map_err(|error| invalid_url(&error.to_string()))?;
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(invalid_url("its scheme is neither ws nor wss"));
    }
    url.set_fragment(None);
    if let Target::Recovery { connection_id, reconnection_token } = target {
        url.query_pairs_mut()
            .append_pair("awps_connection_id", connection_id)
            .append_pair("awps_reconnection_token", reconnection_token);
    }
    Ok(url)
}

fn invalid_url(reason: &str) -> Error {
    Error::InvalidArgument(format!("the client access URL is not valid: {reason}"))
}

fn upgrade_error(error: tokio_websockets::Error) -> Error {
    use tokio_websockets::{Error as E, upgrade::Error as U};
    match error {
        E::Upgrade(U::DidNotSwitchProtocols(status)) => Error::Connect {
            reason: format!("the service answered the handshake with status {status}"),
            status: Some(status),
        },
        E::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Error::connect("the connection ended during the handshake")
        }
        other => Error::connect(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "wss://host/client/hubs/chat?access_token=secret";

    #[test]
    fn a_recovery_adds_two_parameters_to_the_url() {
        let target =
            Target::Recovery { connection_id: "c 1".to_owned(), reconnection_token: "to.k+en".to_owned() };
        let url = session_url(URL, &target).expect("it is valid");
        let wanted = format!("{URL}&awps_connection_id=c+1&awps_reconnection_token=to.k%2Ben");
        assert_eq!(url.as_str(), wanted);
        assert_eq!(session_url(URL, &Target::New).expect("it is valid").as_str(), URL);
    }

    #[test]
    fn only_websocket_urls_are_taken_and_no_token_is_shown_in_the_error() {
        for bad in ["https://host/?access_token=secret", "secret", "ws://?access_token=secret"] {
            let error = session_url(bad, &Target::New).expect_err("it is not valid");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }
}
