use std::time::{Instant, SystemTime};

use hubwire_protocol::ConnectionId;

/// Time and randomness as the system has them: the one place where they enter.
pub(crate) struct SystemEnvironment {
    started: Instant,
    /// The number of this node in its cluster, if it is in one.
    node: Option<u32>,
}

impl SystemEnvironment {
    /// The number of this node in its cluster, if it is in one.
    pub(crate) fn node(&self) -> Option<u32> {
        self.node
    }

    #[expect(clippy::disallowed_methods, reason = "this is where time enters")]
    pub(crate) fn new(node: Option<u32>) -> Self {
        Self { started: Instant::now(), node }
    }
}

impl SystemEnvironment {
    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl hubwire_gateway::Environment for SystemEnvironment {
    fn monotonic_ms(&self) -> u64 {
        // Counted from 1, since 0 means "never" in deadlines.
        1 + u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    fn monotonic_us(&self) -> u64 {
        1 + self.elapsed_us()
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

    fn connection_id(&self, worker: u8) -> ConnectionId {
        let random = rand::random();
        self.node.map_or_else(
            || ConnectionId::new(random, worker),
            |node| ConnectionId::on_node(random, node, worker),
        )
    }
}

impl hubwire_upstream::Environment for SystemEnvironment {
    fn monotonic_us(&self) -> u64 {
        hubwire_gateway::Environment::monotonic_us(self)
    }

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

#[cfg(feature = "otlp")]
impl hubwire_telemetry::Environment for SystemEnvironment {
    fn monotonic_us(&self) -> u64 {
        hubwire_gateway::Environment::monotonic_us(self)
    }

    #[expect(clippy::disallowed_methods, reason = "this is where time enters")]
    fn unix_us(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    fn random(&self) -> u128 {
        hubwire_gateway::Environment::random(self)
    }
}

impl hubwire_rest::Clock for SystemEnvironment {
    fn unix_s(&self) -> u64 {
        hubwire_gateway::Environment::unix_s(self)
    }

    fn monotonic_us(&self) -> u64 {
        hubwire_gateway::Environment::monotonic_us(self)
    }
}

impl hubwire_console::Clock for SystemEnvironment {
    fn unix_ms(&self) -> u64 {
        hubwire_gateway::Environment::unix_ms(self)
    }

    fn monotonic_us(&self) -> u64 {
        hubwire_gateway::Environment::monotonic_us(self)
    }

    fn random(&self) -> u128 {
        hubwire_gateway::Environment::random(self)
    }

    fn memory_bytes(&self) -> Option<u64> {
        // Where the system does not tell, the plot stays empty.
        crate::overload::held_bytes()
    }
}
