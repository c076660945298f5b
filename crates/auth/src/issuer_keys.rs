use std::fmt;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::Value;

use crate::claims::Claims;
use crate::error::TokenError;
use crate::jwt::Parts;
use crate::lifetime::CLOCK_SKEW_S;

/// Keys of one issuer that are read; more are not what an issuer has.
const KEYS_MAX: usize = 100;

/// The public keys of an OpenID Connect issuer, as its key set (RFC 7517) has them. Keys of kinds that are not checked here are left out.
pub struct IssuerKeys(Vec<IssuerKey>);

struct IssuerKey {
    id: Option<String>,
    algorithms: &'static [Algorithm],
    key: DecodingKey,
}

impl IssuerKeys {
    /// Reads a key set. `None` if it is none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let set: JwkSet = serde_json::from_slice(text).ok()?;
        Some(Self(set.keys.iter().take(KEYS_MAX).filter_map(IssuerKey::read).collect()))
    }

    /// Whether there is a key that could have signed a token. If not, the issuer may have new ones.
    pub fn knows(&self, token: &str) -> bool {
        read(token).is_ok_and(|(_, kid, algorithm)| self.fitting(kid.as_deref(), algorithm).next().is_some())
    }

    /// Checks a token that the issuer signed with a key of its own: the signature (RSA, RSA-PSS or ECDSA), that it expires, and that now lies within
    /// its lifetime give or take [`CLOCK_SKEW_S`]. Whose it is, and for whom, is for the caller to check.
    ///
    /// # Errors
    /// [`TokenError`] with the first rule that the token breaks.
    pub fn verify(&self, token: &str, now_s: u64) -> Result<Claims, TokenError> {
        let (parts, kid, algorithm) = read(token)?;
        let signed = |key: &IssuerKey| {
            crypto::verify(parts.signature, parts.message.as_bytes(), &key.key, algorithm)
                .is_ok_and(|matches| matches)
        };
        if !self.fitting(kid.as_deref(), algorithm).any(signed) {
            return Err(TokenError::IssuerSignature);
        }
        let claims = Claims::from_json(parts.claims()?)?;
        claims.lifetime().check(now_s, CLOCK_SKEW_S)?;
        Ok(claims)
    }

    /// A token without a key's id could be of any key.
    fn fitting(&self, kid: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &IssuerKey> {
        self.0.iter().filter(move |key| {
            key.algorithms.contains(&algorithm) && (kid.is_none() || key.id.as_deref() == kid)
        })
    }
}

impl IssuerKey {
    fn read(jwk: &Jwk) -> Option<Self> {
        use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, PublicKeyUse};
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return None;
        }
        let algorithms: &'static [Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &[
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
                &[Algorithm::ES256]
            }
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P384 => {
                &[Algorithm::ES384]
            }
            _ => return None,
        };
        Some(Self { id: jwk.common.key_id.clone(), algorithms, key: DecodingKey::from_jwk(jwk).ok()? })
    }
}

/// A token, the id of its key, and the algorithm, from a fixed list: never `none`, and never a shared secret's.
fn read(token: &str) -> Result<(Parts<'_>, Option<String>, Algorithm), TokenError> {
    let parts = Parts::read(token)?;
    let kid = match &parts.header.kid {
        Value::Null => None,
        Value::String(kid) => Some(kid.clone()),
        _ => return Err(TokenError::Malformed),
    };
    let algorithm = match parts.header.alg.as_deref() {
        Some("RS256") => Algorithm::RS256,
        Some("RS384") => Algorithm::RS384,
        Some("RS512") => Algorithm::RS512,
        Some("PS256") => Algorithm::PS256,
        Some("PS384") => Algorithm::PS384,
        Some("PS512") => Algorithm::PS512,
        Some("ES256") => Algorithm::ES256,
        Some("ES384") => Algorithm::ES384,
        _ => return Err(TokenError::Algorithm),
    };
    Ok((parts, kid, algorithm))
}

/// Whether a token names an algorithm of public keys, so that only an issuer can have signed it. Nothing is granted on this.
pub fn is_of_issuer(token: &str) -> bool {
    read(token).is_ok()
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}
