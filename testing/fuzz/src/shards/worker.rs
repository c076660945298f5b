use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hubwire_hub::{ConnectionKey, Effect, Ending, Limits, Opening, Question, Shard};
use hubwire_protocol::codes::{Close, NORMAL};
use hubwire_protocol::websocket::{DecodeError, Frame, MessageKind, Opcode, control_frame};
use hubwire_protocol::{ConnectionId, HubName, Request, Subprotocol, json, protobuf};

use super::client::{Client, Story};
use super::exchange::{Exchange, Parcel};
use crate::lives::Lives;
use crate::shard::socket::Written;

/// The largest message of a client: small, so that the bound itself is met.
const MESSAGE_BYTES_MAX: usize = 120;

/// What one frame said, apart from the buffer that it was read from.
enum Said {
    Nothing,
    Ping(Vec<u8>),
    Message(MessageKind, Vec<u8>),
    Close(Option<u16>),
}

/// One shard and the clients on its sockets: what a worker is, as far as the shard can tell.
pub(super) struct Worker {
    index: usize,
    hub: HubName,
    pub(super) shard: Shard,
    limits: Arc<Limits>,
    pub(super) clients: BTreeMap<ConnectionKey, Client>,
    /// What clients remember whose sockets are gone.
    stories: BTreeMap<ConnectionId, Story>,
    lives: Lives,
    pub(super) questions: Vec<(ConnectionId, Question)>,
    /// Clients that may be read again.
    released: Vec<ConnectionKey>,
}

impl Worker {
    pub(super) fn new(index: usize, hub: &HubName, limits: Arc<Limits>) -> Self {
        let mut shard = Shard::new(limits.clone());
        shard.watch(true, index as u8);
        Self {
            index,
            hub: hub.clone(),
            shard,
            limits,
            clients: BTreeMap::new(),
            stories: BTreeMap::new(),
            lives: Lives::default(),
            questions: Vec::new(),
            released: Vec::new(),
        }
    }

    pub(super) fn connect(&mut self, opening: Opening, subprotocol: Option<Subprotocol>) -> ConnectionKey {
        let id = opening.id;
        let key = self.shard.connect(opening);
        self.lives.begin(id);
        let before = self.clients.insert(key, Client::new(id, subprotocol, Story::default()));
        assert!(before.is_none(), "a slot was used again while its socket was there");
        key
    }

    /// A client that knows its session comes back, perhaps while its old socket is still there.
    pub(super) fn resume(&mut self, id: ConnectionId, now_ms: u64) {
        let hub = self.hub.clone();
        let Some(key) = self.shard.resume(&hub, id, now_ms) else { return };
        assert!(self.lives.contains(&id), "a session was recovered after its end");
        let story = match self.clients.remove(&key) {
            Some(client) => client.into_story(),
            None => self.stories.remove(&id).unwrap_or_default(),
        };
        self.shard.greet_again(key, "token");
        let subprotocol = self.shard.subprotocol(key);
        self.clients.insert(key, Client::new(id, subprotocol, story));
    }

    /// A socket is gone.
    pub(super) fn lose(&mut self, key: ConnectionKey, ending: Ending, now_ms: u64) {
        if let Some(client) = self.clients.remove(&key) {
            self.stories.insert(client.id, client.into_story());
            self.shard.disconnect(key, ending, now_ms);
        }
    }

    /// Takes what a client has sent, frame by frame, as far as it may be read.
    pub(super) fn receive(&mut self, key: ConnectionKey, arrived: &[u8], now_ms: u64) {
        if let Some(client) = self.clients.get_mut(&key).filter(|client| !client.is_deaf) {
            client.partial.extend_from_slice(arrived);
        }
        while !self.shard.is_held(key) {
            let Some(client) = self.clients.get_mut(&key).filter(|client| !client.is_deaf) else {
                return;
            };
            let (said, taken) = match client.decoder.decode(&mut client.partial, MESSAGE_BYTES_MAX) {
                Ok(None) => return,
                Ok(Some((frame, taken))) => (said(frame), taken),
                Err(error) => return self.refuse(key, &error, now_ms),
            };
            client.partial.drain(..taken);
            self.obey(key, said, now_ms);
        }
    }

    fn obey(&mut self, key: ConnectionKey, said: Said, now_ms: u64) {
        match said {
            Said::Nothing => {}
            Said::Ping(payload) => self.shard.answer_ping(key, control_frame(Opcode::Pong, &payload)),
            Said::Close(Some(NORMAL)) => self.lose(key, Ending::Normal(String::new()), now_ms),
            Said::Close(_) => self.lose(key, Ending::Lost, now_ms),
            Said::Message(kind, payload) => {
                if kind == MessageKind::Text && std::str::from_utf8(&payload).is_err() {
                    return self.shard.fail(key, &Close::INVALID_UTF8);
                }
                let Some(subprotocol) = self.shard.subprotocol(key) else {
                    return self.shard.simple_message(key, kind, Bytes::from(payload), now_ms);
                };
                match request(subprotocol, &payload) {
                    Some(request) => {
                        if let (Request::SequenceAck(id), Some(client)) =
                            (&request, self.clients.get_mut(&key))
                        {
                            client.acknowledges(*id);
                        }
                        self.shard.request(key, request, now_ms);
                    }
                    None => self.shard.fail(key, &Close::INVALID_JSON),
                }
            }
        }
    }

    fn refuse(&mut self, key: ConnectionKey, error: &DecodeError, now_ms: u64) {
        if self.shard.connection_id(key).is_none() {
            return self.lose(key, Ending::Lost, now_ms);
        }
        let close =
            if *error == DecodeError::TooLarge { Close::MESSAGE_TOO_LARGE } else { Close::INVALID_FRAME };
        self.shard.fail(key, &close);
        if let Some(client) = self.clients.get_mut(&key) {
            client.is_deaf = true;
        }
    }

    /// Takes in what comes from elsewhere.
    pub(super) fn take(&mut self, parcel: Parcel, exchange: &mut Exchange, now_ms: u64) {
        match parcel {
            Parcel::Envelope(envelope) => self.shard.publish(&envelope, now_ms),
            Parcel::Letter(letter) => self.shard.receive(letter, now_ms),
            Parcel::Command { ticket, hub, command } => {
                let reply = self.shard.execute(&hub, &command);
                self.carry_out(exchange);
                let _told = exchange.answer(ticket, reply);
            }
        }
    }

    /// Writes to some sockets, or to all.
    pub(super) fn flush(&mut self, keys: &[ConnectionKey], frames: usize, partly: bool, now_ms: u64) {
        for key in keys {
            let Some(client) = self.clients.get_mut(key) else { continue };
            let outbox = self.shard.outbox(*key, now_ms).expect("a connection with a socket has an outbox");
            if client.read(outbox, &self.limits, frames, partly) == Written::Closed {
                self.lose(*key, Ending::Lost, now_ms);
            }
        }
    }

    /// Carries out what the shard wants of its surroundings, and reads those on who were held.
    pub(super) fn carry_out(&mut self, exchange: &mut Exchange) {
        loop {
            let effects = self.shard.take_effects();
            let _told = self.shard.take_facts();
            if effects.is_empty() {
                return;
            }
            effects.into_iter().for_each(|effect| self.carry_out_one(effect, exchange));
        }
    }

    /// Reads clients on that were held.
    pub(super) fn read_released(&mut self, exchange: &mut Exchange, now_ms: u64) {
        for key in std::mem::take(&mut self.released) {
            self.receive(key, &[], now_ms);
            self.carry_out(exchange);
        }
    }

    fn carry_out_one(&mut self, effect: Effect, exchange: &mut Exchange) {
        match effect {
            Effect::Publish(envelope) => exchange.publish(Some(self.index), &envelope),
            Effect::Send(recipient, letter) => exchange.send(&recipient, &letter),
            Effect::Interested(hub, target) => exchange.interested(self.index, &hub, &target),
            Effect::Uninterested(hub, target) => exchange.uninterested(self.index, &hub, &target),
            Effect::Notify(event) => self.lives.told(&event),
            Effect::Ask { event, question } => {
                self.lives.told(&event);
                self.questions.push((event.connection, question));
            }
            Effect::Released(key) => self.released.push(key),
            // Its socket may be gone by now: what its client sent behind the fault was read before.
            Effect::Closing(_) => {}
            Effect::Settle(_)
            | Effect::Moved { .. }
            | Effect::Append(_)
            | Effect::Keep(_)
            | Effect::Forget(_) => panic!("the shards are one process: {effect:?}"),
        }
    }

    /// What must hold after every step.
    pub(super) fn check(&self, exchange: &Exchange) {
        self.lives.check(&self.shard, exchange.is_interested(self.index));
    }
}

fn said(frame: Frame<'_>) -> Said {
    match frame {
        Frame::Fragment | Frame::Pong | Frame::Compressed(..) => Said::Nothing,
        Frame::Ping(payload) => Said::Ping(payload.to_vec()),
        Frame::Message(kind, payload) => Said::Message(kind, payload.into_owned()),
        Frame::Close(close) => Said::Close(close.code),
    }
}

fn request(subprotocol: Subprotocol, payload: &[u8]) -> Option<Request> {
    if subprotocol.is_protobuf() {
        return protobuf::decode(payload).ok();
    }
    json::decode(std::str::from_utf8(payload).ok()?).ok()
}
