//! The home of a group's states: the one shard that keeps all of them, and whose order of changes is the order for everyone.

use std::collections::{BTreeMap, HashMap};

use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{ConnectionId, GroupName, GroupStateItem, HubName};

use crate::Effect;
use crate::letter::{Letter, Recipient};
use crate::shard::Shard;

/// The most states that one snapshot shows; the service's own bound.
const SNAPSHOT_ITEMS_MAX: usize = 200;

/// The states of all groups whose home a shard is. A group without states is not in it.
#[derive(Default)]
pub(crate) struct Home(pub(crate) HashMap<(HubName, GroupName), BTreeMap<ConnectionId, KeptState>>);

/// A member's state at its group's home.
pub(crate) struct KeptState {
    pub(crate) item: GroupStateItem,
    /// The node that said so last; 0 of the home's own process.
    pub(crate) teller: u32,
}

impl Shard {
    /// Takes a member's new state, tells the subscribers, and then the member.
    pub(crate) fn keep_state(
        &mut self,
        hub: HubName,
        group: GroupName,
        item: GroupStateItem,
        teller: u32,
        answer: bool,
    ) {
        let connection = item.connection;
        let states_max = self.limits.group_states_per_group_max;
        let states = self.home.0.entry((hub.clone(), group.clone())).or_default();
        let refused = match &item.state {
            Some(_) if !states.contains_key(&connection) && states.len() >= states_max => {
                self.counters.state_limit_refusals += 1;
                Some(RequestError::bad_request(
                    "The group has too many states: limit group_states_per_group_max.",
                ))
            }
            // A new home may be told what it knows.
            Some(_) if states.get(&connection).is_some_and(|kept| kept.item == item) => {
                states.insert(connection, KeptState { item, teller });
                return self.answer_setter(connection, group, answer, None);
            }
            Some(_) => {
                states.insert(connection, KeptState { item: item.clone(), teller });
                None
            }
            // Nothing changes for anybody where there was nothing.
            None if states.remove(&connection).is_none() => {
                self.forget_empty(&hub, &group);
                return self.answer_setter(connection, group, answer, None);
            }
            None => None,
        };
        self.forget_empty(&hub, &group);
        if refused.is_none() {
            self.counters.state_changes += 1;
            let letter = Letter::StateChanged { hub: hub.clone(), group: group.clone(), item };
            self.effects.push(Effect::Send(Recipient::Members(hub, group.clone()), letter));
        }
        self.answer_setter(connection, group, answer, refused);
    }

    /// Tells a new subscriber the states at this point.
    pub(crate) fn list_states(
        &mut self,
        hub: HubName,
        group: GroupName,
        subscriber: ConnectionId,
        answer: bool,
    ) {
        let states = self.home.0.get(&(hub, group.clone()));
        let items = states
            .into_iter()
            .flatten()
            .take(SNAPSHOT_ITEMS_MAX)
            .map(|(_, kept)| kept.item.clone())
            .collect();
        let letter = Letter::States { subscriber, group, items, answer };
        self.effects.push(Effect::Send(Recipient::Owner(subscriber), letter));
    }

    fn answer_setter(
        &mut self,
        connection: ConnectionId,
        group: GroupName,
        answer: bool,
        refused: Option<RequestError>,
    ) {
        if answer {
            let letter = Letter::StateSet { connection, group, refused };
            self.effects.push(Effect::Send(Recipient::Owner(connection), letter));
        }
    }

    fn forget_empty(&mut self, hub: &HubName, group: &GroupName) {
        let key = (hub.clone(), group.clone());
        if self.home.0.get(&key).is_some_and(BTreeMap::is_empty) {
            self.home.0.remove(&key);
        }
    }
}
