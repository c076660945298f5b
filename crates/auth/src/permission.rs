use std::fmt;
use std::str::FromStr;

use crate::pattern::Pattern;
use crate::role::{self, Grant, IgnoredRole, IgnoredRoleReason};
use crate::rule_set::{Full, LimitReached, RuleSet};

/// Something that a client may be allowed to do with a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Publish to it.
    SendToGroup,
    /// Join and leave it.
    JoinLeaveGroup,
    /// Have a state in it.
    SetGroupState,
    /// Be told the states of its members.
    GetGroupState,
}

/// One rule of some [`Permissions`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionRule {
    /// What it is about.
    pub permission: Permission,
    /// Which groups.
    pub groups: RuleGroups,
    /// Whether it allows; only a single group can be denied.
    pub allowed: bool,
}

/// The groups of a [`PermissionRule`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleGroups {
    /// All that no other rule speaks about.
    All,
    /// One by name.
    One(Box<str>),
    /// All that a pattern fits.
    Matching(Pattern),
}

/// A text that names no permission; REST callers get 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the permission must be sendToGroup or joinLeaveGroup")]
pub struct PermissionError;

impl Permission {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] =
        [Self::SendToGroup, Self::JoinLeaveGroup, Self::SetGroupState, Self::GetGroupState];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendToGroup => "sendToGroup",
            Self::JoinLeaveGroup => "joinLeaveGroup",
            Self::SetGroupState => "setGroupState",
            Self::GetGroupState => "getGroupState",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads the name in any case, or its number in the service's own list, which REST callers may use as well. The permissions on group
/// states come from roles alone.
impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is = |permission: Self, number| text == number || text.eq_ignore_ascii_case(permission.as_str());
        if is(Self::SendToGroup, "1") {
            Ok(Self::SendToGroup)
        } else if is(Self::JoinLeaveGroup, "2") {
            Ok(Self::JoinLeaveGroup)
        } else {
            Err(PermissionError)
        }
    }
}

/// What one connection may do with which groups: from its roles at first, then changed by grants and revocations.
///
/// Every connection has one, and nearly all hold either nothing or everything: then it is sixteen bytes and no allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Whether a permission holds for all groups that no rule speaks about, by [`Permission`].
    defaults: [bool; 4],
    /// The rules by [`Permission`]; absent while there are none.
    rules: Option<Box<[RuleSet; 4]>>,
}

impl Permissions {
    /// Reads the roles of a connection, whether from its token or from its connect handler. Roles that give nothing are
    /// reported and otherwise ignored.
    ///
    /// As in the service, roles are taken in sorted order, whatever the order in the token, so what goes beyond a limit is told
    /// by its name. The order is that of the bytes.
    pub fn from_roles<'a>(roles: impl Iterator<Item = &'a str>) -> (Self, Vec<IgnoredRole>) {
        let mut roles: Vec<_> = roles.collect();
        roles.sort_unstable();
        let mut permissions = Self::default();
        let mut ignored = Vec::new();
        for role in roles {
            if let Err(why) = permissions.add_role(role) {
                ignored.push(IgnoredRole { role: role.to_owned(), why });
            }
        }
        permissions.drop_empty_rules();
        (permissions, ignored)
    }

    /// Whether the permission holds for the group.
    pub fn allows(&self, permission: Permission, group: &str) -> bool {
        let default = self.defaults[permission as usize];
        match &self.rules {
            Some(rules) => rules[permission as usize].allows(default, group),
            None => default,
        }
    }

    /// Allows the permission for one group, named literally.
    ///
    /// # Errors
    /// [`LimitReached`] if that would name too many groups; nothing was changed, and REST callers get 409.
    pub fn grant(&mut self, permission: Permission, group: &str) -> Result<(), LimitReached> {
        self.set(permission, group, true)
    }

    /// Denies the permission for one group, named literally, whatever wider role there is.
    ///
    /// # Errors
    /// [`LimitReached`] if that would name too many groups; nothing was changed, and REST callers get 409.
    pub fn revoke(&mut self, permission: Permission, group: &str) -> Result<(), LimitReached> {
        self.set(permission, group, false)
    }

    /// What is allowed and what is denied, for a person to read: `permission` for all groups, `permission:group` for one group or a pattern. At
    /// most `limit` entries each.
    pub fn described(&self, limit: usize) -> (Vec<String>, Vec<String>) {
        let (mut allowed, mut denied) = (Vec::new(), Vec::new());
        for PermissionRule { permission, groups, allowed: allows } in self.rules() {
            let list = if allows { &mut allowed } else { &mut denied };
            if list.len() < limit {
                list.push(match groups {
                    RuleGroups::All => permission.to_string(),
                    RuleGroups::One(group) => format!("{permission}:{group}"),
                    RuleGroups::Matching(pattern) => format!("{permission}:{pattern}"),
                });
            }
        }
        (allowed, denied)
    }

    /// Everything that makes these permissions up, so that they can be made again elsewhere.
    pub fn rules(&self) -> Vec<PermissionRule> {
        let mut rules = Vec::new();
        for permission in Permission::ALL {
            if self.defaults[permission as usize] {
                rules.push(PermissionRule { permission, groups: RuleGroups::All, allowed: true });
            }
            let Some(sets) = &self.rules else {
                continue;
            };
            let set = &sets[permission as usize];
            rules.extend(set.patterns().map(|pattern| {
                let groups = RuleGroups::Matching(pattern.clone());
                PermissionRule { permission, groups, allowed: true }
            }));
            rules.extend(set.literals().map(|(group, allowed)| PermissionRule {
                permission,
                groups: RuleGroups::One(group.into()),
                allowed,
            }));
        }
        rules
    }

    /// The permissions that other ones were, by all of their rules.
    pub fn from_rules(rules: impl IntoIterator<Item = PermissionRule>) -> Self {
        let mut permissions = Self::default();
        for PermissionRule { permission, groups, allowed } in rules {
            match groups {
                RuleGroups::All => permissions.defaults[permission as usize] = true,
                RuleGroups::One(group) => permissions.rules_of(permission).restore(group, allowed),
                RuleGroups::Matching(pattern) => {
                    // More than there can be are left out.
                    let _full = permissions.rules_of(permission).add_pattern(pattern);
                }
            }
        }
        permissions.drop_empty_rules();
        permissions
    }

    fn set(&mut self, permission: Permission, group: &str, allowed: bool) -> Result<(), LimitReached> {
        let default = self.defaults[permission as usize];
        let set = self.rules_of(permission).set(default, group, allowed);
        self.drop_empty_rules();
        set.map_err(|Full| LimitReached { permission })
    }

    fn add_role(&mut self, role: &str) -> Result<(), IgnoredRoleReason> {
        let (permission, grant) = role::parse(role)?;
        let default = &mut self.defaults[permission as usize];
        match grant {
            Grant::Everything => {
                *default = true;
                *self.rules_of(permission) = RuleSet::default();
                Ok(())
            }
            // A role can only allow, so beside "all groups" no other one has anything to add or is worth its memory.
            Grant::Literal(_) | Grant::Pattern(_) if *default => Ok(()),
            Grant::Literal(group) => {
                let set = self.rules_of(permission).set(false, &group, true);
                set.map_err(|Full| IgnoredRoleReason::TooManyLiterals)
            }
            Grant::Pattern(pattern) => {
                let added = self.rules_of(permission).add_pattern(pattern);
                added.map_err(|Full| IgnoredRoleReason::TooManyPatterns)
            }
        }
    }

    fn rules_of(&mut self, permission: Permission) -> &mut RuleSet {
        &mut self.rules.get_or_insert_default()[permission as usize]
    }

    /// Gives the memory back once no rule is left.
    fn drop_empty_rules(&mut self) {
        if self.rules.as_ref().is_some_and(|rules| rules.iter().all(RuleSet::is_empty)) {
            self.rules = None;
        }
    }
}
