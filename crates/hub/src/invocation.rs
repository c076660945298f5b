//! Invocations: user events whose answer goes back to the client that raised them.

use hubwire_protocol::codes::RequestError;
use hubwire_protocol::{InvocationRequest, Notice};

use crate::activity::{CLIENT_NAME_BYTES_MAX, Invocation};
use crate::deadline::Deadline;
use crate::shard::Shard;
use crate::{Answer, ConnectionKey, Effect, Occurrence, Question, Unanswered};

impl Shard {
    pub(crate) fn invoke(&mut self, key: ConnectionKey, request: InvocationRequest, now_ms: u64) {
        self.counters.invocations += 1;
        if let Err(error) = self.begin_invocation(key, &request, now_ms) {
            self.counters.invocations_failed += 1;
            let (invocation_id, outcome) = (&*request.invocation_id, Err(&error));
            self.notify(key, &Notice::InvokeResponse { invocation_id, outcome, metadata: None });
            return;
        }
        let InvocationRequest { invocation_id, event: name, data, metadata } = request;
        let serial = self.invocation_serials;
        let event = self.event(key, Occurrence::User { name, data, metadata });
        self.effects.push(Effect::Ask { event, question: Question::Invocation { invocation_id, serial } });
    }

    fn begin_invocation(
        &mut self,
        key: ConnectionKey,
        request: &InvocationRequest,
        now_ms: u64,
    ) -> Result<(), RequestError> {
        if !(1..=CLIENT_NAME_BYTES_MAX).contains(&request.invocation_id.len()) {
            return Err(RequestError::bad_request("An invocation id has 1 to 1024 bytes."));
        }
        let invocations_max = self.limits.invocations_per_connection_max;
        let activity = self.connections[key.index()].activity();
        if activity.invocations.contains_key(&request.invocation_id) {
            return Err(RequestError::duplicate_invocation(&request.invocation_id));
        }
        if activity.invocations.len() >= invocations_max {
            return Err(RequestError::bad_request(
                "Too many invocations wait for an answer: limit invocations_per_connection_max.",
            ));
        }
        self.invocation_serials += 1;
        let due_ms = now_ms + self.limits.invocation_timeout_ms;
        let deadline = self.deadlines.set(due_ms, Deadline::Invocation(key, request.invocation_id.clone()));
        let invocation = Invocation { serial: self.invocation_serials, deadline };
        activity.invocations.insert(request.invocation_id.clone(), invocation);
        Ok(())
    }

    /// Passes the application's answer on, or why there is none. An answer to an invocation that is over changes nothing.
    pub(crate) fn answer_invocation(
        &mut self,
        key: ConnectionKey,
        invocation_id: &str,
        serial: u64,
        outcome: Result<Answer, Unanswered>,
    ) {
        let answer = outcome.map_err(|unanswered| match unanswered {
            Unanswered::Unhandled => RequestError::NO_HANDLER,
            Unanswered::Failed => RequestError::INTERNAL,
        });
        let activity = self.connections[key.index()].activity.as_ref();
        let pending = activity.and_then(|activity| activity.invocations.get(invocation_id));
        if pending.is_some_and(|invocation| invocation.serial == serial) {
            self.end_invocation(key, invocation_id, answer);
        }
    }

    pub(crate) fn cancel_invocation(&mut self, key: ConnectionKey, invocation_id: &str) {
        self.end_invocation(key, invocation_id, Err(RequestError::INVOCATION_CANCELLED));
    }

    pub(crate) fn invocation_due(&mut self, key: ConnectionKey, invocation_id: &str) {
        self.end_invocation(key, invocation_id, Err(RequestError::INVOCATION_TIMEOUT));
    }

    /// Forgets all that a connection waits for: its client has given up on them when it lost its socket, and would not know an answer.
    pub(crate) fn forget_invocations(&mut self, key: ConnectionKey) {
        let Some(activity) = &mut self.connections[key.index()].activity else {
            return;
        };
        for (_, invocation) in activity.invocations.drain() {
            self.counters.invocations_failed += 1;
            self.deadlines.clear(invocation.deadline);
        }
    }

    fn end_invocation(
        &mut self,
        key: ConnectionKey,
        invocation_id: &str,
        answer: Result<Answer, RequestError>,
    ) {
        let activity = self.connections[key.index()].activity.as_mut();
        let Some(invocation) = activity.and_then(|activity| activity.invocations.remove(invocation_id))
        else {
            return;
        };
        self.deadlines.clear(invocation.deadline);
        if answer.is_err() {
            self.counters.invocations_failed += 1;
        }
        let metadata = answer.as_ref().ok().and_then(|answer| answer.metadata.as_ref());
        let outcome = answer.as_ref().map(|answer| answer.data.as_ref());
        self.notify(key, &Notice::InvokeResponse { invocation_id, outcome, metadata });
    }
}
