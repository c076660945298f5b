use std::time::{Instant, SystemTime};

/// Time and randomness as the system has them: the one place where they enter.
pub(crate) struct SystemEnvironment {
    started: Instant,
}

impl SystemEnvironment {
    #[expect(clippy::disallowed_methods, reason = "this is where time enters")]
    pub(crate) fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl hubwire_gateway::Environment for SystemEnvironment {
    fn monotonic_ms(&self) -> u64 {
        // Counted from 1, since 0 means "never" in deadlines.
        1 + u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    #[expect(clippy::disallowed_methods, reason = "this is where time enters")]
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 makes every token invalid, which is the safe side.
        since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn random(&self) -> u128 {
        rand::random()
    }
}

impl hubwire_upstream::Environment for SystemEnvironment {
    fn monotonic_ms(&self) -> u64 {
        hubwire_gateway::Environment::monotonic_ms(self)
    }

    fn unix_ms(&self) -> u64 {
        hubwire_gateway::Environment::unix_ms(self)
    }

    fn random(&self) -> u128 {
        hubwire_gateway::Environment::random(self)
    }
}

impl hubwire_rest::Clock for SystemEnvironment {
    fn unix_s(&self) -> u64 {
        hubwire_gateway::Environment::unix_s(self)
    }
}
