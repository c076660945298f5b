use std::borrow::Cow;

use hubwire_auth::Permission;
use hubwire_filter::Filter;
use hubwire_protocol::codes::Close;
use hubwire_protocol::{ConnectionId, GroupName, HubName};

use crate::selection::Selection;
use crate::shard::Shard;
use crate::{Command, ConnectionKey, Happening, Member, Party, Reply, Subject, Target};

impl Shard {
    /// Carries out an application's command on all that it concerns in this shard.
    pub fn execute(&mut self, hub: &HubName, command: &Command) -> Reply {
        match command {
            Command::Exists(target) => found(!self.targeted(hub, target).is_empty()),
            Command::Join(subject, group) => {
                let keys = self.subjects(hub, subject);
                self.join_each(&keys, std::slice::from_ref(group))
            }
            Command::Leave(subject, group) => {
                let keys = self.subjects(hub, subject);
                self.leave_each(&keys, std::slice::from_ref(group))
            }
            Command::LeaveAll(subject) => {
                let keys = self.subjects(hub, subject);
                keys.iter().for_each(|key| self.leave_all(*key, Party::Application));
                found(!keys.is_empty())
            }
            Command::JoinMatching(groups, filter) => {
                let keys = self.selected(hub, &Target::Hub, &[], filter.as_deref());
                self.join_each(&keys, groups)
            }
            Command::LeaveMatching(groups, filter) => {
                let keys = self.selected(hub, &Target::Hub, &[], filter.as_deref());
                self.leave_each(&keys, groups)
            }
            Command::Close { target, excluded, reason } => {
                let keys = self.selected(hub, target, excluded, None);
                self.close_each(&keys, reason)
            }
            Command::Grant(id, permission, group) => self.permit_later(hub, *id, *permission, group, true),
            Command::Revoke(id, permission, group) => self.permit_later(hub, *id, *permission, group, false),
            Command::Check(id, permission, group) => {
                let allowed = |key: ConnectionKey| {
                    self.connections[key.index()].permissions.allows(*permission, group.as_str())
                };
                found(self.find(hub, *id).is_some_and(allowed))
            }
            Command::List { group, after, limit } => Reply::Members(self.list(hub, group, *after, *limit)),
            Command::FindSession(id) => self.session(hub, *id),
            Command::Explain(inquiry) => Reply::Explained(self.explain(hub, inquiry)),
            Command::Survey(survey) => Reply::Surveyed(Box::new(self.survey(hub, survey))),
            Command::Pack => Reply::Packed(self.pack_sessions(false)),
            Command::Record => self.record_sessions(),
            Command::Unpack(luggage) => self.unpack(luggage),
        }
    }

    /// The connections that a target means. A copy: what follows may change the lists.
    pub(crate) fn targeted(&self, hub: &HubName, target: &Target) -> Vec<ConnectionKey> {
        if let Target::Connection(id) = target {
            return self.find(hub, *id).into_iter().collect();
        }
        let Some(hub) = self.hub_slot(hub).map(|slot| &self.hubs[slot as usize]) else {
            return Vec::new();
        };
        match target {
            Target::Hub => hub.connections.clone(),
            Target::User(user) => {
                hub.users.get(user).map_or_else(Vec::new, |connections| connections.to_vec())
            }
            Target::Group(group) => {
                hub.groups.get(group).map(|group| self.groups.get(*group).members.clone()).unwrap_or_default()
            }
            Target::Connection(_) => Vec::new(),
        }
    }

    fn selected(
        &self,
        hub: &HubName,
        target: &Target,
        excluded: &[ConnectionId],
        filter: Option<&Filter>,
    ) -> Vec<ConnectionKey> {
        let mut keys = self.targeted(hub, target);
        let selection = Selection::new(excluded, filter);
        keys.retain(|key| {
            let connection = &self.connections[key.index()];
            selection.includes(*key, connection, &self.hubs[connection.hub as usize], &self.groups)
        });
        keys
    }

    fn subjects(&self, hub: &HubName, subject: &Subject) -> Vec<ConnectionKey> {
        match subject {
            Subject::Connection(id) => self.find(hub, *id).into_iter().collect(),
            Subject::User(user) => self.targeted(hub, &Target::User(user.clone())),
        }
    }

    fn join_each(&mut self, keys: &[ConnectionKey], groups: &[GroupName]) -> Reply {
        let mut all = true;
        for key in keys {
            for group in groups {
                all &= self.join(*key, group, Party::Application);
            }
        }
        if all { found(!keys.is_empty()) } else { Reply::LimitReached }
    }

    fn leave_each(&mut self, keys: &[ConnectionKey], groups: &[GroupName]) -> Reply {
        for key in keys {
            for group in groups {
                self.leave(*key, group, Party::Application);
            }
        }
        found(!keys.is_empty())
    }

    fn close_each(&mut self, keys: &[ConnectionKey], reason: &str) -> Reply {
        let mut text = String::from("Application server closed the connection.");
        if !reason.is_empty() {
            text.push_str(" Reason: ");
            text.push_str(reason);
        }
        for key in keys {
            let text: Cow<'static, str> = Cow::Owned(text.clone());
            self.close_by(*key, &Close::NORMAL, text.clone(), text, Party::Application);
        }
        found(!keys.is_empty())
    }

    fn permit_later(
        &mut self,
        hub: &HubName,
        id: ConnectionId,
        permission: Permission,
        group: &GroupName,
        allow: bool,
    ) -> Reply {
        let Some(key) = self.find(hub, id) else {
            return Reply::Missing;
        };
        let permissions = &mut self.connections[key.index()].permissions;
        let changed = if allow {
            permissions.grant(permission, group.as_str())
        } else {
            permissions.revoke(permission, group.as_str())
        };
        if changed.is_ok() {
            self.touch(key);
            self.tell(key, Some(group), |_| Happening::Permitted { permission, allowed: allow });
        }
        changed.map_or(Reply::LimitReached, |()| Reply::Done)
    }

    fn list(
        &self,
        hub: &HubName,
        group: &GroupName,
        after: Option<ConnectionId>,
        limit: usize,
    ) -> Vec<Member> {
        let keys = self.targeted(hub, &Target::Group(group.clone()));
        let mut members: Vec<_> = keys.iter().map(|key| &self.connections[key.index()]).collect();
        members.retain(|connection| after.is_none_or(|after| connection.id > after));
        if members.len() > limit && limit > 0 {
            // Only the page itself is worth ordering.
            members.select_nth_unstable_by_key(limit - 1, |connection| connection.id);
        }
        members.truncate(limit);
        members.sort_unstable_by_key(|connection| connection.id);
        let member = |connection: &crate::connection::Connection| Member {
            connection: connection.id,
            user: connection.user.clone(),
        };
        members.into_iter().map(member).collect()
    }

    fn session(&self, hub: &HubName, id: ConnectionId) -> Reply {
        let session = self.find_session(hub, id).and_then(|key| {
            let connection = &self.connections[key.index()];
            let user = connection.user.clone();
            connection.subprotocol.clone().map(|subprotocol| Reply::Session { subprotocol, user })
        });
        session.unwrap_or(Reply::Missing)
    }
}

fn found(any: bool) -> Reply {
    if any { Reply::Done } else { Reply::Missing }
}
