use hubwire_protocol::GroupName;
use rustc_hash::FxHashMap;
use slab::Slab;

use crate::ConnectionKey;

/// Group membership as an index both ways: joining, leaving and asking cost the same however large a group is, and however many groups
/// a connection is in.
#[derive(Default)]
pub(crate) struct Groups {
    groups: Slab<Group>,
    /// Where a connection stands in a group's list, and the group in the connection's.
    positions: FxHashMap<(ConnectionKey, u32), Positions>,
}

pub(crate) struct Group {
    pub(crate) name: GroupName,
    pub(crate) members: Vec<ConnectionKey>,
    /// The members that are told each other's states.
    pub(crate) subscribers: Vec<ConnectionKey>,
}

#[derive(Clone, Copy)]
struct Positions {
    in_group: u32,
    in_connection: u32,
}

impl Groups {
    pub(crate) fn add(&mut self, name: GroupName) -> u32 {
        self.groups.insert(Group { name, members: Vec::new(), subscribers: Vec::new() }) as u32
    }

    pub(crate) fn get(&self, group: u32) -> &Group {
        &self.groups[group as usize]
    }

    pub(crate) fn contains(&self, connection: ConnectionKey, group: u32) -> bool {
        self.positions.contains_key(&(connection, group))
    }

    /// Makes a connection a member. `joined` is the connection's own list of groups. False if it was a member already.
    pub(crate) fn join(&mut self, connection: ConnectionKey, group: u32, joined: &mut Vec<u32>) -> bool {
        if self.contains(connection, group) {
            return false;
        }
        let members = &mut self.groups[group as usize].members;
        let positions = Positions { in_group: members.len() as u32, in_connection: joined.len() as u32 };
        self.positions.insert((connection, group), positions);
        members.push(connection);
        joined.push(group);
        true
    }

    /// Ends a membership; the last entry of either list takes the free place. False if there was none.
    pub(crate) fn leave(&mut self, connection: ConnectionKey, group: u32, joined: &mut Vec<u32>) -> bool {
        let Some(positions) = self.positions.remove(&(connection, group)) else {
            return false;
        };
        let members = &mut self.groups[group as usize].members;
        members.swap_remove(positions.in_group as usize);
        if let Some(moved) = members.get(positions.in_group as usize)
            && let Some(entry) = self.positions.get_mut(&(*moved, group))
        {
            entry.in_group = positions.in_group;
        }
        joined.swap_remove(positions.in_connection as usize);
        if let Some(moved) = joined.get(positions.in_connection as usize)
            && let Some(entry) = self.positions.get_mut(&(connection, *moved))
        {
            entry.in_connection = positions.in_connection;
        }
        true
    }

    /// Has a member told each other member's state, if it is not already.
    pub(crate) fn subscribe(&mut self, connection: ConnectionKey, group: u32) {
        let subscribers = &mut self.groups[group as usize].subscribers;
        if !subscribers.contains(&connection) {
            subscribers.push(connection);
        }
    }

    /// Has a member told no longer.
    pub(crate) fn unsubscribe(&mut self, connection: ConnectionKey, group: u32) {
        self.groups[group as usize].subscribers.retain(|other| *other != connection);
    }

    /// Removes a group without members and gives its name back, or leaves a group that still has some.
    pub(crate) fn remove_if_empty(&mut self, group: u32) -> Option<GroupName> {
        let empty = self.groups[group as usize].members.is_empty();
        empty.then(|| self.groups.remove(group as usize).name)
    }
}
