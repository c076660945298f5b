//! Who is in which groups.

/// Groups of the same size over connections that are each in the same number of groups, or some of them in none.
///
/// The connections stand in blocks: a group's members all have the place of its block, so that no connection is in a group twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Membership {
    pub(crate) groups: usize,
    /// Members of each group.
    pub(crate) members: usize,
    pub(crate) connections: usize,
}

impl Membership {
    /// How many groups can stand beside each other without sharing a connection.
    fn blocks(self) -> usize {
        (self.connections / self.members.max(1)).max(1)
    }

    /// The groups of a connection.
    pub(crate) fn groups_of(self, connection: usize) -> impl Iterator<Item = usize> {
        let is_member = connection / self.blocks() < self.members;
        let first = if is_member { connection % self.blocks() } else { self.groups };
        (first..self.groups).step_by(self.blocks())
    }

    /// A number below `groups * members` for a connection's place in a group; none when it is not a member.
    pub(crate) fn place(self, connection: usize, group: usize) -> Option<usize> {
        let (slot, block) = (connection / self.blocks(), connection % self.blocks());
        let is_member = group < self.groups && group % self.blocks() == block && slot < self.members;
        is_member.then(|| slot * self.groups + group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_group_has_its_members_and_every_place_is_its_own() {
        for (groups, members, connections) in
            [(1, 5, 5), (4, 3, 12), (40, 3, 12), (2, 3, 12), (1, 10, 19), (7, 0, 0)]
        {
            let membership = Membership { groups, members, connections };
            let (mut places, mut sizes) = (HashSet::new(), vec![0; groups]);
            for connection in 0..connections {
                for group in membership.groups_of(connection) {
                    sizes[group] += 1;
                    places.insert(membership.place(connection, group).unwrap());
                }
            }
            assert!(sizes.iter().all(|size| *size == members), "{membership:?}: {sizes:?}");
            assert_eq!(places.len(), groups * members);
            assert!(places.into_iter().all(|place| place < groups * members));
            assert_eq!(membership.place(0, groups), None, "there is no such group");
        }
    }

    #[test]
    fn a_connection_is_no_member_of_the_groups_of_others() {
        let membership = Membership { groups: 4, members: 2, connections: 4 };
        assert_eq!(membership.groups_of(1).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(membership.place(1, 2), None);
    }
}
