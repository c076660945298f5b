use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use hubwire_hub::Logged;
use hubwire_protocol::{GroupName, HubName};

use crate::hashing::Hashing;
use crate::memory::InterestTable;

/// The homes of groups before and after a node came or went.
pub(super) struct NodeHomes {
    pub(super) own: u32,
    pub(super) before: Vec<u32>,
    pub(super) now: Vec<u32>,
    /// Who has the sessions of nodes that have stopped.
    pub(super) heirs: Arc<HashMap<u32, u32>>,
    /// A node that begins anew, and tells again what it has told.
    pub(super) returned: Option<u32>,
    pub(super) logged: Arc<Logged>,
    pub(super) table: Arc<InterestTable>,
}

impl NodeHomes {
    fn home(&self, hub: &HubName, group: &GroupName, nodes: &[u32]) -> Option<u32> {
        Hashing::choose(self.table.hash(hub, group), nodes.iter().copied())
    }
}

impl hubwire_hub::Homes for NodeHomes {
    fn is_here(&self, hub: &HubName, group: &GroupName) -> bool {
        self.home(hub, group, &self.now) == Some(self.own)
    }

    fn has_moved(&self, hub: &HubName, group: &GroupName) -> bool {
        self.home(hub, group, &self.before) != self.home(hub, group, &self.now)
    }

    fn is_gone(&self, hub: &HubName, teller: u32) -> bool {
        // Heirs have the sessions whole. Whoever takes those of hubs with a log says again what they are.
        let heir = self.heirs.get(&teller).filter(|_| !self.logged.contains(hub));
        self.returned == Some(teller) || !self.now.contains(heir.unwrap_or(&teller))
    }
}

impl fmt::Debug for NodeHomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeHomes")
            .field("before", &self.before)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
