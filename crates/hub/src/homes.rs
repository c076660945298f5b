//! Homes of group states that move, since nodes come and go.

use std::fmt::Debug;

use hubwire_protocol::{ConnectionId, GroupName, HubName};

use crate::letter::{Letter, Recipient};
use crate::shard::Shard;
use crate::{ConnectionKey, Effect};

/// Where the homes of groups are after nodes have come or gone.
pub trait Homes: Debug + Send + Sync {
    /// Whether a group's home is in this process now.
    fn is_here(&self, hub: &HubName, group: &GroupName) -> bool;

    /// Whether a group's home is another one than before.
    fn has_moved(&self, hub: &HubName, group: &GroupName) -> bool;

    /// Whether a connection's node is there no more.
    fn is_gone(&self, connection: ConnectionId) -> bool;
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
            self.tell_states_again(key, homes);
            self.subscribe_again(key, homes);
        }
    }

    /// Removes the states of connections whose nodes are gone, and tells their subscribers.
    fn forget_gone(&mut self, homes: &dyn Homes) {
        let gone: Vec<_> = self
            .home
            .0
            .iter()
            .flat_map(|(name, states)| states.values().map(move |item| (name, item)))
            .filter(|(_, item)| homes.is_gone(item.connection))
            .map(|((hub, group), item)| (hub.clone(), group.clone(), item.clone()))
            .collect();
        for (hub, group, mut item) in gone {
            item.state = None;
            item.updated_at_ms = (self.unix_offset_ms + self.now_ms as i64).max(item.updated_at_ms + 1);
            self.keep_state(hub, group, item, false);
        }
    }

    fn tell_states_again(&mut self, key: ConnectionKey, homes: &dyn Homes) {
        let connection = &self.connections[key.index()];
        let Some(activity) = &connection.activity else {
            return;
        };
        let hub = &self.hubs[connection.hub as usize].name;
        for (group, item) in activity.states.iter().filter(|(group, _)| homes.has_moved(hub, group)) {
            let letter = Letter::SetState {
                hub: hub.clone(),
                group: group.clone(),
                item: item.clone(),
                answer: false,
            };
            self.effects.push(Effect::Send(Recipient::Home(hub.clone(), group.clone()), letter));
        }
    }

    fn subscribe_again(&mut self, key: ConnectionKey, homes: &dyn Homes) {
        let connection = &self.connections[key.index()];
        let Some(activity) = &connection.activity else {
            return;
        };
        let hub = &self.hubs[connection.hub as usize].name;
        for slot in &activity.subscriptions {
            let group = &self.groups.get(*slot).name;
            if homes.has_moved(hub, group) {
                let letter = Letter::ListStates {
                    hub: hub.clone(),
                    group: group.clone(),
                    subscriber: connection.id,
                    answer: false,
                };
                self.effects.push(Effect::Send(Recipient::Home(hub.clone(), group.clone()), letter));
            }
        }
    }
}
