use std::collections::BTreeMap;

use crate::pattern::Pattern;
use crate::permission::Permission;

/// The most groups that a connection's permission names one by one, as in the service.
pub const LITERALS_MAX: usize = 1000;

/// The most wildcard patterns of a connection's permission: the service keeps ten rules, one of which is the default.
pub const PATTERNS_MAX: usize = 9;

/// A connection already names [`LITERALS_MAX`] groups for a permission; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection has reached the limit of {LITERALS_MAX} literal permissions for `{permission}`")]
pub struct LimitReached {
    /// The permission whose limit it is.
    pub permission: Permission,
}

/// The rules of one permission that go beyond "all groups" or "no group": that default is kept by the owner and passed in.
///
/// A group that is named decides for itself; else a pattern that fits allows; else the default holds. Patterns only ever
/// allow, so their order does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RuleSet {
    literals: BTreeMap<Box<str>, bool>,
    patterns: Vec<Pattern>,
}

/// No room for another rule.
#[derive(Debug)]
pub(crate) struct Full;

impl RuleSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.literals.is_empty() && self.patterns.is_empty()
    }

    pub(crate) fn allows(&self, default: bool, group: &str) -> bool {
        match self.literals.get(group) {
            Some(allowed) => *allowed,
            None => self.allows_unnamed(default, group),
        }
    }

    /// Allows or denies one group by name.
    ///
    /// A verdict that is already there changes nothing, and the opposite one is removed rather than replaced, so that the
    /// patterns and the default speak for the group again.
    pub(crate) fn set(&mut self, default: bool, group: &str, allowed: bool) -> Result<(), Full> {
        match self.literals.get(group) {
            Some(present) if *present == allowed => {}
            Some(_) => {
                self.literals.remove(group);
            }
            None if self.allows_unnamed(default, group) == allowed => {}
            None if self.literals.len() >= LITERALS_MAX => return Err(Full),
            None => {
                self.literals.insert(group.into(), allowed);
            }
        }
        Ok(())
    }

    /// Allows every group that fits, and forgets the verdicts by name that the pattern covers.
    pub(crate) fn add_pattern(&mut self, pattern: Pattern) -> Result<(), Full> {
        if self.patterns.len() >= PATTERNS_MAX {
            return Err(Full);
        }
        self.literals.retain(|group, _| !pattern.matches(group));
        self.patterns.push(pattern);
        Ok(())
    }

    /// The verdicts by name.
    pub(crate) fn literals(&self) -> impl Iterator<Item = (&str, bool)> {
        self.literals.iter().map(|(group, allowed)| (&**group, *allowed))
    }

    /// The patterns.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter()
    }

    /// Puts a verdict in as another set had it.
    pub(crate) fn restore(&mut self, group: Box<str>, allowed: bool) {
        self.literals.insert(group, allowed);
    }

    fn allows_unnamed(&self, default: bool, group: &str) -> bool {
        default || self.patterns.iter().any(|pattern| pattern.matches(group))
    }
}
