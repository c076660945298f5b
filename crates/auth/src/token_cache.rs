use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use crate::access_key::AccessKeys;
use crate::claims::Claims;
use crate::error::TokenError;
use crate::lifetime::CLOCK_SKEW_S;
use crate::verify::verify;

/// The most tokens that are remembered. Each worker has its own cache; an application reuses few tokens at a time, and ten
/// thousand of the usual 300 to 600 bytes take 10 MB with their claims.
pub const CACHED_TOKENS_MAX: usize = 10_000;

/// The most bytes of remembered token text: as much as ten thousand tokens of 800 bytes, so that long tokens (up to 16 KiB
/// each) cannot make the cache twenty times larger than meant.
pub const CACHED_TOKEN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Tokens whose signature was found good, so that it need not be computed for every call.
///
/// Only good tokens are remembered, under their full text. Their lifetime is checked each time, so an expired one is never
/// let through; it makes room when the next token comes and it is the oldest. When the cache is full the oldest goes first.
#[derive(Default)]
pub struct TokenCache {
    claims: HashMap<Arc<str>, Arc<Claims>>,
    /// The same tokens, oldest first.
    ages: VecDeque<Arc<str>>,
    token_bytes: usize,
    keys_generation: u64,
}

impl TokenCache {
    /// An empty cache, which allocates nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does what [`verify`] does. `keys_generation` must differ whenever the keys differ from those of the call before: then
    /// everything is forgotten, so that a withdrawn key opens nothing any more.
    ///
    /// # Errors
    /// Those of [`verify`].
    pub fn verify(
        &mut self,
        keys: &AccessKeys,
        keys_generation: u64,
        token: &str,
        now_s: u64,
    ) -> Result<Arc<Claims>, TokenError> {
        self.verify_by(keys_generation, token, now_s, || verify(keys, token, now_s))
    }

    /// The same for tokens that are verified in some other way, such as those of an issuer.
    ///
    /// # Errors
    /// Those of `verify`, and [`TokenError`] for a known token that has expired.
    pub fn verify_by(
        &mut self,
        keys_generation: u64,
        token: &str,
        now_s: u64,
        verify: impl FnOnce() -> Result<Claims, TokenError>,
    ) -> Result<Arc<Claims>, TokenError> {
        if self.keys_generation != keys_generation {
            self.clear();
            self.keys_generation = keys_generation;
        }
        if let Some(claims) = self.claims.get(token) {
            claims.lifetime().check(now_s, CLOCK_SKEW_S)?;
            return Ok(Arc::clone(claims));
        }
        let claims = Arc::new(verify()?);
        self.remember(token.into(), &claims, now_s);
        Ok(claims)
    }

    /// The number of tokens that are remembered.
    pub fn len(&self) -> usize {
        self.claims.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    fn clear(&mut self) {
        self.claims.clear();
        self.ages.clear();
        self.token_bytes = 0;
    }

    fn remember(&mut self, token: Arc<str>, claims: &Arc<Claims>, now_s: u64) {
        while self.is_full_for(&token) || self.oldest_has_expired(now_s) {
            self.forget_oldest();
        }
        self.token_bytes += token.len();
        self.ages.push_back(Arc::clone(&token));
        self.claims.insert(token, Arc::clone(claims));
    }

    fn is_full_for(&self, token: &str) -> bool {
        let full = self.ages.len() >= CACHED_TOKENS_MAX;
        full || self.token_bytes + token.len() > CACHED_TOKEN_BYTES_MAX
    }

    fn oldest_has_expired(&self, now_s: u64) -> bool {
        let claims = self.ages.front().and_then(|token| self.claims.get(token));
        claims.is_some_and(|claims| claims.lifetime().check(now_s, CLOCK_SKEW_S).is_err())
    }

    fn forget_oldest(&mut self) {
        if let Some(token) = self.ages.pop_front() {
            self.token_bytes -= token.len();
            self.claims.remove(&token);
        }
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenCache({} tokens, redacted)", self.len())
    }
}
