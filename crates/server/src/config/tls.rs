use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use toml::Spanned;

use super::error::ConfigError;
use super::file::{File, TlsTable};

/// What TLS speaks inside: HTTP/2 for whoever asks for it, else HTTP/1.1.
const APPLICATION_PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// TLS as the table `[tls]` has it, and the files that it was made from.
#[derive(Debug, Clone)]
pub struct Tls {
    /// For the handshakes of clients and applications.
    pub server: Arc<ServerConfig>,
    /// The files whose change is put in force.
    pub files: Vec<PathBuf>,
}

/// Reads certificate, key and authorities. None of them leaves this function but inside of what TLS is made from.
pub(super) fn tls(file: &File) -> Result<Option<Tls>, ConfigError> {
    let TlsTable { certificate, private_key, client_ca, require_client_certificate } = &file.table.tls;
    let (certificate, private_key) = match (certificate, private_key) {
        (None, None) => {
            return match client_ca {
                Some(client_ca) => Err(wrong(file, "client_ca", client_ca, "there is no `tls.certificate`")),
                None => Ok(None),
            };
        }
        (Some(given), None) => {
            return Err(wrong(file, "certificate", given, "there is no `tls.private_key`"));
        }
        (None, Some(given)) => {
            return Err(wrong(file, "private_key", given, "there is no `tls.certificate`"));
        }
        (Some(certificate), Some(private_key)) => (certificate, private_key),
    };
    let chain = certificates(file, "certificate", certificate)?;
    let key = PrivateKeyDer::from_pem_file(private_key.get_ref()).map_err(|error| {
        wrong(file, "private_key", private_key, &unreadable(private_key.get_ref(), &error))
    })?;
    let builder = ServerConfig::builder();
    let builder = match client_ca {
        None if *require_client_certificate => {
            let problem = "`tls.require_client_certificate` needs `tls.client_ca`, to check them with";
            return Err(wrong(file, "certificate", certificate, problem));
        }
        None => builder.with_no_client_auth(),
        Some(client_ca) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(file, "client_ca", client_ca)? {
                roots
                    .add(authority)
                    .map_err(|error| wrong(file, "client_ca", client_ca, &error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder(roots.into());
            let verifier =
                if *require_client_certificate { verifier } else { verifier.allow_unauthenticated() };
            builder.with_client_cert_verifier(
                verifier.build().map_err(|error| wrong(file, "client_ca", client_ca, &error.to_string()))?,
            )
        }
    };
    let mut server = builder.with_single_cert(chain, key).map_err(|error| {
        let problem = format!("certificate and `tls.private_key` do not make TLS: {error}");
        wrong(file, "certificate", certificate, &problem)
    })?;
    server.alpn_protocols = APPLICATION_PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    let files = [Some(certificate), Some(private_key), client_ca.as_ref()];
    let files = files.into_iter().flatten().map(|path| path.get_ref().clone()).collect();
    Ok(Some(Tls { server: Arc::new(server), files }))
}

fn certificates(
    file: &File,
    setting: &str,
    path: &Spanned<PathBuf>,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let unread = |error: PemError| wrong(file, setting, path, &unreadable(path.get_ref(), &error));
    let chain: Vec<_> = CertificateDer::pem_file_iter(path.get_ref())
        .map_err(unread)?
        .collect::<Result<_, _>>()
        .map_err(unread)?;
    if chain.is_empty() {
        let problem = format!("{} holds no certificate in PEM form", path.get_ref().display());
        return Err(wrong(file, setting, path, &problem));
    }
    Ok(chain)
}

/// Says what is wrong with a file, and nothing of what is in it.
fn unreadable(path: &Path, error: &PemError) -> String {
    match error {
        PemError::Io(error) => format!("{} cannot be read: {error}", path.display()),
        PemError::NoItemsFound => format!("{} holds nothing of the kind in PEM form", path.display()),
        _ => format!("{} is not in PEM form", path.display()),
    }
}

fn wrong(file: &File, setting: &str, given: &Spanned<PathBuf>, problem: &str) -> ConfigError {
    ConfigError {
        source: file.source_at(given.span().start),
        setting: format!("tls.{setting}"),
        problem: problem.to_owned(),
    }
}
