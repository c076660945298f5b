use std::collections::VecDeque;

use hubwire_hub::{ConnectionKey, Effect, Ending, Event, Occurrence, Opening, Shard};
use hubwire_protocol::codes::{Close, NORMAL};
use hubwire_protocol::websocket::{CloseFrame, Frame, MessageKind, Opcode, close_frame, control_frame};
use hubwire_protocol::{ConnectionId, Data, HubName, json, protobuf};
use rand::Rng;

use crate::around::Around;
use crate::handler::{Due, Handler};
use crate::router::Parcel;
use crate::server_socket::ServerSocket;

/// How long a client has to answer a closing handshake.
const CLOSING_MS_MAX: u64 = 5000;
/// Recipients of large publishes that one turn flushes. Low, so that many have to wait for their turn.
const BULK_FLUSHES_PER_TURN: usize = 3;

/// A socket on its way to a worker.
pub(crate) struct Arrival {
    pub(crate) due_ms: u64,
    pub(crate) wire: usize,
    pub(crate) session: usize,
    pub(crate) purpose: Purpose,
}

/// What a socket is for.
pub(crate) enum Purpose {
    Open(Box<Opening>),
    Resume(HubName, ConnectionId),
}

/// A shard with its sockets: the loop of a gateway's worker, step by step.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) shard: Shard,
    pub(crate) sockets: Vec<Option<ServerSocket>>,
    pub(crate) arrivals: VecDeque<Arrival>,
    pub(crate) handler: Handler,
    /// What the shard wants and has not got yet.
    effects: Vec<Effect>,
}

impl Worker {
    pub(crate) fn new(index: usize, around: &Around) -> Self {
        let mut shard = Shard::new(around.plan.limits.clone());
        // Every other one is watched: that must make no difference to anybody.
        shard.watch(index % 2 == 1, index as u8);
        Self {
            index,
            shard,
            sockets: Vec::new(),
            arrivals: VecDeque::new(),
            handler: Handler::default(),
            effects: Vec::new(),
        }
    }

    /// One turn: takes in what has arrived, changes the shard, then writes to every socket that has something to write.
    pub(crate) fn turn(&mut self, around: &mut Around) {
        while self.arrivals.front().is_some_and(|arrival| arrival.due_ms <= around.now_ms) {
            if let Some(arrival) = self.arrivals.pop_front() {
                self.attach(arrival, around);
            }
        }
        self.take_parcels(around);
        while let Some(due) = self.handler.arrived(around.now_ms) {
            self.take_answer(&due, around);
        }
        for index in 0..self.sockets.len() {
            self.take_writable(ConnectionKey(index as u32), around);
            if around.rng.random_bool(0.7) {
                self.read(ConnectionKey(index as u32), around);
            }
        }
        self.keep_time(around);
        self.carry_out(around);
        let mut flushing = Vec::new();
        self.shard.take_flushes(BULK_FLUSHES_PER_TURN, &mut flushing);
        for key in flushing {
            self.flush(key, around);
        }
        self.carry_out(around);
    }

    fn attach(&mut self, arrival: Arrival, around: &mut Around) {
        let Arrival { wire, session, purpose, .. } = arrival;
        let key = match purpose {
            Purpose::Open(opening) => {
                let key = self.shard.connect(*opening);
                self.absorb(around, &[], "a connect");
                Some(key)
            }
            Purpose::Resume(hub, id) => {
                let expected = around.model.resume(session, self.index, around.now_ms);
                let key = self.shard.resume(&hub, id, around.now_ms);
                if key.is_some() != expected {
                    around
                        .model
                        .complain(format!("the recovery of session {session} should be served: {expected}"));
                }
                key
            }
        };
        let Some(key) = key else {
            let _heard =
                around.wires[wire].to_client.write(&close_frame(&Close::NOT_RECOVERABLE), around.now_ms);
            around.wires[wire].server_open = false;
            return;
        };
        if self.sockets.len() <= key.index() {
            self.sockets.resize_with(key.index() + 1, || None);
        }
        let old = self.sockets[key.index()].replace(ServerSocket::new(wire, session));
        if let Some(old) = old {
            around.wires[old.wire].server_open = false;
        }
    }

    fn take_parcels(&mut self, around: &mut Around) {
        let mut answers = Vec::new();
        for parcel in around.router.arrived(self.index, around.now_ms, &mut around.rng) {
            match parcel {
                Parcel::Envelope(envelope) => {
                    let recipients = around.model.publish(self.index, &envelope, around.now_ms);
                    self.shard.publish(&envelope, around.now_ms);
                    self.absorb(around, &recipients, "a publish");
                }
                Parcel::Command { ticket, hub, command } => {
                    let expected = around.model.execute(self.index, &hub, &command);
                    let reply = self.shard.execute(&hub, &command);
                    self.absorb(around, &[], "a command");
                    if reply != expected {
                        around
                            .model
                            .complain(format!("{command:?} was answered {reply:?}, not {expected:?}"));
                    }
                    answers.push((ticket, reply));
                }
            }
            self.relieve(around);
        }
        self.carry_out(around);
        for (ticket, reply) in answers {
            around.router.answer(ticket, reply);
        }
    }

    /// The application has answered a user event.
    fn take_answer(&mut self, due: &Due, around: &mut Around) {
        let recipients = around.model.answer(self.index, due.connection, &due.outcome, around.now_ms);
        let deliveries_before = self.shard.counters().deliveries;
        self.shard.answer(due.connection, &due.question, due.outcome.clone(), around.now_ms);
        // An acknowledgement follows: once the reply has found room, it can only be that which has not.
        let delivered = self.shard.counters().deliveries > deliveries_before;
        self.absorb(around, if delivered { &[] } else { &recipients }, "an answer");
        self.relieve(around);
    }

    /// A pipe that was full and has room again is an event, as it is for a socket.
    fn take_writable(&mut self, key: ConnectionKey, around: &mut Around) {
        let Some(socket) = self.sockets[key.index()].as_mut().filter(|socket| socket.blocked) else {
            return;
        };
        if around.wires[socket.wire].to_client.room() > 0 {
            socket.blocked = false;
            self.shard.set_blocked(key, false);
            self.flush(key, around);
        }
    }

    fn read(&mut self, key: ConnectionKey, around: &mut Around) {
        let Some(socket) = &mut self.sockets[key.index()] else {
            return;
        };
        if !socket.partial.is_empty() {
            // The client may have been held in the middle of what it had sent.
            let mut input = std::mem::take(&mut socket.partial);
            self.consume(key, &mut input, around);
        }
        if self.shard.is_held(key) {
            return;
        }
        let Some(socket) = &mut self.sockets[key.index()] else {
            return;
        };
        let bytes_max = around.rng.random_range(1..4000);
        let wire = &mut around.wires[socket.wire];
        let arrived = wire.to_server.read(bytes_max, around.now_ms);
        if arrived.is_empty() {
            if wire.is_dead_to_server(around.now_ms) {
                self.drop_socket(key, Ending::Lost, around);
            }
            return;
        }
        let mut input = std::mem::take(&mut socket.partial);
        input.extend_from_slice(&arrived);
        self.consume(key, &mut input, around);
    }

    fn consume(&mut self, key: ConnectionKey, input: &mut [u8], around: &mut Around) {
        let mut taken = 0;
        while let Some(socket) = &mut self.sockets[key.index()] {
            if self.shard.is_held(key) {
                socket.partial = input[taken..].to_vec();
                return;
            }
            let mut decoder = std::mem::take(&mut socket.decoder);
            let decoded = decoder.decode(&mut input[taken..], 1 << 20);
            socket.decoder = decoder;
            match decoded {
                Ok(Some((frame, bytes))) => {
                    taken += bytes;
                    self.accept(key, frame, around);
                    self.relieve(around);
                }
                Ok(None) => {
                    socket.partial = input[taken..].to_vec();
                    return;
                }
                Err(error) => return around.model.complain(format!("a client's frame was refused: {error}")),
            }
        }
    }

    fn accept(&mut self, key: ConnectionKey, frame: Frame<'_>, around: &mut Around) {
        match frame {
            Frame::Fragment | Frame::Pong => {}
            Frame::Ping(payload) => {
                self.shard.answer_ping(key, control_frame(Opcode::Pong, payload));
                self.absorb(around, &[], "a ping");
            }
            Frame::Close(close) => self.finish(key, &close, around),
            Frame::Message(kind, payload) => self.accept_message(key, kind, &payload, around),
            Frame::Compressed(..) => {
                around.model.complain("a client compressed without having asked".to_owned())
            }
        }
    }

    fn accept_message(&mut self, key: ConnectionKey, kind: MessageKind, payload: &[u8], around: &mut Around) {
        let Some(session) = self.sockets[key.index()].as_ref().map(|socket| socket.session) else {
            return;
        };
        let now_ms = around.now_ms;
        if self.shard.subprotocol(key).is_none() {
            let payload = bytes::Bytes::copy_from_slice(payload);
            let data = match kind {
                MessageKind::Text => Data::Text(payload.clone()),
                MessageKind::Binary => Data::Binary(payload.clone()),
            };
            let recipients = around.model.simple_message(session, &data, now_ms);
            self.shard.simple_message(key, kind, payload, now_ms);
            return self.absorb(around, &recipients, "a simple client's message");
        }
        let decoded = if around.model.sessions[session].speech.is_protobuf() {
            protobuf::decode(payload).ok()
        } else {
            std::str::from_utf8(payload).ok().and_then(|text| json::decode(text).ok())
        };
        match decoded {
            Some(request) => {
                let recipients = around.model.request(session, &request, now_ms);
                self.shard.request(key, request, now_ms);
                self.absorb(around, &recipients, "a request");
            }
            _ if around.model.sessions[session].alive => {
                around.model.counters[self.index].invalid_messages += 1;
                around.model.ending.insert(session);
                self.shard.fail(key, &Close::INVALID_JSON);
                self.absorb(around, &[], "an invalid message");
            }
            _ => {}
        }
    }

    /// The client has ended the connection, or has answered that this side did.
    fn finish(&mut self, key: ConnectionKey, close: &CloseFrame, around: &mut Around) {
        self.flush(key, around);
        let ending = match close.code {
            Some(NORMAL) => Ending::Normal(close.reason.clone()),
            _ => Ending::Lost,
        };
        let unfinished = self.shard.outbox(key, around.now_ms).is_none_or(|outbox| !outbox.is_empty());
        if let Some(socket) = self.sockets[key.index()].as_ref().filter(|_| !unfinished) {
            let echo = close_frame(&Close::new(close.code.unwrap_or(NORMAL), ""));
            let _heard = around.wires[socket.wire].to_client.write(&echo, around.now_ms);
        }
        self.drop_socket(key, ending, around);
    }

    fn keep_time(&mut self, around: &mut Around) {
        around.model.expire(self.index, around.now_ms);
        self.shard.keep_time(around.now_ms);
        self.absorb(around, &[], "its recovery window");
        for index in 0..self.sockets.len() {
            let key = ConnectionKey(index as u32);
            let due =
                |socket: &ServerSocket| socket.closing_due_ms.is_some_and(|due_ms| due_ms <= around.now_ms);
            if self.sockets[index].as_ref().is_some_and(due) {
                self.drop_socket(key, Ending::Lost, around);
            } else if self.sockets[index].is_some() && around.rng.random_bool(0.002) {
                self.shard.ping(key);
                self.absorb(around, &[], "a ping");
            }
        }
    }

    fn drop_socket(&mut self, key: ConnectionKey, ending: Ending, around: &mut Around) {
        if let Some(socket) = self.sockets[key.index()].take() {
            around.wires[socket.wire].server_open = false;
            around.model.disconnect(socket.session, ending != Ending::Lost, around.now_ms);
        }
        self.shard.disconnect(key, ending, around.now_ms);
        self.absorb(around, &[], "its socket");
    }

    /// Writes everything that waits, if outboxes fill up although their sockets would take more.
    fn relieve(&mut self, around: &mut Around) {
        if self.shard.is_pressing() {
            self.carry_out(around);
            let mut flushing = Vec::new();
            self.shard.take_flushes(usize::MAX, &mut flushing);
            for key in flushing {
                self.flush(key, around);
            }
        }
    }

    fn flush(&mut self, key: ConnectionKey, around: &mut Around) {
        let Some(socket) = self.sockets.get_mut(key.index()).and_then(Option::as_mut) else {
            return;
        };
        let Some(outbox) = self.shard.outbox(key, around.now_ms) else {
            return;
        };
        let pipe = &mut around.wires[socket.wire].to_client;
        let all = socket.write_all(outbox, pipe, around.now_ms);
        if !all {
            socket.blocked = true;
            self.shard.set_blocked(key, true);
        }
    }

    /// Holds what the shard wants until it is carried out, and compares who ended with who must have.
    fn absorb(&mut self, around: &mut Around, recipients: &[usize], what: &str) {
        let effects = self.shard.take_effects();
        // Nobody looks at what is told, but somebody could.
        let _told = self.shard.take_facts();
        // What ends a session before its own publish leaves the shard ends it with the message; afterwards it was the answer.
        let mut with_message = !recipients.is_empty();
        for effect in &effects {
            match effect {
                Effect::Publish(_) => with_message = false,
                Effect::Notify(Event {
                    connection, occurrence: Occurrence::Disconnected { reason }, ..
                }) => {
                    let session = around.model.find(*connection).unwrap_or_default();
                    if *reason == Close::QUEUE_FULL.reason {
                        self.check_overflow(session, around);
                        around.model.overflow(session, with_message && recipients.contains(&session));
                    }
                    around.model.end(session, reason);
                }
                _ => {}
            }
        }
        around.model.settle(what);
        self.effects.extend(effects);
    }

    /// Only a socket that would block may let its outbox grow up to the bounds.
    fn check_overflow(&self, session: usize, around: &mut Around) {
        let blocked = |socket: &&ServerSocket| socket.session == session && socket.blocked;
        if !self.sockets.iter().flatten().any(|socket| blocked(&socket)) {
            around
                .model
                .complain(format!("the outbox of session {session} is full although its socket takes more"));
        }
    }

    /// From now on the client has a while to answer the closing handshake.
    fn begin_closing(&mut self, key: ConnectionKey, around: &mut Around) {
        if let Some(socket) = self.sockets.get_mut(key.index()).and_then(Option::as_mut) {
            socket.closing_due_ms.get_or_insert(around.now_ms + CLOSING_MS_MAX);
        }
    }

    fn carry_out(&mut self, around: &mut Around) {
        for effect in std::mem::take(&mut self.effects) {
            let carried = match effect {
                Effect::Publish(envelope) => {
                    around.router.publish(self.index, &envelope, around.now_ms, &mut around.rng);
                    Ok(())
                }
                Effect::Interested(hub, target) => around.router.interested(self.index, &hub, &target),
                Effect::Uninterested(hub, target) => around.router.uninterested(self.index, &hub, &target),
                Effect::Closing(key) => {
                    self.begin_closing(key, around);
                    Ok(())
                }
                Effect::Ask { event, question } => {
                    let asked = (event.connection, question);
                    self.handler.ask(self.index, asked, (around.now_ms, &mut around.rng));
                    Ok(())
                }
                // Who is not held is read in its turn anyway.
                Effect::Notify(_) | Effect::Released(_) => Ok(()),
                Effect::Send(..)
                | Effect::Settle(_)
                | Effect::Moved { .. }
                | Effect::Append(_)
                | Effect::Keep(_)
                | Effect::Forget(_) => Err(format!("no client of a course causes the effect {effect:?}")),
            };
            if let Err(complaint) = carried {
                around.model.complain(complaint);
            }
        }
    }
}
