use serde_json::{Map, Value};

use crate::error::TokenError;

/// How far the clocks of a token's maker and of the service may differ, in seconds; the service grants five minutes.
pub const CLOCK_SKEW_S: u64 = 300;

/// When a token is valid, in unix seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    pub(crate) expires_at_s: u64,
    pub(crate) not_before_s: Option<u64>,
}

impl Lifetime {
    /// Takes `exp` and `nbf` out of the claims.
    pub(crate) fn take(claims: &mut Map<String, Value>) -> Result<Self, TokenError> {
        let expires_at_s = claims.remove("exp").ok_or(TokenError::ExpiryMissing)?;
        let not_before_s = claims.remove("nbf");
        Ok(Self {
            expires_at_s: seconds(&expires_at_s)?,
            not_before_s: not_before_s.as_ref().map(seconds).transpose()?,
        })
    }

    /// Checks the time, tolerating `skew_s` seconds on both ends; the last second still counts.
    pub(crate) fn check(self, now_s: u64, skew_s: u64) -> Result<(), TokenError> {
        let Self { expires_at_s, not_before_s } = self;
        if expires_at_s.saturating_add(skew_s) < now_s {
            return Err(TokenError::Expired { expires_at_s, now_s });
        }
        match not_before_s {
            Some(not_before_s) if not_before_s > expires_at_s => Err(TokenError::NeverValid),
            Some(not_before_s) if not_before_s > now_s.saturating_add(skew_s) => {
                Err(TokenError::NotYetValid { not_before_s, now_s })
            }
            _ => Ok(()),
        }
    }
}

/// A `NumericDate` of RFC 7519: any JSON number. Fractions are cut, and what lies before 1970 counts as 1970.
fn seconds(value: &Value) -> Result<u64, TokenError> {
    let whole = value.as_u64();
    // A cast from a float saturates, so neither a negative nor a huge number wraps round.
    whole.or_else(|| value.as_f64().map(|seconds| seconds as u64)).ok_or(TokenError::Malformed)
}
