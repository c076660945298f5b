use std::fmt;

use hubwire_auth::AccessKeys;

use crate::{CookieKeys, OpenId};

/// What the console goes by. A new value takes effect with the next request.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether there is a console at all.
    pub enabled: bool,
    /// Who gets in.
    pub access: Access,
    /// Where people can sign in, if anywhere.
    pub openid: Option<OpenId>,
    /// How much of payloads is shown.
    pub payloads: Payloads,
    /// Record all the time, not only while somebody watches.
    pub recording: bool,
    /// The keys that client URLs are signed with.
    pub keys: AccessKeys,
    /// What cookies of those who have a console token are sealed with, together with that token.
    pub cookie_keys: CookieKeys,
    /// The endpoint that people are shown, such as `https://realtime.example.com`.
    pub endpoint: String,
    /// Whether the service runs with the public development key.
    pub development_key: bool,
}

/// Who gets in.
#[derive(Debug, Clone)]
pub enum Access {
    /// Whoever can reach the loopback address, as an operator.
    Open,
    /// Whoever has a token, or has signed in elsewhere: see [`Settings::openid`].
    Tokens {
        /// The token of operators.
        operator: Option<ConsoleToken>,
        /// The token of viewers.
        viewer: Option<ConsoleToken>,
    },
    /// Nobody.
    Closed,
}

/// A token that opens the console. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsoleToken(String);

impl ConsoleToken {
    /// Takes a token.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The token itself, for whoever shows it to a console.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ConsoleToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsoleToken(redacted)")
    }
}

/// How much of payloads people are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payloads {
    /// Nothing.
    Hidden,
    /// The beginning.
    Truncated,
    /// Everything, as far as it can be kept.
    Shown,
}

impl Payloads {
    /// The name of the setting's value.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Truncated => "truncated",
            Self::Shown => "shown",
        }
    }

    /// The bytes of one payload that are kept.
    pub(crate) fn bytes_max(self) -> usize {
        match self {
            Self::Hidden => 0,
            Self::Truncated => 256,
            // The history is bounded in bytes as well, so that large payloads shorten it.
            Self::Shown => 64 << 10,
        }
    }
}

/// Time, randomness and the process, handed in so that tests can decide them.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn unix_ms(&self) -> u64;

    /// Microseconds on a clock that never goes back, the one that envelopes are stamped by.
    fn monotonic_us(&self) -> u64;

    /// Bits that nobody can guess.
    fn random(&self) -> u128;

    /// The memory that the process has in use, in bytes, if the system tells.
    fn memory_bytes(&self) -> Option<u64>;
}
