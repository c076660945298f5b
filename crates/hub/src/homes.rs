//! Homes of group states that move, since nodes come and go.

use std::collections::BTreeSet;
use std::fmt::Debug;

use hubwire_protocol::{ConnectionId, GroupName, HubName};

use crate::letter::{Letter, Recipient, Teller};
use crate::shard::Shard;
use crate::{ConnectionKey, Effect};

/// Where the homes of groups are after nodes have come or gone.
pub trait Homes: Debug + Send + Sync {
    /// Whether a node still takes this process for the home of a group: only then it says here how the states are that it has told of. 0 is this
    /// process itself.
    fn keeps(&self, hub: &HubName, group: &GroupName, teller: u32) -> bool;

    /// Whether a group's home is another one than before.
    fn has_moved(&self, hub: &HubName, group: &GroupName) -> bool;

    /// Whether it is one that is back and may have given up what it was told, as if this node had died.
    fn may_have_forgotten(&self, hub: &HubName, group: &GroupName) -> bool;

    /// Whether a node is there no more, and nobody has its sessions of a hub without having said so: what it has told of them is void.
    fn is_gone(&self, hub: &HubName, teller: u32) -> bool;
}

impl Shard {
    /// Gives up the states that are told elsewhere now, and tells new homes what connections here say of themselves. Subscribers are told a new
    /// snapshot: what is gone with an old home is not in it, and what its members tell again later reaches them as updates.
    pub(crate) fn homes_moved(&mut self, homes: &dyn Homes) {
        self.views_changed(homes);
        for key in self.active(|_| true) {
            self.renew_states(key, |hub, group| homes.may_have_forgotten(hub, group));
            self.tell_states_again(key, |hub, group| homes.has_moved(hub, group));
            self.subscribe_again(key, |hub, group| homes.has_moved(hub, group));
        }
    }

    /// Gives up the states that are told elsewhere now, or that nobody tells any more. Nothing that is said here has another home.
    pub(crate) fn views_changed(&mut self, homes: &dyn Homes) {
        self.forget_told_elsewhere(homes);
        self.forget_gone(homes);
    }

    /// Tells homes of the sessions that came here from nodes that have died: what those had told of them is void.
    pub(crate) fn sessions_taken(&mut self, origins: &BTreeSet<u32>, term: u64) {
        self.terms = origins.iter().map(|origin| (*origin, term)).collect();
        let is_taken = |shard: &Self, key: ConnectionKey| {
            shard.is_logged(key) && origins.contains(&shard.connections[key.index()].id.node())
        };
        for key in self.active(|_| true) {
            if !is_taken(self, key) {
                continue;
            }
            self.renew_states(key, |_, _| true);
            self.tell_states_again(key, |_, _| true);
            self.subscribe_again(key, |_, _| true);
        }
    }

    /// Notes that a client says its states anew, for homes that may have told subscribers that they were gone, one millisecond after the last change.
    fn renew_states(&mut self, key: ConnectionKey, is_meant: impl Fn(&HubName, &GroupName) -> bool) {
        let unix_ms = self.unix_offset_ms + self.now_ms as i64;
        let connection = &mut self.connections[key.index()];
        let (hub, Some(activity)) = (&self.hubs[connection.hub as usize].name, &mut connection.activity)
        else {
            return;
        };
        let changed_ms = unix_ms.max(activity.state_changed_ms + 2);
        let mut renewed = false;
        for (_, item) in activity.states.iter_mut().filter(|(group, _)| is_meant(hub, group)) {
            (item.updated_at_ms, renewed) = (changed_ms, true);
        }
        if renewed {
            activity.state_changed_ms = changed_ms;
            self.touch(key);
        }
    }

    /// What homes are told of who tells them of a connection.
    pub(crate) fn teller(&self, connection: ConnectionId) -> Teller {
        Teller { node: 0, term: self.terms.get(&connection.node()).copied().unwrap_or_default() }
    }

    fn tell_states_again(&mut self, key: ConnectionKey, is_meant: impl Fn(&HubName, &GroupName) -> bool) {
        let connection = &self.connections[key.index()];
        let Some(activity) = &connection.activity else {
            return;
        };
        let hub = &self.hubs[connection.hub as usize].name;
        for (group, item) in activity.states.iter().filter(|(group, _)| is_meant(hub, group)) {
            let letter = Letter::SetState {
                hub: hub.clone(),
                group: group.clone(),
                item: item.clone(),
                teller: self.teller(connection.id),
                answer: false,
            };
            self.effects.push(Effect::Send(Recipient::Home(hub.clone(), group.clone()), letter));
        }
    }

    /// Has a client told the states of groups anew, as far as it is told them at all: by a snapshot before any other update.
    pub(crate) fn subscribe_again(
        &mut self,
        key: ConnectionKey,
        is_meant: impl Fn(&HubName, &GroupName) -> bool,
    ) {
        let connection = &self.connections[key.index()];
        let hub = &self.hubs[connection.hub as usize].name;
        let subscriptions = connection.activity.iter().flat_map(|activity| &activity.subscriptions);
        let slots = subscriptions.map(|subscription| subscription.slot);
        let meant: Vec<_> = slots.filter(|slot| is_meant(hub, &self.groups.get(*slot).name)).collect();
        for slot in meant {
            self.note_subscription(key, slot, false);
        }
    }
}
