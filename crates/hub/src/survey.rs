use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use hubwire_protocol::{ConnectionId, GroupName, HubName, UserId};
use rustc_hash::FxHasher;

use crate::connection::{Connection, Link};
use crate::shard::Shard;
use crate::{ConnectionKey, Target};

/// Groups, and permissions, of one connection that a survey shows.
const NAMES_MAX: usize = 100;
/// Groups, and users, of one hub that are told apart between shards; beyond it their number is an upper bound.
const COUNTED_MAX: usize = 4_096;

/// A question what there is, for a person to look at.
///
/// A shard walks through all that could match, some tens of nanoseconds each, before it answers.
#[derive(Debug, Clone)]
pub enum Survey {
    /// All hubs; the one that the command is addressed to makes no difference.
    Hubs,
    /// The groups of the hub.
    Groups(Page),
    /// The users of the hub.
    Users(Page),
    /// The connections of the hub, a group or a user. `search` looks in ids and users; `after` is an id.
    Connections(Target, Page),
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Only names that contain this, ignoring case of ASCII; empty for all.
    pub search: String,
    /// Only names after this one, in the order of their bytes.
    pub after: String,
    /// At most so many.
    pub limit: usize,
}

/// What one or more shards have found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Hubs by name.
    pub hubs: BTreeMap<String, HubFinding>,
    /// Groups or users by name, with the number of their connections.
    pub names: BTreeMap<String, usize>,
    /// Connections by id.
    pub connections: BTreeMap<ConnectionId, ConnectionFinding>,
}

/// One hub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HubFinding {
    /// Its connections and recoverable sessions.
    pub connections: usize,
    /// Its groups.
    pub groups: Distinct,
    /// Its users.
    pub users: Distinct,
}

/// A number of different names, which shards may have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distinct {
    hashes: BTreeSet<u64>,
    /// Names that were too many to be told apart.
    more: usize,
}

impl Distinct {
    fn of<'a, T: Hash + 'a>(names: impl ExactSizeIterator<Item = &'a T>) -> Self {
        if names.len() > COUNTED_MAX {
            return Self { hashes: BTreeSet::new(), more: names.len() };
        }
        let hash = |name: &T| {
            let mut hasher = FxHasher::default();
            name.hash(&mut hasher);
            hasher.finish()
        };
        Self { hashes: names.map(hash).collect(), more: 0 }
    }

    /// How many there are; an upper bound if they are thousands.
    pub fn count(&self) -> usize {
        self.hashes.len() + self.more
    }

    fn merge(&mut self, other: Self) {
        self.hashes.extend(other.hashes);
        self.more += other.more;
    }
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFinding {
    /// Its user.
    pub user: Option<UserId>,
    /// Its subprotocol as its client spelled it; `None` for a simple client.
    pub protocol: Option<Arc<str>>,
    /// When it began, in milliseconds since 1970.
    pub opened_ms: u64,
    /// Whether it has a socket.
    pub attached: bool,
    /// How many groups it is in.
    pub group_count: usize,
    /// The first of them.
    pub groups: Vec<GroupName>,
    /// What it may do, as `permission` or `permission:group`.
    pub allowed: Vec<String>,
    /// What it was denied.
    pub denied: Vec<String>,
    /// Messages that wait for its socket.
    pub waiting_messages: usize,
    /// Bytes that wait for its socket.
    pub waiting_bytes: usize,
    /// Of a reliable client: messages that it has not acknowledged, and the number of the newest message.
    pub window: Option<(usize, u64)>,
}

impl Findings {
    /// Adds what another shard has found.
    pub fn merge(&mut self, other: Self) {
        for (name, hub) in other.hubs {
            let known = self.hubs.entry(name).or_default();
            known.connections += hub.connections;
            known.groups.merge(hub.groups);
            known.users.merge(hub.users);
        }
        for (name, count) in other.names {
            *self.names.entry(name).or_default() += count;
        }
        self.connections.extend(other.connections);
    }
}

impl Page {
    fn shows(&self, name: &str) -> bool {
        name > self.after.as_str() && self.finds(name)
    }

    fn finds(&self, name: &str) -> bool {
        let search = self.search.as_bytes();
        search.is_empty()
            || name.as_bytes().windows(search.len()).any(|part| part.eq_ignore_ascii_case(search))
    }
}

impl Shard {
    pub(crate) fn survey(&self, hub: &HubName, survey: &Survey) -> Findings {
        let here = self.hub_slot(hub).map(|slot| &self.hubs[slot as usize]);
        let mut findings = Findings::default();
        match (survey, here) {
            (Survey::Hubs, _) => {
                findings.hubs = self.hubs.iter().map(|(_, hub)| finding(hub)).collect();
            }
            (Survey::Groups(page), Some(hub)) => {
                let groups = hub
                    .groups
                    .iter()
                    .map(|(name, group)| (name.as_str(), self.groups.get(*group).members.len()));
                findings.names = first(page, groups);
            }
            (Survey::Users(page), Some(hub)) => {
                let users = hub.users.iter().map(|(name, connections)| (name.as_str(), connections.len()));
                findings.names = first(page, users);
            }
            (Survey::Connections(target, page), Some(_)) => {
                findings.connections = self.survey_connections(hub, target, page);
            }
            (_, None) => {}
        }
        findings
    }

    fn survey_connections(
        &self,
        hub: &HubName,
        target: &Target,
        page: &Page,
    ) -> BTreeMap<ConnectionId, ConnectionFinding> {
        let mut shown: BTreeMap<ConnectionId, ConnectionKey> = BTreeMap::new();
        for key in self.targeted(hub, target) {
            let connection = &self.connections[key.index()];
            let digits = connection.id.digits();
            let user = connection.user.as_ref().map_or("", |user| user.as_str());
            let found = digits.as_str() > page.after.as_str()
                && (page.finds(digits.as_str()) || (!user.is_empty() && page.finds(user)));
            if found {
                shown.insert(connection.id, key);
                if shown.len() > page.limit {
                    shown.pop_last();
                }
            }
        }
        let finding =
            |(id, key): (ConnectionId, ConnectionKey)| (id, self.finding(&self.connections[key.index()]));
        shown.into_iter().map(finding).collect()
    }

    fn finding(&self, connection: &Connection) -> ConnectionFinding {
        let (allowed, denied) = connection.permissions.described(NAMES_MAX);
        let name = |group: &u32| self.groups.get(*group).name.clone();
        let mut groups: Vec<_> = connection.groups.iter().take(NAMES_MAX).map(name).collect();
        groups.sort_unstable();
        ConnectionFinding {
            user: connection.user.clone(),
            protocol: connection.subprotocol.clone(),
            opened_ms: self.at_unix_ms(connection.opened_ms),
            attached: connection.link == Link::Attached,
            group_count: connection.groups.len(),
            groups,
            allowed,
            denied,
            waiting_messages: connection.outbox.len(),
            waiting_bytes: connection.outbox.bytes(),
            window: connection.window.as_ref().map(|window| (window.len(), window.last())),
        }
    }
}

fn finding(hub: &crate::hub::Hub) -> (String, HubFinding) {
    let (groups, users) = (Distinct::of(hub.groups.keys()), Distinct::of(hub.users.keys()));
    (hub.name.to_string(), HubFinding { connections: hub.connections.len(), groups, users })
}

/// The first names of a page, without ordering more than those.
fn first<'a>(page: &Page, names: impl Iterator<Item = (&'a str, usize)>) -> BTreeMap<String, usize> {
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    for (name, count) in names.filter(|(name, _)| page.shows(name)) {
        if shown.len() >= page.limit && shown.last_key_value().is_some_and(|(last, _)| last.as_str() < name) {
            continue;
        }
        shown.insert(name.to_owned(), count);
        if shown.len() > page.limit {
            shown.pop_last();
        }
    }
    shown
}
