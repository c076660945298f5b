//! The home of a group's states: the one shard that keeps all of them, and whose order of changes is the order for everyone.

use std::collections::{BTreeMap, HashMap};

use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{ConnectionId, GroupName, GroupStateItem, HubName};

use crate::Effect;
use crate::homes::Homes;
use crate::letter::{Letter, Recipient, Teller};
use crate::shard::Shard;

/// The most states that one snapshot shows; the service's own bound.
const SNAPSHOT_ITEMS_MAX: usize = 200;

/// The states of all groups whose home a shard is. A group without states is not in it.
#[derive(Default)]
pub(crate) struct Home(pub(crate) HashMap<(HubName, GroupName), BTreeMap<ConnectionId, KeptState>>);

/// A member's state at its group's home.
pub(crate) struct KeptState {
    /// As subscribers are told it.
    item: GroupStateItem,
    /// When it changed, by the clock of who said so.
    told_ms: i64,
    teller: Teller,
}

impl KeptState {
    /// Whether something was said before what is known, or by a node that has the session no more.
    fn outranks(&self, item: &GroupStateItem, teller: Teller) -> bool {
        (self.teller.term, self.told_ms) > (teller.term, item.updated_at_ms)
    }
}

impl Shard {
    /// Takes a member's new state, tells the subscribers, and then the member.
    pub(crate) fn keep_state(
        &mut self,
        (hub, group): (HubName, GroupName),
        mut item: GroupStateItem,
        teller: Teller,
        answer: bool,
    ) {
        let (connection, told_ms) = (item.connection, item.updated_at_ms);
        let states_max = self.limits.group_states_per_group_max;
        let states = self.home.0.entry((hub.clone(), group.clone())).or_default();
        let count = states.len();
        let mut refused = None;
        let changes = match (&item.state, states.get_mut(&connection)) {
            (Some(_), None) if count >= states_max => {
                self.counters.state_limit_refusals += 1;
                refused = Some(RequestError::bad_request(
                    "The group has too many states: limit group_states_per_group_max.",
                ));
                false
            }
            // Nothing changes for anybody where there was nothing.
            (state, None) => state.is_some(),
            (_, Some(kept)) if kept.outranks(&item, teller) => false,
            // A new home may be told what it knows.
            (Some(state), Some(kept))
                if kept.told_ms == told_ms && kept.item.state.as_ref() == Some(state) =>
            {
                kept.teller = teller;
                false
            }
            (_, Some(kept)) => {
                // Clocks of two nodes may differ, and subscribers go by the time.
                item.updated_at_ms = told_ms.max(kept.item.updated_at_ms + 1);
                true
            }
        };
        if changes && item.state.is_some() {
            states.insert(connection, KeptState { item: item.clone(), told_ms, teller });
        } else if changes {
            states.remove(&connection);
        }
        self.forget_empty(&hub, &group);
        if changes {
            self.tell_change(hub, group.clone(), item);
        }
        self.answer_setter(connection, group, answer, refused);
    }

    /// Removes the states of sessions whose nodes tell another home of them. Their subscribers are told a snapshot of that one.
    pub(crate) fn forget_told_elsewhere(&mut self, homes: &dyn Homes) {
        self.home.0.retain(|(hub, group), states| {
            states.retain(|_, kept| homes.keeps(hub, group, kept.teller.node));
            !states.is_empty()
        });
    }

    /// Removes the states of sessions that are gone with their nodes, and tells their subscribers.
    pub(crate) fn forget_gone(&mut self, homes: &dyn Homes) {
        let mut gone = Vec::new();
        for ((hub, group), states) in &mut self.home.0 {
            states.retain(|_, kept| {
                let is_gone = kept.teller.node != 0 && homes.is_gone(hub, kept.teller.node);
                if is_gone {
                    gone.push((hub.clone(), group.clone(), kept.item.clone()));
                }
                !is_gone
            });
        }
        self.home.0.retain(|_, states| !states.is_empty());
        for (hub, group, item) in gone {
            // Earlier than whatever the same session says when it is somewhere again, be the clock there behind or not.
            let item = GroupStateItem { state: None, updated_at_ms: item.updated_at_ms + 1, ..item };
            self.tell_change(hub, group, item);
        }
    }

    fn tell_change(&mut self, hub: HubName, group: GroupName, item: GroupStateItem) {
        self.counters.state_changes += 1;
        let letter = Letter::StateChanged { hub: hub.clone(), group: group.clone(), item };
        self.effects.push(Effect::Send(Recipient::Members(hub, group), letter));
    }

    /// Tells a new subscriber the states at this point.
    pub(crate) fn list_states(
        &mut self,
        hub: HubName,
        group: GroupName,
        subscriber: ConnectionId,
        (round, answer): (u64, bool),
    ) {
        let states = self.home.0.get(&(hub, group.clone()));
        let items = states
            .into_iter()
            .flatten()
            .take(SNAPSHOT_ITEMS_MAX)
            .map(|(_, kept)| kept.item.clone())
            .collect();
        let letter = Letter::States { subscriber, group, items, round, answer };
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
