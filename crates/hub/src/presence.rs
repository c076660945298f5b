use std::collections::HashMap;

use hubwire_auth::Pattern;
use hubwire_protocol::{GroupName, HubName};

/// Which comings and goings of group members somebody wants to be told of.
///
/// A shard asks before it raises such an event, since memberships change in large numbers and hardly anybody follows them.
#[derive(Debug, Clone, Default)]
pub struct Presence {
    /// For single hubs.
    pub hubs: HashMap<HubName, Vec<GroupEvents>>,
    /// For every hub that is not in `hubs`.
    pub other_hubs: Vec<GroupEvents>,
}

/// The group events that one receiver wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupEvents {
    /// It wants `joined`.
    pub joined: bool,
    /// It wants `left`.
    pub left: bool,
    /// Only of groups that one of these matches; of all groups, if there is none.
    pub groups: Vec<Pattern>,
}

/// A change of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It began.
    Joined,
    /// It ended.
    Left,
}

impl GroupEvents {
    /// Whether a change in a group is wanted.
    pub fn wants(&self, change: Membership, group: &GroupName) -> bool {
        let kind = match change {
            Membership::Joined => self.joined,
            Membership::Left => self.left,
        };
        kind && (self.groups.is_empty() || self.groups.iter().any(|pattern| pattern.matches(group.as_str())))
    }
}

impl Presence {
    pub(crate) fn wants(&self, hub: &HubName, change: Membership, group: &GroupName) -> bool {
        let wanted = self.hubs.get(hub).unwrap_or(&self.other_hubs);
        wanted.iter().any(|events| events.wants(change, group))
    }
}
