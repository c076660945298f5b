//! What the client has in groups, and how a new session gets it back.
//!
//! Only what this client asked for is remembered: groups that the application server added the connection to are not known here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::output::Outputs;
use crate::{
    error::ErrorDetail,
    event::{Event, GroupState, RejoinGroupFailed, RejoinStep},
    wire::{ClientMessage, Codec},
};

/// What the success of a request means for the groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing, and a repetition in another session happens a second time.
    None,
    Joined(String),
    Left(String),
    StateSet(String, Option<GroupState>),
    StateSubscribed(String),
    StateUnsubscribed(String),
}

impl Effect {
    pub(crate) fn of(message: &ClientMessage) -> Self {
        match message {
            ClientMessage::JoinGroup { group, .. } => Self::Joined(group.clone()),
            ClientMessage::LeaveGroup { group, .. } => Self::Left(group.clone()),
            ClientMessage::SetGroupState { group, state, .. } => Self::StateSet(group.clone(), state.clone()),
            ClientMessage::SubscribeGroupState { group, .. } => Self::StateSubscribed(group.clone()),
            ClientMessage::UnsubscribeGroupState { group, .. } => Self::StateUnsubscribed(group.clone()),
            _ => Self::None,
        }
    }

    /// Whether it makes no difference if the request is carried out twice.
    pub(crate) fn is_idempotent(&self) -> bool {
        *self != Self::None
    }
}

#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: BTreeMap<String, Group>,
    /// Requests of a restoration by their ack ids.
    restoring: HashMap<u64, (String, RejoinStep)>,
    rejoined: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Group {
    joined: bool,
    state: Option<GroupState>,
    state_subscribed: bool,
}

impl Groups {
    pub(crate) fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::None => {}
            Effect::Joined(group) => self.groups.entry(group).or_default().joined = true,
            // The service drops state and subscription with the membership.
            Effect::Left(group) => _ = self.groups.remove(&group),
            Effect::StateSet(group, state) => self.groups.entry(group).or_default().state = state,
            Effect::StateSubscribed(group) => {
                self.groups.entry(group).or_default().state_subscribed = true;
            }
            Effect::StateUnsubscribed(group) => {
                self.groups.entry(group).or_default().state_subscribed = false;
            }
        }
    }

    /// Asks a new session for everything.
    pub(crate) fn restore(
        &mut self,
        codec: &dyn Codec,
        mut next_ack_id: impl FnMut() -> u64,
        out: &mut Outputs,
    ) {
        self.cancel();
        for (name, group) in &self.groups {
            // In this order: a state needs the membership, and the service carries requests out in theirs.
            let steps = [
                (group.joined, RejoinStep::Join),
                (group.state.is_some(), RejoinStep::SetState),
                (group.state_subscribed, RejoinStep::SubscribeState),
            ];
            for (_, step) in steps.into_iter().filter(|(wanted, _)| *wanted) {
                let ack_id = next_ack_id();
                out.send(codec, &group.request(name, step, ack_id));
                self.restoring.insert(ack_id, (name.clone(), step));
            }
        }
    }

    pub(crate) fn is_restoring(&self) -> bool {
        !self.restoring.is_empty()
    }

    /// Takes an ack, if it belongs to a restoration.
    pub(crate) fn acknowledge(&mut self, ack_id: u64, outcome: Result<(), ErrorDetail>, out: &mut Outputs) {
        let Some((group, step)) = self.restoring.remove(&ack_id) else { return };
        match outcome {
            Ok(()) if step == RejoinStep::Join => _ = self.rejoined.insert(group),
            Ok(()) => {}
            Err(error) => out.event(Event::RejoinGroupFailed(RejoinGroupFailed { group, step, error })),
        }
    }

    /// What has no answer yet counts as failed.
    pub(crate) fn give_up(&mut self, out: &mut Outputs) {
        let mut unanswered: Vec<_> = self.restoring.drain().collect();
        unanswered.sort_unstable_by_key(|(ack_id, _)| *ack_id);
        for (_, (group, step)) in unanswered {
            let error = ErrorDetail::new("Timeout", "The service did not answer in time.");
            out.event(Event::RejoinGroupFailed(RejoinGroupFailed { group, step, error }));
        }
    }

    /// The groups that were joined anew.
    pub(crate) fn take_rejoined(&mut self) -> Vec<String> {
        std::mem::take(&mut self.rejoined).into_iter().collect()
    }

    pub(crate) fn cancel(&mut self) {
        self.restoring.clear();
        self.rejoined.clear();
    }
}

impl Group {
    fn request(&self, name: &str, step: RejoinStep, ack_id: u64) -> ClientMessage {
        let (group, ack_id) = (name.to_owned(), Some(ack_id));
        match step {
            RejoinStep::Join => ClientMessage::JoinGroup { group, ack_id },
            RejoinStep::SetState => ClientMessage::SetGroupState { group, ack_id, state: self.state.clone() },
            RejoinStep::SubscribeState => ClientMessage::SubscribeGroupState { group, ack_id },
        }
    }
}
