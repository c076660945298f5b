//! Homes of group states that move, since nodes come and go.

use std::collections::BTreeSet;
use std::fmt::Debug;

use hubwire_protocol::{GroupName, HubName};

use crate::connection::Connection;
use crate::letter::{Letter, Recipient};
use crate::shard::Shard;
use crate::{ConnectionKey, Effect};

/// Where the homes of groups are after nodes have come or gone.
pub trait Homes: Debug + Send + Sync {
    /// Whether a group's home is in this process now.
    fn is_here(&self, hub: &HubName, group: &GroupName) -> bool;

    /// Whether a group's home is another one than before.
    fn has_moved(&self, hub: &HubName, group: &GroupName) -> bool;

    /// Whether a node is there no more, and nobody has its sessions of a hub without having said so: what it has told of them is void.
    fn is_gone(&self, hub: &HubName, teller: u32) -> bool;
}

impl Shard {
    /// Gives up the homes that are elsewhere now, and tells new homes what connections here say of themselves. Subscribers are told a new
    /// snapshot: what is gone with an old home is not in it, and what its members tell again later reaches them as updates.
    pub(crate) fn homes_moved(&mut self, homes: &dyn Homes) {
        self.home.0.retain(|(hub, group), _| homes.is_here(hub, group));
        self.forget_gone(homes);
        let active: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.activity.is_some())
            .map(|(index, _)| ConnectionKey(index as u32))
            .collect();
        for key in active {
            self.tell_states_again(key, |hub, group| homes.has_moved(hub, group));
            self.subscribe_again(key, |hub, group| homes.has_moved(hub, group));
        }
    }

    /// Tells homes of the sessions that came here from nodes that have died: what those had told of them is void.
    pub(crate) fn sessions_taken(&mut self, origins: &BTreeSet<u32>) {
        let taken = |connection: &Connection| {
            connection.activity.is_some() && origins.contains(&connection.id.node())
        };
        let keys: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| taken(connection))
            .map(|(index, _)| ConnectionKey(index as u32))
            .filter(|key| self.is_logged(*key))
            .collect();
        let unix_ms = self.unix_offset_ms + self.now_ms as i64;
        for key in keys {
            let activity = self.connections[key.index()].activity();
            // Subscribers may have been told that these states are gone, one millisecond after the last change that was known.
            activity.state_changed_ms = unix_ms.max(activity.state_changed_ms + 2);
            for item in activity.states.values_mut() {
                item.updated_at_ms = activity.state_changed_ms;
            }
            self.tell_states_again(key, |_, _| true);
            self.subscribe_again(key, |_, _| true);
        }
    }

    /// Removes the states of sessions that are gone with their nodes, and tells their subscribers.
    fn forget_gone(&mut self, homes: &dyn Homes) {
        let gone: Vec<_> = self
            .home
            .0
            .iter()
            .flat_map(|(name, states)| states.values().map(move |item| (name, item)))
            .filter(|((hub, _), kept)| kept.teller != 0 && homes.is_gone(hub, kept.teller))
            .map(|((hub, group), kept)| (hub.clone(), group.clone(), kept.item.clone()))
            .collect();
        for (hub, group, mut item) in gone {
            item.state = None;
            // Earlier than whatever the same session says when another node has it, be its clock behind or not.
            item.updated_at_ms += 1;
            self.keep_state(hub, group, item, 0, false);
        }
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
                teller: 0,
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
        let meant: Vec<_> = subscriptions
            .map(|slot| (*slot, self.groups.get(*slot).name.clone()))
            .filter(|(_, group)| is_meant(hub, group))
            .collect();
        for (slot, group) in meant {
            self.groups.unsubscribe(key, slot);
            self.list_states_for(key, &group, false);
        }
    }
}
