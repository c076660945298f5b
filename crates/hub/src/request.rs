use hubwire_auth::Permission;
use hubwire_protocol::codes::{AckError, Close};
use hubwire_protocol::websocket::MessageKind;
use hubwire_protocol::{Data, GroupName, Message, Metadata, Request, Sender, json};

use crate::shard::Shard;
use crate::{ConnectionKey, Effect, Envelope, Protocol, SimpleMode, Target};

type Outcome = Result<(), AckError>;

/// A client's publish to a group.
struct Publication {
    group: GroupName,
    data: Data,
    metadata: Option<Metadata>,
    no_echo: bool,
    ttl_s: u16,
}

impl Shard {
    /// Carries out what a PubSub client asks. Requests of one connection take effect in the order in which they are handed in.
    pub fn request(&mut self, key: ConnectionKey, request: Request, now_ms: u64) {
        if !self.is_attached(key) {
            return;
        }
        self.counters.requests += 1;
        match request {
            Request::Ping => self.reply(key, json::pong()),
            Request::SequenceAck(sequence_id) => {
                // On a connection that is not reliable it means nothing, and is harmless.
                if let Some(window) = &mut self.connections[key.index()].window {
                    window.acknowledge(sequence_id);
                }
            }
            Request::JoinGroup { group, ack_id } => {
                self.acknowledged(key, ack_id, |shard| shard.request_join(key, &group));
            }
            Request::LeaveGroup { group, ack_id } => {
                self.acknowledged(key, ack_id, |shard| shard.request_leave(key, &group));
            }
            Request::SendToGroup { group, data, metadata, no_echo, ttl_s, ack_id } => {
                let publication = Publication { group, data, metadata, no_echo, ttl_s };
                self.acknowledged(key, ack_id, |shard| shard.request_send(key, publication, now_ms));
            }
            Request::Event { ack_id, .. } => {
                self.acknowledged(key, ack_id, |shard| {
                    shard.counters.events_unhandled += 1;
                    Err(AckError::INTERNAL)
                });
            }
        }
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
        let Protocol::Simple(mode) = &self.connections[key.index()].protocol else {
            return;
        };
        self.counters.requests += 1;
        match &**mode {
            SimpleMode::SendEvent => {
                self.counters.events_unhandled += 1;
                self.refuse(key, &Close::EVENT_FAILED);
            }
            SimpleMode::SendToGroup { group, no_echo } => {
                let data = match kind {
                    MessageKind::Text => Data::Text(payload),
                    MessageKind::Binary => Data::Binary(payload),
                };
                let (group, no_echo) = (group.clone(), *no_echo);
                let publication = Publication { group, data, metadata: None, no_echo, ttl_s: 0 };
                if self.request_send(key, publication, now_ms).is_err() {
                    self.refuse(key, &Close::SEND_NOT_AUTHORIZED);
                }
            }
        }
    }

    fn refuse(&mut self, key: ConnectionKey, close: &Close) {
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
        let Some(ack_id) = ack_id else {
            // Without an id nobody is told of a failure; the counters are.
            let _unreported = act(self);
            return;
        };
        if self.connections[key.index()].ack_memory.contains(ack_id) {
            self.counters.duplicates += 1;
            self.reply(key, json::ack(ack_id, Some(&AckError::duplicate(ack_id))));
            return;
        }
        let outcome = act(self);
        if outcome.is_ok() {
            let ids_max = self.limits.ack_ids_max;
            self.connections[key.index()].ack_memory.remember(ack_id, ids_max);
        }
        self.reply(key, json::ack(ack_id, outcome.as_ref().err()));
    }

    fn request_join(&mut self, key: ConnectionKey, group: &GroupName) -> Outcome {
        self.permit(key, Permission::JoinLeaveGroup, "join", group)?;
        if self.join(key, group) {
            Ok(())
        } else {
            Err(AckError::bad_request(
                "The connection is in too many groups: limit groups_per_connection_max.",
            ))
        }
    }

    fn request_leave(&mut self, key: ConnectionKey, group: &GroupName) -> Outcome {
        self.permit(key, Permission::JoinLeaveGroup, "leave", group)?;
        self.leave(key, group);
        Ok(())
    }

    fn request_send(&mut self, key: ConnectionKey, publication: Publication, now_ms: u64) -> Outcome {
        self.permit(key, Permission::SendToGroup, "send to", &publication.group)?;
        let connection = &self.connections[key.index()];
        let hub = self.hubs[connection.hub as usize].name.clone();
        let sender = Sender::Group { group: publication.group.clone(), user: connection.user.clone() };
        let message = Message { sender, data: publication.data, metadata: publication.metadata };
        let mut envelope = Envelope::new(hub, Target::Group(publication.group), message);
        envelope.ttl_s = publication.ttl_s;
        if publication.no_echo {
            envelope.excluded = [connection.id].into();
        }
        self.publish(&envelope, now_ms);
        self.effects.push(Effect::Publish(envelope));
        Ok(())
    }

    fn permit(
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
        Err(AckError::forbidden(action, group.as_str()))
    }
}
