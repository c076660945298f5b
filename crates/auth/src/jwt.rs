use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, crypto};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::TokenError;
use crate::verify::TOKEN_BYTES_MAX;

/// What of a header decides how the signature is checked.
#[derive(Deserialize)]
pub(crate) struct SignatureHeader {
    pub(crate) alg: Option<String>,
    /// Names a key of an issuer. Of tokens that an access key signs it is ignored, as by the service.
    #[serde(default)]
    pub(crate) kid: Value,
    crit: Option<Value>,
}

/// A token, read as far as its signature needs it.
pub(crate) struct Parts<'t> {
    pub(crate) header: SignatureHeader,
    payload: &'t str,
    /// What is signed.
    pub(crate) message: &'t str,
    pub(crate) signature: &'t str,
}

impl<'t> Parts<'t> {
    pub(crate) fn read(token: &'t str) -> Result<Self, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLarge);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let header: SignatureHeader =
            serde_json::from_slice(&decoded(header)?).map_err(|_| TokenError::Malformed)?;
        if header.crit.is_some() {
            // RFC 7515 §4.1.11: an extension that is marked critical and not understood makes the token invalid.
            return Err(TokenError::Malformed);
        }
        Ok(Self { header, payload, message, signature })
    }

    /// The payload's JSON object. Nothing in it counts before the signature has been checked.
    pub(crate) fn claims(&self) -> Result<serde_json::Map<String, Value>, TokenError> {
        serde_json::from_slice(&decoded(self.payload)?).map_err(|_| TokenError::Malformed)
    }
}

/// Checks that one of the keys signed the token, and yields the payload's JSON object.
///
/// The algorithm comes from a fixed list and not from what the header likes: a token that says `none`, or that offers a
/// public key's algorithm for a shared secret, is refused before any key is touched.
pub(crate) fn open<'k>(
    token: &str,
    keys: impl Iterator<Item = &'k [u8]>,
) -> Result<serde_json::Map<String, Value>, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    let parts = Parts::read(token)?;
    check_signature(parts.message, parts.signature, algorithm(&parts.header)?, keys)?;
    parts.claims()
}

/// Signs claims with HS256, the algorithm that every official library uses.
pub(crate) fn sign(key: &[u8], claims: &impl Serialize) -> Result<String, TokenError> {
    let header = Header::new(Algorithm::HS256);
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key)).map_err(|_| TokenError::Signing)
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}

fn algorithm(header: &SignatureHeader) -> Result<Algorithm, TokenError> {
    match header.alg.as_deref() {
        Some("HS256") => Ok(Algorithm::HS256),
        Some("HS384") => Ok(Algorithm::HS384),
        Some("HS512") => Ok(Algorithm::HS512),
        _ => Err(TokenError::Algorithm),
    }
}

fn check_signature<'k>(
    message: &str,
    signature: &str,
    algorithm: Algorithm,
    keys: impl Iterator<Item = &'k [u8]>,
) -> Result<(), TokenError> {
    for key in keys {
        let key = DecodingKey::from_secret(key);
        // The only failure besides a wrong signature is one that is not base64.
        let matches = crypto::verify(signature, message.as_bytes(), &key, algorithm);
        if matches.map_err(|_| TokenError::Malformed)? {
            return Ok(());
        }
    }
    Err(TokenError::Signature)
}
