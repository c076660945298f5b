use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{ConnectionId, GroupName, UserId};

/// What a connection says of itself inside a group: names and values, replaced as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupState(BTreeMap<Box<str>, Box<str>>);

impl GroupState {
    /// A state with these entries; of several with the same name the last one counts.
    pub fn new<K, V>(entries: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<Box<str>>,
        V: Into<Box<str>>,
    {
        Self(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// The entries in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// All names and values together, in bytes of UTF-8.
    pub fn bytes(&self) -> usize {
        self.iter().map(|(key, value)| key.len() + value.len()).sum()
    }
}

/// One member's state, as subscribers are shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStateItem {
    /// The member.
    pub connection: ConnectionId,
    /// Its user.
    pub user: Option<UserId>,
    /// Its state; `None` if it has none any more.
    pub state: Option<Arc<GroupState>>,
    /// When it was set or cleared, in milliseconds since 1970: greater for each change that the connection makes.
    pub updated_at_ms: i64,
}

/// Whether a report tells the whole or a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupStateScope {
    /// The members that have a state.
    Snapshot,
    /// Members whose state has just changed.
    Update,
}

/// States of a group's members, as a subscriber is told them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStateReport {
    /// The whole or a change.
    pub scope: GroupStateScope,
    /// The group.
    pub group: GroupName,
    /// The members.
    pub items: Vec<GroupStateItem>,
}
