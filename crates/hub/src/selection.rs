use hubwire_filter::{Filter, Subject};
use hubwire_protocol::ConnectionId;

use crate::ConnectionKey;
use crate::connection::Connection;
use crate::group::Groups;
use crate::hub::Hub;
use crate::recording::Verdict;

/// Beyond so many excluded ids a search by halves beats a scan.
const SCANNED_IDS_MAX: usize = 8;

/// Who among the connections that are meant is left in: not excluded, and not refused by a filter.
pub(crate) struct Selection<'a> {
    excluded: &'a [ConnectionId],
    /// The excluded ids in order, where they are many.
    sorted: Vec<ConnectionId>,
    filter: Option<&'a Filter>,
}

impl<'a> Selection<'a> {
    pub(crate) fn new(excluded: &'a [ConnectionId], filter: Option<&'a Filter>) -> Self {
        let mut sorted = Vec::new();
        if excluded.len() > SCANNED_IDS_MAX {
            sorted.extend_from_slice(excluded);
            sorted.sort_unstable();
        }
        Self { excluded, sorted, filter }
    }

    pub(crate) fn includes(
        &self,
        key: ConnectionKey,
        connection: &Connection,
        hub: &Hub,
        groups: &Groups,
    ) -> bool {
        self.leaves_out(key, connection, hub, groups).is_none()
    }

    /// What leaves a connection out; `None` if it is meant.
    pub(crate) fn leaves_out(
        &self,
        key: ConnectionKey,
        connection: &Connection,
        hub: &Hub,
        groups: &Groups,
    ) -> Option<Verdict> {
        if self.excludes(connection.id) {
            return Some(Verdict::Excluded);
        }
        let filter = self.filter?;
        let id = connection.id.digits();
        let meant = filter.matches(&Candidate { key, connection, id: id.as_str(), hub, groups });
        (!meant).then_some(Verdict::Filtered)
    }

    fn excludes(&self, id: ConnectionId) -> bool {
        if self.sorted.is_empty() {
            self.excluded.contains(&id)
        } else {
            self.sorted.binary_search(&id).is_ok()
        }
    }
}

/// A connection as filters see it.
struct Candidate<'a> {
    key: ConnectionKey,
    connection: &'a Connection,
    id: &'a str,
    hub: &'a Hub,
    groups: &'a Groups,
}

impl Subject for Candidate<'_> {
    fn connection_id(&self) -> &str {
        self.id
    }

    fn user_id(&self) -> Option<&str> {
        self.connection.user.as_ref().map(|user| user.as_str())
    }

    fn protocol(&self) -> Option<&str> {
        self.connection.subprotocol.as_deref()
    }

    fn group_count(&self) -> usize {
        self.connection.groups.len()
    }

    fn in_group(&self, group: &str) -> bool {
        self.hub.groups.get(group).is_some_and(|group| self.groups.contains(self.key, *group))
    }
}
