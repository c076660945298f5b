use std::collections::{BTreeMap, BTreeSet};

use hubwire_hub::{Event, Occurrence, Shard};
use hubwire_protocol::ConnectionId;

/// The connections of a shard, from when they begin until the shard tells their end.
#[derive(Default)]
pub(crate) struct Lives {
    live: BTreeSet<ConnectionId>,
    opened: u64,
    ended: u64,
    /// The number of the latest event of each connection.
    events: BTreeMap<ConnectionId, u64>,
}

impl Lives {
    pub(crate) fn begin(&mut self, id: ConnectionId) {
        self.live.insert(id);
        self.opened += 1;
    }

    pub(crate) fn contains(&self, id: &ConnectionId) -> bool {
        self.live.contains(id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Events of a connection are numbered without a gap, and nothing follows its end.
    pub(crate) fn told(&mut self, event: &Event) {
        let id = event.connection;
        assert!(self.live.contains(&id), "an event of {id} follows its end");
        let latest = self.events.entry(id).or_default();
        assert_eq!(event.id, *latest + 1, "the events of {id} are not numbered in their order");
        *latest = event.id;
        if matches!(event.occurrence, Occurrence::Disconnected { .. }) {
            self.live.remove(&id);
            self.ended += 1;
        }
    }

    /// The shard counts as they do, and whoever routes to it sends to it only while there are some.
    pub(crate) fn check(&self, shard: &Shard, is_interested: bool) {
        let counters = shard.counters();
        assert_eq!(shard.connection_count(), self.live.len(), "the count of connections is wrong");
        assert_eq!(counters.connections_opened, self.opened, "the count of opened connections is wrong");
        assert_eq!(counters.connections_closed, self.ended, "the count of closed connections is wrong");
        assert_eq!(
            self.live.is_empty(),
            !is_interested,
            "interest without connections, or connections without interest"
        );
    }
}
