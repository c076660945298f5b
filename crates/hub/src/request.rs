use hubwire_auth::Permission;
use hubwire_protocol::codes::{Close, RequestError};
use hubwire_protocol::websocket::MessageKind;
use hubwire_protocol::{Data, EventName, GroupName, Message, Notice, Publication, Request, Sender};

use crate::shard::Shard;
use crate::{Act, ConnectionKey, Effect, Envelope, Party, Protocol, SimpleMode, Target};

type Outcome = Result<(), RequestError>;

/// Why a join is refused that is one too many.
pub(crate) const TOO_MANY_GROUPS: &str =
    "The connection is in too many groups: limit groups_per_connection_max.";

impl Shard {
    /// Carries out what a PubSub client asks. Requests of one connection take effect in the order in which they are handed in.
    pub fn request(&mut self, key: ConnectionKey, request: Request, now_ms: u64) {
        if !self.is_attached(key) {
            return;
        }
        self.now_ms = now_ms;
        self.counters.requests += 1;
        self.note_request(&request);
        self.carry_out(key, request, now_ms);
        self.forget_request();
    }

    fn carry_out(&mut self, key: ConnectionKey, request: Request, now_ms: u64) {
        let Some(request) = self.carry_out_logged(key, request) else {
            return;
        };
        match request {
            Request::Ping => self.notify(key, &Notice::Pong),
            Request::SequenceAck(sequence_id) => {
                // On a connection that is not reliable it means nothing, and is harmless.
                if let Some(window) = &mut self.connections[key.index()].window {
                    window.acknowledge(sequence_id);
                }
            }
            Request::JoinGroup { group, ack_id } => {
                self.acknowledged_when_known(key, ack_id, |shard| shard.request_join(key, &group));
            }
            Request::LeaveGroup { group, ack_id } => {
                self.acknowledged(key, ack_id, |shard| shard.request_leave(key, &group));
            }
            Request::SendToGroup { publication, ack_id } => {
                self.acknowledged(key, ack_id, |shard| shard.request_send(key, publication, now_ms));
            }
            Request::Event { event, data, metadata, ack_id } => {
                if !self.is_duplicate(key, ack_id) {
                    self.raise_user_event(key, (event, data, metadata), ack_id);
                }
            }
            Request::Invoke(request) => self.invoke(key, request, now_ms),
            Request::CancelInvocation { invocation_id } => self.cancel_invocation(key, &invocation_id),
            Request::StartStream { stream, ack_id } => {
                self.acknowledged(key, ack_id, |shard| shard.start_stream(key, stream, now_ms));
            }
            Request::StreamData { stream_id, sequence_id, data } => {
                self.stream_data(key, &stream_id, sequence_id, data, now_ms);
            }
            Request::StreamKeepAlive { stream_id } => self.stream_keep_alive(key, &stream_id, now_ms),
            Request::StreamEnd { stream_id, error } => self.stream_end(key, &stream_id, error, now_ms),
            Request::SetGroupState { group, state, ack_id } => {
                self.answered_by_home(key, ack_id, |shard| shard.set_state(key, &group, state));
            }
            Request::SubscribeGroupState { group, ack_id } => {
                self.answered_by_home(key, ack_id, |shard| shard.subscribe_states(key, &group));
            }
            Request::UnsubscribeGroupState { group, ack_id } => {
                self.acknowledged(key, ack_id, |shard| {
                    shard.unsubscribe_states(key, &group);
                    Ok(())
                });
            }
        }
    }

    /// Carries out what goes through the log in a hub that has one, or cannot. Everything else comes back.
    fn carry_out_logged(&mut self, key: ConnectionKey, request: Request) -> Option<Request> {
        if !self.is_logged(key) {
            return Some(request);
        }
        match request {
            Request::JoinGroup { group, ack_id } => {
                self.append(key, ack_id, |shard| shard.logged_join(key, group));
            }
            Request::LeaveGroup { group, ack_id } => {
                self.append(key, ack_id, |shard| shard.logged_leave(key, group));
            }
            Request::SendToGroup { publication, ack_id } => {
                self.append(key, ack_id, |shard| Ok(Act::Publish(shard.group_envelope(key, publication)?)));
            }
            Request::StartStream { stream, ack_id } => self.open_logged_stream(key, ack_id, stream),
            Request::StreamData { stream_id, sequence_id, data } => {
                self.logged_stream_data(key, &stream_id, sequence_id, data);
            }
            Request::SetGroupState { group, state, ack_id } => {
                self.append_and_wait(key, ack_id, |shard| shard.logged_state(key, group, state));
            }
            Request::SubscribeGroupState { group, ack_id } => {
                self.append_and_wait(key, ack_id, |shard| shard.logged_subscription(key, group));
            }
            Request::UnsubscribeGroupState { group, ack_id } => {
                self.append(key, ack_id, |_| Ok(Act::UnsubscribeStates(group)));
            }
            request => return Some(request),
        }
        None
    }

    /// Carries out what a simple client's message means.
    pub fn simple_message(
        &mut self,
        key: ConnectionKey,
        kind: MessageKind,
        payload: bytes::Bytes,
        now_ms: u64,
    ) {
        if !self.is_attached(key) {
            return;
        }
        self.now_ms = now_ms;
        let Protocol::Simple(mode) = &self.connections[key.index()].protocol else {
            return;
        };
        self.counters.requests += 1;
        let data = match kind {
            MessageKind::Text => Data::Text(payload),
            MessageKind::Binary => Data::Binary(payload),
        };
        match &**mode {
            SimpleMode::SendEvent => {
                self.raise_user_event(key, (EventName::of_simple_clients(), data, None), None);
            }
            SimpleMode::SendToGroup { group, no_echo } => {
                let (group, no_echo) = (group.clone(), *no_echo);
                let publication = Publication { group, data, metadata: None, no_echo, ttl_s: 0 };
                let sent = if self.is_logged(key) {
                    self.group_envelope(key, publication)
                        .map(|envelope| self.append_act(key, None, Act::Publish(envelope)))
                } else {
                    self.request_send(key, publication, now_ms)
                };
                if let Err(error) = sent {
                    self.note_simple_send(key);
                    self.tell_refusal(key, None, &error);
                    self.refuse(key, &Close::SEND_NOT_AUTHORIZED);
                }
            }
        }
    }

    pub(crate) fn refuse(&mut self, key: ConnectionKey, close: &Close) {
        self.close(key, close, close.reason.clone(), close.reason.clone());
    }

    /// Carries out a request unless its id has taken effect before, and acknowledges it. Only success is remembered, so that a failed
    /// request may be repeated under its id. The acknowledgement follows whatever the request made the connection receive.
    fn acknowledged(
        &mut self,
        key: ConnectionKey,
        ack_id: Option<u64>,
        act: impl FnOnce(&mut Self) -> Outcome,
    ) {
        if !self.is_duplicate(key, ack_id) {
            let outcome = act(self);
            self.finish_request(key, ack_id, outcome);
        }
    }

    /// The same for a request that may give the shard an interest: whoever sees the acknowledgement can rely on every other shard knowing
    /// of it. Shards on other nodes are asked first, and the client waits for them.
    fn acknowledged_when_known(
        &mut self,
        key: ConnectionKey,
        ack_id: Option<u64>,
        act: impl FnOnce(&mut Self) -> Outcome,
    ) {
        if !self.spans_nodes {
            return self.acknowledged(key, ack_id, act);
        }
        if self.is_duplicate(key, ack_id) {
            return;
        }
        let outcome = act(self);
        // Also where the shard had the interest before: its first member's join may still be on its way to the others.
        if outcome.is_ok() {
            self.effects.push(Effect::Settle(self.connections[key.index()].id));
            self.await_answer(key, ack_id);
        } else {
            self.finish_request(key, ack_id, outcome);
        }
    }

    /// The same for a request that a group's home carries out: unless it is refused here, it is acknowledged when the home has answered.
    fn answered_by_home(
        &mut self,
        key: ConnectionKey,
        ack_id: Option<u64>,
        act: impl FnOnce(&mut Self) -> Outcome,
    ) {
        if self.is_duplicate(key, ack_id) {
            return;
        }
        match act(self) {
            Ok(()) => self.await_answer(key, ack_id),
            refused => self.finish_request(key, ack_id, refused),
        }
    }

    /// Whether a request's id has taken effect before; then the client has been told.
    pub(crate) fn is_duplicate(&mut self, key: ConnectionKey, ack_id: Option<u64>) -> bool {
        let Some(ack_id) = ack_id.filter(|id| self.connections[key.index()].ack_memory.contains(*id)) else {
            return false;
        };
        self.counters.duplicates += 1;
        self.notify(key, &Notice::Ack { ack_id, error: Some(&RequestError::duplicate(ack_id)) });
        true
    }

    /// Acknowledges a request. Without an id nobody is told of a failure; the counters are.
    pub(crate) fn finish_request(&mut self, key: ConnectionKey, ack_id: Option<u64>, outcome: Outcome) {
        if let Err(error) = &outcome {
            self.tell_refusal(key, ack_id, error);
        }
        let Some(ack_id) = ack_id else {
            return;
        };
        if outcome.is_ok() {
            let ids_max = self.limits.ack_ids_max;
            self.connections[key.index()].ack_memory.remember(ack_id, ids_max);
            self.touch(key);
        }
        self.notify(key, &Notice::Ack { ack_id, error: outcome.as_ref().err() });
    }

    fn request_join(&mut self, key: ConnectionKey, group: &GroupName) -> Outcome {
        self.permit(key, Permission::JoinLeaveGroup, "join", group)?;
        if self.join(key, group, Party::Client) {
            Ok(())
        } else {
            Err(RequestError::bad_request(TOO_MANY_GROUPS))
        }
    }

    fn request_leave(&mut self, key: ConnectionKey, group: &GroupName) -> Outcome {
        self.permit(key, Permission::JoinLeaveGroup, "leave", group)?;
        self.leave(key, group, Party::Client);
        Ok(())
    }

    fn request_send(&mut self, key: ConnectionKey, publication: Publication, now_ms: u64) -> Outcome {
        let envelope = self.group_envelope(key, publication)?;
        self.publish(&envelope, now_ms);
        self.effects.push(Effect::Publish(envelope));
        Ok(())
    }

    /// What a client's message to a group is on its way, if it may send it.
    fn group_envelope(
        &mut self,
        key: ConnectionKey,
        publication: Publication,
    ) -> Result<Envelope, RequestError> {
        self.permit(key, Permission::SendToGroup, "send to", &publication.group)?;
        let connection = &self.connections[key.index()];
        let hub = self.hubs[connection.hub as usize].name.clone();
        let sender = Sender::Group { group: publication.group.clone(), user: connection.user.clone() };
        let message = Message::new(sender, publication.data, publication.metadata);
        let mut envelope = Envelope::new(hub, Target::Group(publication.group), message);
        envelope.ttl_s = publication.ttl_s;
        if publication.no_echo {
            envelope.excluded = [connection.id].into();
        }
        self.announce(key, &mut envelope, false);
        Ok(envelope)
    }

    pub(crate) fn permit(
        &mut self,
        key: ConnectionKey,
        permission: Permission,
        action: &str,
        group: &GroupName,
    ) -> Outcome {
        if self.connections[key.index()].permissions.allows(permission, group.as_str()) {
            return Ok(());
        }
        self.counters.forbidden += 1;
        Err(RequestError::forbidden(action, group.as_str()))
    }
}
