use std::collections::HashMap;

use hubwire_protocol::{GroupName, HubName, UserId};

use crate::ConnectionKey;
use crate::user::UserConnections;

/// One hub's part in a shard. It exists while it has connections here; naming a hub costs nothing.
pub(crate) struct Hub {
    pub(crate) name: HubName,
    pub(crate) connections: Vec<ConnectionKey>,
    pub(crate) users: HashMap<UserId, UserConnections>,
    /// The slots of its groups with members here.
    pub(crate) groups: HashMap<GroupName, u32>,
}

impl Hub {
    pub(crate) fn new(name: HubName) -> Self {
        Self { name, connections: Vec::new(), users: HashMap::new(), groups: HashMap::new() }
    }
}
