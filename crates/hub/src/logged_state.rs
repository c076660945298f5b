//! Group states in hubs with a log. What a client wants of them goes through the log, so that what was acknowledged outlives its process; then the
//! owner of its connection tells the group's home, as in any other hub. What subscribers are told is not in the log: it has no sequence ids, and
//! whoever comes back is told a new snapshot.

use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{GroupName, GroupState, GroupStateItem};

use crate::activity::PendingAck;
use crate::shard::Shard;
use crate::{Act, ConnectionKey, Entry};

impl Shard {
    /// The same as [`Shard::append`], and waits for what comes of it before anything else of the client is carried out.
    pub(crate) fn append_and_wait(
        &mut self,
        key: ConnectionKey,
        ack_id: Option<u64>,
        act: impl FnOnce(&mut Self) -> Result<Act, RequestError>,
    ) {
        if self.append(key, ack_id, act) {
            self.await_answer(key, ack_id);
        }
    }

    /// What a client's state becomes in the log.
    pub(crate) fn logged_state(
        &mut self,
        key: ConnectionKey,
        group: GroupName,
        state: Option<GroupState>,
    ) -> Result<Act, RequestError> {
        self.check_state(key, &group, state.as_ref())?;
        let item = self.state_item(key, state);
        Ok(Act::SetState(group, item))
    }

    /// What a client's subscription becomes in the log.
    pub(crate) fn logged_subscription(
        &mut self,
        key: ConnectionKey,
        group: GroupName,
    ) -> Result<Act, RequestError> {
        self.check_subscription(key, &group)?;
        Ok(Act::SubscribeStates(group))
    }

    /// Takes in what stands in the log. Nothing comes back while the client waits for the group's home.
    pub(crate) fn apply_states(&mut self, entry: &Entry) -> Option<Result<(), RequestError>> {
        let author = entry.author?;
        let key = self.find(&entry.hub, author.connection)?;
        let waits = self.waits_for(key, author.ack_id);
        let outcome = match &entry.act {
            Act::SetState(group, item) => self.apply_state(key, group, item, waits),
            Act::SubscribeStates(group) => self.apply_subscription(key, group, waits),
            Act::UnsubscribeStates(group) => {
                self.unsubscribe_states(key, group);
                self.touch(key);
                return Some(Ok(()));
            }
            _ => return None,
        };
        match outcome {
            Err(error) if waits => {
                self.answered(key, Some(error));
                None
            }
            Ok(()) if waits => None,
            outcome => Some(outcome),
        }
    }

    fn apply_state(
        &mut self,
        key: ConnectionKey,
        group: &GroupName,
        item: &GroupStateItem,
        waits: bool,
    ) -> Result<(), RequestError> {
        if self.member_slot(key, group).is_none() {
            return Err(RequestError::NOT_A_MEMBER);
        }
        let activity = self.connections[key.index()].activity();
        // It may have been said before this process has taken the session, and said anew what was known then.
        let known_ms = activity.states.get(group).map_or(i64::MIN, |known| known.updated_at_ms);
        let item = GroupStateItem { updated_at_ms: item.updated_at_ms.max(known_ms + 1), ..item.clone() };
        activity.state_changed_ms = activity.state_changed_ms.max(item.updated_at_ms);
        self.note_own_state(key, group, &item);
        self.touch(key);
        self.send_state(key, group, item, waits);
        Ok(())
    }

    fn apply_subscription(
        &mut self,
        key: ConnectionKey,
        group: &GroupName,
        waits: bool,
    ) -> Result<(), RequestError> {
        let slot = self.joined_slot(key, group)?;
        self.note_subscription(key, slot, waits);
        self.touch(key);
        Ok(())
    }

    /// A home has refused a state that stands in the log: whoever reads that must not believe it.
    pub(crate) fn withdraw_logged_state(&mut self, key: ConnectionKey, group: &GroupName) {
        if self.is_logged(key) {
            let item = self.state_item(key, None);
            self.touch(key);
            self.append_act(key, None, Act::SetState(group.clone(), item));
        }
    }

    /// Whether a client waits for what comes of a request.
    pub(crate) fn waits_for(&self, key: ConnectionKey, ack_id: Option<u64>) -> bool {
        let activity = self.connections[key.index()].activity.as_ref();
        activity.is_some_and(|activity| activity.pending_ack == Some(PendingAck { ack_id }))
    }

    /// A client has been answered otherwise, and is read again.
    pub(crate) fn stop_waiting(&mut self, key: ConnectionKey, ack_id: Option<u64>) {
        if self.waits_for(key, ack_id)
            && let Some(activity) = &mut self.connections[key.index()].activity
        {
            activity.pending_ack = None;
            self.release(key);
        }
    }

    /// Entries of the log were gone before they were read. Sessions may have missed messages, and end; others get no answer from there.
    pub(crate) fn miss_entries(&mut self) {
        self.end_sessions(true);
        for key in self.active(|activity| activity.pending_ack.is_some()) {
            if self.is_logged(key) {
                self.answered(key, Some(RequestError::NOT_STORED));
            }
        }
    }
}
