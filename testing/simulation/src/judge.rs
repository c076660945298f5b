use std::collections::HashSet;

use serde_json::Value;

use crate::model::Model;
use crate::payload;

/// What clients see is judged here.
impl Model {
    /// A plain client has been shown a message: the next one that it expects, but for late ones.
    pub(crate) fn see_plain(&mut self, index: usize, text: &str, now_ms: u64) {
        let identity = payload::identity(text);
        let session = &mut self.sessions[index];
        let Some(message) = self.by_identity.get(&identity).copied() else {
            return self.complain(format!("client {index} was sent {identity}, which nobody published"));
        };
        let ahead = session.expected[session.seen..].iter().position(|copied| copied.message == message);
        let Some(ahead) = ahead else {
            return self
                .complain(format!("client {index} was sent {identity} again, out of order, or by mistake"));
        };
        let skipped = &session.expected[session.seen..session.seen + ahead];
        let lost = skipped.iter().find(|copied| !copied.is_late(now_ms)).map(|copied| copied.message);
        session.seen += ahead + 1;
        session.skipped += ahead;
        if let Some(lost) = lost {
            let lost = &self.accepted[lost].identity;
            self.complain(format!("client {index} was sent {identity} without {lost} before it"));
        }
        self.see_in_order(index, message);
    }

    /// A reliable client has been shown a message with its sequence id, maybe not for the first time. `last` is the newest it knows.
    pub(crate) fn see_sequenced(
        &mut self,
        index: usize,
        text: &str,
        sequence_id: u64,
        last: u64,
        now_ms: u64,
    ) {
        let identity = payload::identity(text);
        let session = &self.sessions[index];
        let at = sequence_id.wrapping_sub(1) as usize;
        let expected = session.expected.get(at).map(|copied| &self.accepted[copied.message].identity);
        if expected != Some(&identity) {
            let expected = expected.cloned();
            return self.complain(format!(
                "client {index}: {identity} has sequence id {sequence_id}, not {expected:?}"
            ));
        }
        if sequence_id <= last {
            return;
        }
        let message = session.expected[at].message;
        let lost = session.expected[last as usize..at].iter().find(|copied| !copied.is_late(now_ms));
        let lost = lost.map(|copied| self.accepted[copied.message].identity.clone());
        self.sessions[index].seen = at + 1;
        self.sessions[index].skipped += at - last as usize;
        if let Some(lost) = lost {
            self.complain(format!("reliable client {index} was sent {identity} without {lost} before it"));
        }
        self.see_in_order(index, message);
    }

    /// Order per publisher, in the order of acceptance.
    fn see_in_order(&mut self, index: usize, message: usize) {
        let publisher = self.accepted[message].publisher.clone();
        let newest = self.sessions[index].newest.insert(publisher, message);
        if newest.is_some_and(|newest| newest >= message) {
            let identity = &self.accepted[message].identity;
            self.complain(format!(
                "client {index} was sent {identity} after a newer message of the same publisher"
            ));
        }
    }

    /// A client has been shown an acknowledgement: of those that it was sent the next one, or a later one if sockets were lost between.
    pub(crate) fn see_ack(&mut self, index: usize, ack: &Value) {
        let seen = (ack["ackId"].as_u64(), ack["success"].as_bool(), ack["error"]["name"].as_str());
        let session = &mut self.sessions[index];
        let sent = &session.acks[session.acks_seen..];
        let same =
            |(ack_id, error): &(u64, Option<&str>)| seen == (Some(*ack_id), Some(error.is_none()), *error);
        let ahead = sent.iter().position(same);
        let may_skip = session.is_reliable();
        match ahead {
            Some(ahead) if ahead == 0 || may_skip => session.acks_seen += ahead + 1,
            _ => self.complain(format!("client {index} was sent an unexpected acknowledgement: {ack}")),
        }
    }

    /// Everything is at rest: whoever still lives must have seen everything.
    pub(crate) fn check_completeness(&mut self, now_ms: u64) {
        let mut complaints = Vec::new();
        for (index, session) in self.sessions.iter().enumerate().filter(|(_, session)| session.alive) {
            let unseen = session.expected[session.seen..].iter().find(|copied| !copied.is_late(now_ms));
            if let Some(copied) = unseen {
                let identity = &self.accepted[copied.message].identity;
                complaints.push(format!("client {index} never saw {identity}"));
            }
            let put: HashSet<_> = session.expected.iter().map(|copied| copied.message).collect();
            for obligation in &session.obligations {
                if !put.contains(&obligation.message) && obligation.leaves == session.leaves {
                    let identity = &self.accepted[obligation.message].identity;
                    complaints.push(format!("{identity} never came to the session of client {index}"));
                }
            }
        }
        self.complaints.extend(complaints);
    }

    /// Copies on a worker that their clients never saw, and copies that could become late at all.
    pub(crate) fn late_copies(&self, worker: usize) -> (u64, u64) {
        let (mut missing, mut droppable) = (0, 0);
        for session in self.sessions.iter().filter(|session| session.worker == worker) {
            let unseen = if session.alive { session.expected.len() - session.seen } else { 0 };
            missing += session.skipped + unseen;
            droppable += session.expected.iter().filter(|copied| copied.deadline_ms != 0).count();
        }
        (missing as u64, droppable as u64)
    }
}
