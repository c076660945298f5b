//! TLS of the generator and of the reference, with a certificate that is good for nothing but this.

use crate::home;
use crate::socket::Socket;
use anyhow::{Context, Result};
use mio::net::TcpStream;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The certificate's file, for 127.0.0.1.
pub(crate) fn certificate_file() -> PathBuf {
    home::folder().join("tls/certificate.pem")
}

/// Its key's, which everybody knows.
pub(crate) fn private_key_file() -> PathBuf {
    home::folder().join("tls/key.pem")
}

/// The generator's end of a socket to a server with that certificate.
pub(crate) fn client(stream: TcpStream) -> Result<Socket> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = match CONFIG.get() {
        Some(config) => config,
        None => {
            let config = Arc::new(client_config()?);
            CONFIG.get_or_init(|| config)
        }
    };
    let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
    let connection = ClientConnection::new(config.clone(), name)?;
    Ok(Socket::Tls(Box::new(StreamOwned::new(connection, stream))))
}

fn client_config() -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate()?)?;
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// What the reference accepts sockets with: rustls as it comes, like the service's.
pub(crate) fn server_config() -> Result<Arc<ServerConfig>> {
    let file = private_key_file();
    let key = PrivateKeyDer::from_pem_file(&file).with_context(|| format!("{} is no key", file.display()))?;
    let builder = ServerConfig::builder().with_no_client_auth();
    Ok(Arc::new(builder.with_single_cert(vec![certificate()?], key)?))
}

/// The reference's end of an accepted socket.
pub(crate) fn server(stream: TcpStream, config: Arc<ServerConfig>) -> Result<Socket> {
    let connection = ServerConnection::new(config)?;
    Ok(Socket::Serving(Box::new(StreamOwned::new(connection, stream))))
}

fn certificate() -> Result<CertificateDer<'static>> {
    let file = certificate_file();
    CertificateDer::from_pem_file(&file).with_context(|| format!("{} is no certificate", file.display()))
}
