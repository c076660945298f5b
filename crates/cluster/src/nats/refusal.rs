//! Which settings are to be looked at when a node and NATS do not come together.

use std::error::Error as _;
use std::io;
use std::path::Path;

use async_nats::rustls::pki_types::pem::{self, PemObject};
use async_nats::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use async_nats::rustls::{self, CertificateError};
use async_nats::{ConnectError, ConnectErrorKind};

use super::error::Error;
use super::settings::{Auth, Settings, Tls};

const OWN_CERTIFICATE: &str = "`cluster.tls_certificate` and `cluster.tls_private_key`";

/// Looks into the files that TLS needs. The NATS client would do without a certificate if there is none in its file, and say of none of them
/// which it was.
pub(super) fn check_files(tls: &Tls) -> Result<(), Error> {
    if let Some(ca) = &tls.ca {
        check(ca, "cluster.tls_ca", certificates)?;
    }
    if let Some((certificate, key)) = &tls.client {
        check(certificate, "cluster.tls_certificate", certificates)?;
        check(key, "cluster.tls_private_key", |path| PrivateKeyDer::from_pem_file(path).map(drop))?;
    }
    Ok(())
}

fn certificates(path: &Path) -> Result<(), pem::Error> {
    let mut found = 0;
    for certificate in CertificateDer::pem_file_iter(path)? {
        certificate?;
        found += 1;
    }
    if found == 0 { Err(pem::Error::NoItemsFound) } else { Ok(()) }
}

fn check(
    path: &Path,
    setting: &'static str,
    read: impl FnOnce(&Path) -> Result<(), pem::Error>,
) -> Result<(), Error> {
    read(path).map_err(|error| {
        let problem = match error {
            pem::Error::Io(error) => error.to_string(),
            // Others could repeat a part of a key.
            _ => "there is none in it that can be read; the form is PEM".to_owned(),
        };
        Error::File { setting, path: path.to_owned(), problem }
    })
}

/// What the client's error means for whoever wrote the settings.
pub(super) fn explain(settings: &Settings, error: &ConnectError) -> Error {
    let (servers, problem) = (settings.servers.join(", "), error.to_string());
    match settings_at_fault(settings, error) {
        Some(settings) => Error::Refused { servers, settings, problem },
        None => Error::Connect { servers, problem },
    }
}

fn settings_at_fault(settings: &Settings, error: &ConnectError) -> Option<&'static str> {
    let own = settings.tls.client.is_some();
    match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            return Some(by_auth(&settings.auth));
        }
        // The files themselves are in order: they have been looked into.
        ConnectErrorKind::Tls if own => return Some(OWN_CERTIFICATE),
        ConnectErrorKind::Tls => return Some("`cluster.tls_ca`"),
        _ => {}
    }
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => Some(
            "`cluster.nats`, which names the server by none of its certificate's names, and `cluster.tls_ca`",
        ),
        Some(rustls::Error::InvalidCertificate(_)) => Some("`cluster.tls_ca`"),
        Some(_) if own => Some(OWN_CERTIFICATE),
        Some(_) => Some("`cluster.tls_certificate` and `cluster.tls_private_key`, which are not set"),
        // A server that does not want a certificate may have closed before its reason was read.
        None if uses_tls(settings) && has_hung_up(error) => Some(
            "`cluster.tls_certificate` and `cluster.tls_private_key`, if the server wants to know this node by its certificate",
        ),
        None => None,
    }
}

fn by_auth(auth: &Auth) -> &'static str {
    match auth {
        Auth::None => {
            "what lets it in: none of `cluster.user` with `cluster.password`, `cluster.token`, `cluster.nkey` and `cluster.credentials` is set"
        }
        Auth::Password(..) => "`cluster.user` and `cluster.password`",
        Auth::Token(_) => "`cluster.token`",
        Auth::Nkey(_) => "`cluster.nkey`",
        Auth::Credentials(_) => "`cluster.credentials`",
    }
}

fn uses_tls(settings: &Settings) -> bool {
    settings.tls != Tls::default() || settings.servers.iter().any(|server| server.starts_with("tls:"))
}

/// The error of TLS that is at the bottom of the client's.
fn tls_error(error: &ConnectError) -> Option<&rustls::Error> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        // The source of an input or output error is that of the error in it, which would be left out.
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

/// Whether the server was there, and went without a word.
fn has_hung_up(error: &ConnectError) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let kind = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    match kind {
        Some(kind) => matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof),
        None => error.kind() == ConnectErrorKind::Io,
    }
}
