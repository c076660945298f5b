//! A service behind TLS.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use webpubsub_client::{Client, Error, State};

use crate::{
    next_group_message,
    server::{Server, impatient},
};

const AUTHORITY: &[u8] = include_bytes!("authority-for-tests-only.pem");
const LOCALHOST: &[u8] = include_bytes!("localhost-for-tests-only.pem");

/// Ends TLS in front of a service, as a reverse proxy does.
struct Terminator {
    port: u16,
    task: JoinHandle<()>,
}

impl Terminator {
    async fn start(service: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let acceptor = TlsAcceptor::from(Arc::new(server_config()));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, service) = (acceptor.clone(), service.clone());
                tokio::spawn(async move {
                    // A client that does not trust the certificate ends the handshake.
                    let Ok(mut client) = acceptor.accept(socket).await else { return };
                    let mut service = TcpStream::connect(service).await.expect("the service is there");
                    // Either side may go away as it likes.
                    _ = copy_bidirectional(&mut client, &mut service).await;
                });
            }
        });
        Self { port, task }
    }

    /// The address by which the service is called in tokens and in the certificate, or another one of the same machine.
    fn url(&self, server: &Server, host: &str) -> String {
        server.url_via("alice", &format!("{host}:{}", self.port)).replacen("ws://", "wss://", 1)
    }
}

impl Drop for Terminator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn server_config() -> ServerConfig {
    let chain = vec![CertificateDer::from_pem_slice(LOCALHOST).expect("it has a certificate")];
    let key = PrivateKeyDer::from_pem_slice(LOCALHOST).expect("it has a key");
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key is that of the certificate")
}

/// Trusts the tests' authority and no other.
fn client_config() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(AUTHORITY).expect("it has a certificate");
    roots.add(authority).expect("it is an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

#[tokio::test]
async fn a_client_talks_over_tls_to_a_service_whose_certificate_it_trusts() {
    let server = Server::start();
    let terminator = Terminator::start(server.address()).await;
    let url = terminator.url(&server, "localhost");
    let client = impatient(Client::builder(url)).tls(client_config()).build();
    let mut events = client.events();
    client.start().await.expect("the certificate is good");
    client.join_group("g").await.expect("it may join");
    // More than one TLS record has.
    let text = "x".repeat(100_000);
    client.send_to_group("g", text.as_str()).await.expect("it may send");
    assert_eq!(next_group_message(&mut events).await.data.as_text(), Some(&*text));
    client.stop().await;
    assert_eq!(client.state(), State::Stopped);
}

async fn refusal(client: Client) -> String {
    let error = client.start().await.expect_err("the certificate is not good");
    let Error::Connect { reason, status: None } = error else { panic!("{error:?}") };
    assert!(reason.starts_with("TLS: "), "{reason}");
    reason
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Server::start();
    let terminator = Terminator::start(server.address()).await;
    let url = terminator.url(&server, "127.0.0.1");
    let reason = refusal(Client::builder(url).tls(client_config()).build()).await;
    assert!(reason.contains("not valid for name"), "{reason}");
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_the_platform_does_not_know_is_refused() {
    let server = Server::start();
    let terminator = Terminator::start(server.address()).await;
    let reason = refusal(Client::new(terminator.url(&server, "localhost"))).await;
    // A platform may have no certificates at all.
    assert!(reason.contains("UnknownIssuer") || reason.contains("no root certificates"), "{reason}");
}
