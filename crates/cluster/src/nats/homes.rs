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
    /// A node that begins anew with this one: what it has told of states is void, and it tells it again.
    pub(super) void: Option<u32>,
    /// Nodes to which what this one has told is void.
    pub(super) forgetful: Vec<u32>,
    /// A node, and the nodes that it knows of now: it tells their homes.
    pub(super) viewer: Option<(u32, Vec<u32>)>,
    /// Nodes of versions that do not say so.
    pub(super) viewless: Vec<u32>,
    pub(super) logged: Arc<Logged>,
    pub(super) table: Arc<InterestTable>,
}

impl NodeHomes {
    fn home(&self, hub: &HubName, group: &GroupName, nodes: &[u32]) -> Option<u32> {
        Hashing::choose(self.table.hash(hub, group), nodes.iter().copied())
    }

    /// Who has the sessions of a hub that a node has told of. Heirs have them whole; whoever takes those of hubs with a log tells of them itself.
    fn holder(&self, hub: &HubName, teller: u32) -> u32 {
        let heir = self.heirs.get(&teller).filter(|_| !self.logged.contains(hub));
        heir.copied().unwrap_or(teller)
    }
}

impl hubwire_hub::Homes for NodeHomes {
    fn keeps(&self, hub: &HubName, group: &GroupName, teller: u32) -> bool {
        let is_here = |nodes: &[u32]| self.home(hub, group, nodes) == Some(self.own);
        let holder = if teller == 0 { self.own } else { self.holder(hub, teller) };
        match &self.viewer {
            Some((viewer, nodes)) => *viewer != holder || is_here(nodes),
            None => (holder != self.own && !self.viewless.contains(&holder)) || is_here(&self.now),
        }
    }

    fn has_moved(&self, hub: &HubName, group: &GroupName) -> bool {
        self.home(hub, group, &self.before) != self.home(hub, group, &self.now)
    }

    fn may_have_forgotten(&self, hub: &HubName, group: &GroupName) -> bool {
        self.home(hub, group, &self.now).is_some_and(|home| self.forgetful.contains(&home))
    }

    fn is_gone(&self, hub: &HubName, teller: u32) -> bool {
        self.void == Some(teller) || !self.now.contains(&self.holder(hub, teller))
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
