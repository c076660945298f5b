use std::sync::Arc;

use hubwire_auth::AccessKeys;

use crate::Identity;

/// What an operator can change while the service runs. Each request sees one consistent set.
#[derive(Debug, Clone)]
pub struct Options {
    /// The keys that callers sign their tokens with. Tokens for clients are signed with the primary one.
    pub keys: AccessKeys,
    /// A number that changes with every change of [`Self::keys`], so that tokens verified under old keys are forgotten.
    pub keys_generation: u64,
    /// Who tells callers by tokens of an issuer, if anybody does.
    pub identity: Option<Arc<dyn Identity>>,
    /// Calls that are signed with an access key are refused: only `identity` opens anything.
    pub access_keys_refused: bool,
    /// The `host[:port]` of every public endpoint, besides the request's own host: behind a proxy, callers sign for those.
    pub public_endpoints: Vec<String>,
    /// The largest request body, in bytes. The service's documented limit is 1 MiB.
    pub body_bytes_max: usize,
    /// How long a request body may take to arrive, in milliseconds; a slower caller gets 408.
    pub body_timeout_ms: u64,
    /// Calls that each hub may get in a second, a second's worth at once; no bound if `None`. One more is refused with status 429.
    pub calls_per_hub_per_s_max: Option<u64>,
    /// After how many seconds a caller is told to try again when the service is busy.
    pub retry_after_s: u32,
}

impl Options {
    /// The documented limit of one message: 1 MiB.
    const BODY_BYTES_MAX: usize = 1 << 20;
    /// Enough for 1 MiB at 35 KB/s, which a failing mobile uplink of a server does not even need.
    const BODY_TIMEOUT_MS: u64 = 30_000;
    /// Workers drain a full inbox within milliseconds; one second is the shortest pause that the header can ask for.
    const RETRY_AFTER_S: u32 = 1;

    /// The documented limits, with the given keys and no public endpoint besides the request's host.
    pub fn new(keys: AccessKeys) -> Self {
        Self {
            keys,
            keys_generation: 0,
            identity: None,
            access_keys_refused: false,
            public_endpoints: Vec::new(),
            body_bytes_max: Self::BODY_BYTES_MAX,
            body_timeout_ms: Self::BODY_TIMEOUT_MS,
            calls_per_hub_per_s_max: None,
            retry_after_s: Self::RETRY_AFTER_S,
        }
    }
}

/// The wall clock, handed in so that tests and simulations can move it.
pub trait Clock: Send + Sync {
    /// Seconds since the Unix epoch.
    fn unix_s(&self) -> u64;

    /// Microseconds on a clock that never goes back, for what is measured.
    fn monotonic_us(&self) -> u64;
}
