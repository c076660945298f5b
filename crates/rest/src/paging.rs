use hubwire_protocol::{ConnectionId, GroupName, HubName};
use jsonwebtoken::crypto::{sign, verify};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use crate::error::Error;

/// Makes and reads continuation tokens: the id of the last member that a page showed, and a signature.
///
/// A token is bound to its hub and group. It is valid on every worker and node that has the same key, and after a restart. It consists of
/// `A-Z a-z 0-9 - _` alone, because a known client escapes the query of a link once more.
pub(crate) struct Paging {
    signing: EncodingKey,
    checking: DecodingKey,
}

/// The parameter that carries a token.
pub(crate) const PARAMETER: &str = "continuationToken";

/// Keeps these signatures apart from any others that the same key might ever make.
const PURPOSE: &str = "hubwire list members";

impl Paging {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { signing: EncodingKey::from_secret(key), checking: DecodingKey::from_secret(key) }
    }

    /// A token for the members after one.
    pub(crate) fn issue(
        &self,
        hub: &HubName,
        group: &GroupName,
        after: ConnectionId,
    ) -> Result<String, Error> {
        let signature = sign(&signed(hub, group, after), &self.signing, Algorithm::HS256)
            .map_err(|_| Error::Internal("the continuation token could not be signed"))?;
        Ok(format!("{after}{signature}"))
    }

    /// Reads a token back.
    ///
    /// # Errors
    /// [`Error::Parameter`] if it was altered, or belongs to another hub, group or service.
    pub(crate) fn read(&self, hub: &HubName, group: &GroupName, token: &str) -> Result<ConnectionId, Error> {
        let (id, signature) = token.split_at_checked(ConnectionId::TEXT_LENGTH).unwrap_or_default();
        let after = ConnectionId::parse(id).ok_or(Error::Parameter(PARAMETER))?;
        match verify(signature, &signed(hub, group, after), &self.checking, Algorithm::HS256) {
            Ok(true) => Ok(after),
            _ => Err(Error::Parameter(PARAMETER)),
        }
    }
}

/// A hub's name has no line break and an id has a fixed length, so different places never give the same text.
fn signed(hub: &HubName, group: &GroupName, after: ConnectionId) -> Vec<u8> {
    format!("{PURPOSE}\n{hub}\n{group}\n{after}").into_bytes()
}
