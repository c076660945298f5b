//! Events: how they are raised, and what becomes of their answers.

use bytes::Bytes;
use hubwire_protocol::codes::{Close, RequestError};
use hubwire_protocol::{ConnectionId, Data, EventName, GroupName, Message, Metadata, Sender};

use crate::activity::PendingEvent;
use crate::presence::Membership;
use crate::shard::Shard;
use crate::{Act, Answer, ConnectionKey, Effect, Envelope, Event, Occurrence, Question, Target, Unanswered};

impl Shard {
    /// Makes the next event of a connection.
    pub(crate) fn event(&mut self, key: ConnectionKey, occurrence: Occurrence) -> Event {
        let raised_ms = self.now_ms as i64 + self.unix_offset_ms;
        let connection = &mut self.connections[key.index()];
        connection.events += 1;
        if let Some(window) = &mut connection.window {
            window.touch();
        }
        Event {
            connection: connection.id,
            hub: self.hubs[connection.hub as usize].name.clone(),
            id: connection.events,
            user: connection.user.clone(),
            subprotocol: connection.subprotocol.clone(),
            state: connection.state.clone(),
            origin: connection.origin.clone(),
            raised_ms: u64::try_from(raised_ms).unwrap_or_default(),
            cause: self.causes.cause,
            occurrence,
        }
    }

    /// Says that a session goes to another process, or has come from one.
    pub(crate) fn raise_move(&mut self, key: ConnectionKey, arrived: bool) {
        let event = self.event(key, Occurrence::Connected);
        // It is no event of the connection, so it has no number of its own.
        let connection = &mut self.connections[key.index()];
        connection.events -= 1;
        let event = Event { id: connection.events, ..event };
        self.effects.push(Effect::Moved { event, arrived });
    }

    /// Tells the application of something that nobody waits for.
    pub(crate) fn raise(&mut self, key: ConnectionKey, occurrence: Occurrence) {
        let event = self.event(key, occurrence);
        self.effects.push(Effect::Notify(event));
    }

    /// Tells the application of a change of a membership, if it wants to know.
    pub(crate) fn raise_membership(&mut self, key: ConnectionKey, change: Membership, group: &GroupName) {
        let Some(presence) = &self.presence else {
            return;
        };
        let hub = &self.hubs[self.connections[key.index()].hub as usize].name;
        if presence.wants(hub, change, group) {
            let occurrence = match change {
                Membership::Joined => Occurrence::Joined(group.clone()),
                Membership::Left => Occurrence::Left(group.clone()),
            };
            self.raise(key, occurrence);
        }
    }

    /// Asks the application about a user event, and has its client wait: what it sends later is carried out later.
    pub(crate) fn raise_user_event(
        &mut self,
        key: ConnectionKey,
        (name, data, metadata): (EventName, Data, Option<Metadata>),
        ack_id: Option<u64>,
    ) {
        let event = self.event(key, Occurrence::User { name, data: Some(data), metadata });
        self.counters.events += 1;
        // Numbers of events are unique within their connection, which is all that the answer has to be told by.
        let serial = event.id;
        self.connections[key.index()].activity().event = Some(PendingEvent { serial, ack_id });
        self.hold(key);
        self.effects.push(Effect::Ask { event, question: Question::Event { serial } });
    }

    /// Takes in what came of a question. An answer that nobody waits for any more changes nothing but the connection's state.
    pub fn answer(
        &mut self,
        connection: ConnectionId,
        question: &Question,
        outcome: Result<Answer, Unanswered>,
        now_ms: u64,
    ) {
        self.now_ms = now_ms;
        let Some(key) = self.ids.get(&connection).copied() else {
            return;
        };
        match outcome {
            Ok(_) => {}
            Err(Unanswered::Unhandled) => self.counters.events_unhandled += 1,
            Err(Unanswered::Failed) => self.counters.events_failed += 1,
        }
        if let Ok(Answer { state: Some(state), .. }) = &outcome {
            self.keep_connection_state(key, state.clone());
        }
        match question {
            Question::Event { serial } => self.answer_event(key, *serial, outcome),
            Question::Invocation { invocation_id, serial } => {
                self.answer_invocation(key, invocation_id, *serial, outcome);
            }
        }
    }

    fn keep_connection_state(&mut self, key: ConnectionKey, state: Bytes) {
        self.connections[key.index()].state = Some(state);
        self.touch(key);
    }

    fn answer_event(&mut self, key: ConnectionKey, serial: u64, outcome: Result<Answer, Unanswered>) {
        let activity = self.connections[key.index()].activity.as_mut();
        let pending = activity.and_then(|activity| activity.event.take_if(|event| event.serial == serial));
        let Some(PendingEvent { ack_id, .. }) = pending else {
            return;
        };
        let outcome = match outcome {
            Ok(answer) if self.is_logged(key) => {
                self.append_answer(key, ack_id, answer);
                return self.release(key);
            }
            Ok(answer) => {
                self.deliver_answer(key, answer);
                Ok(())
            }
            // The client is never told more: what the application says when it fails is not meant for it.
            Err(_) => Err(RequestError::INTERNAL),
        };
        // The answer itself may have ended the connection, if it did not fit.
        if self.connection_id(key).is_none() {
            return;
        }
        if outcome.is_err() && self.connections[key.index()].pubsub().is_none() {
            return self.refuse(key, &Close::EVENT_FAILED);
        }
        self.finish_request(key, ack_id, outcome);
        self.release(key);
    }

    /// The same by way of the log, so that the answer has the number that it would have elsewhere. The acknowledgement follows it from there.
    fn append_answer(&mut self, key: ConnectionKey, ack_id: Option<u64>, answer: Answer) {
        match self.answer_envelope(key, answer) {
            Some(envelope) => self.append_act(key, ack_id, Act::Publish(envelope)),
            None if ack_id.is_some() => self.append_act(key, ack_id, Act::Remember),
            None => {}
        }
    }

    /// Sends the client what the application has to say.
    fn deliver_answer(&mut self, key: ConnectionKey, answer: Answer) {
        if let Some(envelope) = self.answer_envelope(key, answer) {
            self.publish(&envelope, self.now_ms);
        }
    }

    /// What the application has to say to a client. Metadata alone comes with an empty text.
    fn answer_envelope(&mut self, key: ConnectionKey, answer: Answer) -> Option<Envelope> {
        let data = match (answer.data, &answer.metadata) {
            (Some(data), _) => data,
            (None, Some(_)) => Data::Text(Bytes::new()),
            (None, None) => return None,
        };
        let connection = &self.connections[key.index()];
        let hub = self.hubs[connection.hub as usize].name.clone();
        let message = Message::new(Sender::Server, data, answer.metadata);
        let mut envelope = Envelope::new(hub, Target::Connection(connection.id), message);
        self.announce(key, &mut envelope, true);
        Some(envelope)
    }
}
