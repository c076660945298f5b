//! States of a group's members, as the owner of a connection sees them. A group's home orders all changes; see [`crate::Letter`].

use std::sync::Arc;

use hubwire_auth::Permission;
use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{
    ConnectionId, GroupName, GroupState, GroupStateItem, GroupStateReport, GroupStateScope, HubName,
};

use crate::activity::{PendingAck, Subscription};
use crate::delivery::{Content, Delivery, Encodings, Lane, Outcome};
use crate::letter::{Letter, Recipient};
use crate::shard::Shard;
use crate::{ConnectionKey, Effect};

/// The most that a state may hold, names and values together, in bytes of UTF-8; the service's own bound.
const STATE_BYTES_MAX: usize = 512;

impl Shard {
    /// Takes a client's state to its group's home. The client is answered, and read again, when the home has taken it.
    pub(crate) fn set_state(
        &mut self,
        key: ConnectionKey,
        group: &GroupName,
        state: Option<GroupState>,
    ) -> Result<(), RequestError> {
        self.check_state(key, group, state.as_ref())?;
        let item = self.state_item(key, state);
        self.note_own_state(key, group, &item);
        self.send_state(key, group, item, true);
        Ok(())
    }

    /// Whether a client may have a state in a group.
    pub(crate) fn check_state(
        &mut self,
        key: ConnectionKey,
        group: &GroupName,
        state: Option<&GroupState>,
    ) -> Result<(), RequestError> {
        let connection = &self.connections[key.index()];
        if !connection.permissions.allows(Permission::SetGroupState, group.as_str()) {
            self.counters.forbidden += 1;
            return Err(RequestError::STATE_FORBIDDEN);
        }
        if state.is_some_and(|state| state.bytes() > STATE_BYTES_MAX) {
            return Err(RequestError::bad_request("State payload exceeds maximum size 512 bytes."));
        }
        if self.member_slot(key, group).is_none() {
            return Err(RequestError::NOT_A_MEMBER);
        }
        let states_max = self.limits.group_states_per_connection_max;
        let activity = self.connections[key.index()].activity();
        let known = activity.states.contains_key(group);
        if state.is_some() && !known && activity.states.len() >= states_max {
            return Err(RequestError::bad_request(
                "The connection has a state in too many groups: limit group_states_per_connection_max.",
            ));
        }
        Ok(())
    }

    /// Asks a group's home for all states. The client is answered, and read again, when they are here.
    pub(crate) fn subscribe_states(
        &mut self,
        key: ConnectionKey,
        group: &GroupName,
    ) -> Result<(), RequestError> {
        let slot = self.check_subscription(key, group)?;
        self.note_subscription(key, slot, true);
        Ok(())
    }

    /// The slot of a group, if a client may be told its states.
    pub(crate) fn check_subscription(
        &mut self,
        key: ConnectionKey,
        group: &GroupName,
    ) -> Result<u32, RequestError> {
        let connection = &self.connections[key.index()];
        if !connection.permissions.allows(Permission::GetGroupState, group.as_str()) {
            self.counters.forbidden += 1;
            return Err(RequestError::states_forbidden(group.as_str()));
        }
        self.joined_slot(key, group)
    }

    /// The slot of a group that a client must be a member of.
    pub(crate) fn joined_slot(&self, key: ConnectionKey, group: &GroupName) -> Result<u32, RequestError> {
        self.member_slot(key, group).ok_or_else(|| RequestError::not_a_member(group.as_str()))
    }

    /// Has a client told the states of a group, from the snapshot on that its home is asked for now.
    pub(crate) fn note_subscription(&mut self, key: ConnectionKey, slot: u32, answer: bool) {
        self.state_rounds += 1;
        let round = self.state_rounds;
        let subscriptions = &mut self.connections[key.index()].activity().subscriptions;
        match subscriptions.iter_mut().find(|subscription| subscription.slot == slot) {
            Some(subscription) => subscription.round = round,
            None => subscriptions.push(Subscription { slot, round }),
        }
        self.groups.unsubscribe(key, slot);
        let connection = &self.connections[key.index()];
        let (hub, subscriber) = (self.hubs[connection.hub as usize].name.clone(), connection.id);
        let group = self.groups.get(slot).name.clone();
        let letter = Letter::ListStates { hub: hub.clone(), group: group.clone(), subscriber, round, answer };
        self.effects.push(Effect::Send(Recipient::Home(hub, group), letter));
    }

    pub(crate) fn unsubscribe_states(&mut self, key: ConnectionKey, group: &GroupName) {
        if let Some(slot) = self.member_slot(key, group) {
            self.drop_subscription(key, slot);
        }
    }

    /// Waits for other shards to answer a request: nothing else of the client is carried out until then.
    pub(crate) fn await_answer(&mut self, key: ConnectionKey, ack_id: Option<u64>) {
        self.connections[key.index()].activity().pending_ack = Some(PendingAck { ack_id });
        self.hold(key);
    }

    /// A home has answered a client that set its state.
    pub(crate) fn state_set(
        &mut self,
        connection: ConnectionId,
        group: &GroupName,
        refused: Option<RequestError>,
    ) {
        let Some(key) = self.ids.get(&connection).copied() else {
            return;
        };
        if refused.is_some() {
            self.connections[key.index()].activity().states.remove(group);
            self.withdraw_logged_state(key, group);
        }
        self.answered(key, refused);
    }

    /// A home has answered a client that wants to know the states of a group. From here on it is told of each change, and each that came
    /// before is in what it is told now.
    pub(crate) fn states_listed(
        &mut self,
        subscriber: ConnectionId,
        group: GroupName,
        items: Vec<GroupStateItem>,
        (round, answer): (u64, bool),
    ) {
        let now_ms = self.now_ms;
        let Some(key) = self.ids.get(&subscriber).copied() else {
            return;
        };
        let slot = self.member_slot(key, &group);
        let activity = self.connections[key.index()].activity.as_ref();
        let mut subscriptions = activity.into_iter().flat_map(|activity| &activity.subscriptions);
        let subscription = subscriptions.find(|known| Some(known.slot) == slot).copied();
        let Some(Subscription { slot, round: latest }) = subscription else {
            // It does not want to be told any more; or the application has taken it out of the group in the meantime.
            if answer {
                self.answered(key, Some(RequestError::not_a_member(group.as_str())));
            }
            return;
        };
        if answer {
            self.answered(key, None);
        }
        // A node of an older version does not say which request it answers.
        if round != latest && round != 0 {
            // The group has another home by now, which has been asked as well.
            return;
        }
        self.groups.subscribe(key, slot);
        let report = GroupStateReport { scope: GroupStateScope::Snapshot, group, items };
        self.deliver_report(&[key], &report, now_ms);
    }

    /// A member's state has changed.
    pub(crate) fn state_changed(
        &mut self,
        hub: &HubName,
        group: GroupName,
        item: GroupStateItem,
        now_ms: u64,
    ) {
        let slot = self.hub_slot(hub).and_then(|slot| self.hubs[slot as usize].groups.get(&group).copied());
        let subscribers = slot.map_or(Vec::new(), |slot| self.groups.get(slot).subscribers.clone());
        let report = GroupStateReport { scope: GroupStateScope::Update, group, items: vec![item] };
        self.deliver_report(&subscribers, &report, now_ms);
    }

    /// A membership ends, and with it the member's state in the group and what it is told of the others.
    pub(crate) fn end_state(&mut self, key: ConnectionKey, group: u32) {
        let Some(activity) = &mut self.connections[key.index()].activity else {
            return;
        };
        let name = self.groups.get(group).name.clone();
        let had_state = activity.states.remove(&name).is_some();
        self.drop_subscription(key, group);
        if had_state {
            let item = self.state_item(key, None);
            self.send_state(key, &name, item, false);
        }
    }

    pub(crate) fn drop_subscription(&mut self, key: ConnectionKey, group: u32) {
        if let Some(activity) = &mut self.connections[key.index()].activity
            && let Some(position) = activity.subscriptions.iter().position(|known| known.slot == group)
        {
            activity.subscriptions.swap_remove(position);
            self.groups.unsubscribe(key, group);
        }
    }

    /// The slot of a group that a connection is a member of.
    pub(crate) fn member_slot(&self, key: ConnectionKey, group: &GroupName) -> Option<u32> {
        let hub = self.connections[key.index()].hub;
        let slot = self.hubs[hub as usize].groups.get(group).copied()?;
        self.groups.contains(key, slot).then_some(slot)
    }

    /// What a client's state is from now on, or that it has none.
    pub(crate) fn state_item(&mut self, key: ConnectionKey, state: Option<GroupState>) -> GroupStateItem {
        let unix_ms = self.unix_offset_ms + self.now_ms as i64;
        let connection = &mut self.connections[key.index()];
        let activity = connection.activity();
        activity.state_changed_ms = unix_ms.max(activity.state_changed_ms + 1);
        let updated_at_ms = activity.state_changed_ms;
        let state = state.map(Arc::new);
        GroupStateItem { connection: connection.id, user: connection.user.clone(), state, updated_at_ms }
    }

    /// Keeps a client's state with its connection: a new home is told again.
    pub(crate) fn note_own_state(&mut self, key: ConnectionKey, group: &GroupName, item: &GroupStateItem) {
        let states = &mut self.connections[key.index()].activity().states;
        match &item.state {
            Some(_) => drop(states.insert(group.clone(), item.clone())),
            None => drop(states.remove(group)),
        }
    }

    /// Tells a group's home.
    pub(crate) fn send_state(
        &mut self,
        key: ConnectionKey,
        group: &GroupName,
        item: GroupStateItem,
        answer: bool,
    ) {
        let hub = self.hubs[self.connections[key.index()].hub as usize].name.clone();
        let teller = self.teller(item.connection);
        let letter = Letter::SetState { hub: hub.clone(), group: group.clone(), item, teller, answer };
        self.effects.push(Effect::Send(Recipient::Home(hub, group.clone()), letter));
    }

    /// Other shards have answered a request that was waiting for them.
    pub(crate) fn answered(&mut self, key: ConnectionKey, refused: Option<RequestError>) {
        let Some(PendingAck { ack_id }) = self.connections[key.index()].activity().pending_ack.take() else {
            return;
        };
        self.note_home_request();
        self.finish_request(key, ack_id, refused.map_or(Ok(()), Err));
        self.release(key);
    }

    fn deliver_report(&mut self, keys: &[ConnectionKey], report: &GroupStateReport, now_ms: u64) {
        // All are of one hub. Nothing is numbered that does not stand in a hub's log.
        let numbers = !keys.first().is_some_and(|key| self.is_logged(*key));
        let encodings = Encodings::new(Content::Report(report), self.json_form, &mut self.deflater);
        let mut delivery = Delivery::new(encodings, 0, &self.limits, now_ms);
        delivery.numbers = numbers;
        let mut overflowing = Vec::new();
        for &key in keys {
            let connection = &mut self.connections[key.index()];
            match delivery.deliver(connection) {
                Outcome::Delivered => {
                    self.counters.state_deliveries += 1;
                    self.flushes.mark(key, connection, Lane::Prompt, &self.limits);
                }
                Outcome::Nothing => {}
                Outcome::OutboxFull => overflowing.push((key, false)),
                Outcome::WindowFull => overflowing.push((key, true)),
            }
        }
        delivery.count(&mut self.counters);
        for (key, window) in overflowing {
            self.overflow(key, window);
        }
    }
}
