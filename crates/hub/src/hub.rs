use std::collections::HashMap;

use hubwire_protocol::{GroupName, HubName, UserId};

use crate::ConnectionKey;
use crate::user::UserConnections;

/// One hub's part in a shard. It exists while it has connections here; naming a hub costs nothing.
pub(crate) struct Hub {
    pub(crate) name: HubName,
    /// Whether what happens in it goes through a log.
    pub(crate) logged: bool,
    pub(crate) connections: Vec<ConnectionKey>,
    pub(crate) users: HashMap<UserId, UserConnections>,
    /// The slots of its groups with members here.
    pub(crate) groups: HashMap<GroupName, u32>,
}

impl Hub {
    pub(crate) fn new(name: HubName, logged: bool) -> Self {
        Self { name, logged, connections: Vec::new(), users: HashMap::new(), groups: HashMap::new() }
    }
}
