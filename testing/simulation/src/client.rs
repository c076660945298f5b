use std::collections::BTreeMap;

use rand::Rng;
use serde_json::Value;

use crate::around::Around;
use crate::frame::{FrameReader, Incoming};
use crate::session::Speech;
use crate::{dialect, frame, payload};

/// How long an official client waits between two acknowledgements of what it has received.
const SEQUENCE_ACK_INTERVAL_MS: u64 = 1000;
/// How long a client waits for an acknowledgement before it asks again under the same id.
const RETRY_AFTER_MS: u64 = 2500;

/// How a client's life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// It said goodbye with code 1000.
    Goodbye,
    /// Its socket was lost, and it will not or cannot come back.
    Gone,
    /// It was told so with a close code.
    Closed(u16),
}

/// Where a client is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its handshake is on its way.
    Opening,
    Open,
    /// It has said goodbye, and waits for the answer.
    Leaving,
    /// It has no socket and tries again then.
    Waiting(u64),
    Over(Over),
}

/// A client that behaves like an official one: it recovers, drops what it has seen before, acknowledges about once a second, and
/// repeats unanswered requests under the same id.
pub(crate) struct Client {
    pub(crate) session: usize,
    pub(crate) speech: Speech,
    pub(crate) phase: Phase,
    pub(crate) wire: usize,
    /// Whether it has been greeted, and so could come back.
    greeted: bool,
    reader: FrameReader,
    out: Vec<u8>,
    /// Bytes that it reads in one step: slow clients make the service's sockets block.
    bytes_per_step: usize,
    last_sequence_id: u64,
    acknowledged: u64,
    acknowledge_ms: u64,
    next_ack_id: u64,
    pub(crate) serial: u64,
    /// Requests without an answer, and when they were sent.
    pending: BTreeMap<u64, (u64, String)>,
}

impl Client {
    pub(crate) fn new(session: usize, speech: Speech, wire: usize, bytes_per_step: usize) -> Self {
        // Nobody greets a simple client.
        let phase = if matches!(speech, Speech::Simple(_)) { Phase::Open } else { Phase::Opening };
        Self {
            session,
            speech,
            phase,
            wire,
            greeted: false,
            reader: FrameReader::default(),
            out: Vec::new(),
            bytes_per_step,
            last_sequence_id: 0,
            acknowledged: 0,
            acknowledge_ms: 0,
            next_ack_id: 0,
            serial: 0,
            pending: BTreeMap::new(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether nothing is left to be done but to wait for others.
    pub(crate) fn is_at_rest(&self) -> bool {
        match self.phase {
            Phase::Open => {
                self.pending.is_empty() && self.out.is_empty() && self.acknowledged == self.last_sequence_id
            }
            Phase::Over(_) => true,
            _ => false,
        }
    }

    /// What it is waiting for, for a complaint.
    pub(crate) fn describe(&self) -> String {
        let Self { session, speech, phase, pending, last_sequence_id, acknowledged, .. } = self;
        format!(
            "client {session}, {speech:?}, {phase:?}, unanswered {pending:?}, acknowledged {acknowledged} of {last_sequence_id}"
        )
    }

    /// Moves bytes both ways and does what time asks for.
    pub(crate) fn step(&mut self, around: &mut Around) {
        if !matches!(self.phase, Phase::Open | Phase::Opening | Phase::Leaving) {
            return;
        }
        let bytes_max = if around.calm { usize::MAX } else { self.bytes_per_step };
        let wire = &mut around.wires[self.wire];
        let arrived = wire.to_client.read(bytes_max, around.now_ms);
        if !arrived.is_empty() {
            self.phase = if self.phase == Phase::Opening { Phase::Open } else { self.phase };
            self.reader.push(&arrived);
            self.read(around);
        }
        self.keep_time(around);
        self.write_out(around);
        let wire = &around.wires[self.wire];
        // Who was told why its socket closes has drawn its conclusion already.
        let unaware = matches!(self.phase, Phase::Open | Phase::Opening | Phase::Leaving);
        if unaware && !wire.server_open && wire.to_client.is_empty() {
            self.lose(around, around.now_ms);
        }
    }

    /// Hands the socket as much as it takes.
    pub(crate) fn write_out(&mut self, around: &mut Around) {
        let written = around.wires[self.wire].to_server.write(&self.out, around.now_ms);
        self.out.drain(..written);
    }

    fn read(&mut self, around: &mut Around) {
        while matches!(self.phase, Phase::Open | Phase::Leaving) {
            match self.reader.next() {
                Ok(None) => return,
                Ok(Some(incoming)) => self.take(incoming, around),
                Err(error) => return around.model.complain(format!("client {}: {error}", self.session)),
            }
        }
    }

    fn take(&mut self, incoming: Incoming, around: &mut Around) {
        let simple = matches!(self.speech, Speech::Simple(_));
        match incoming {
            Incoming::Text(text) if self.speech.is_protobuf() => {
                around.model.complain(format!("a text frame for a protobuf client: {text}"));
            }
            Incoming::Text(text) if !simple => match serde_json::from_str(&text) {
                Ok(value) => self.take_json(&value, around),
                Err(error) => around.model.complain(format!("client {}: {error} in {text}", self.session)),
            },
            Incoming::Text(text) => {
                // A simple client sees bare payloads, so JSON documents too.
                let json = serde_json::from_str::<Value>(&text).ok();
                let text = json.and_then(|json| json["id"].as_str().map(str::to_owned)).unwrap_or(text);
                around.model.see_plain(self.session, &text, around.now_ms);
            }
            Incoming::Binary(bytes) if simple => {
                around.model.see_plain(self.session, &String::from_utf8_lossy(&bytes), around.now_ms);
            }
            Incoming::Binary(bytes) if self.speech.is_protobuf() => {
                self.take_json(&dialect::message(&bytes), around);
            }
            Incoming::Binary(_) => around.model.complain("a binary frame for a JSON client"),
            Incoming::Ping(payload) => self.send_frame(0xa, &payload, around),
            Incoming::Pong => {}
            Incoming::Close(code) => self.take_close(code, around),
        }
    }

    fn take_json(&mut self, value: &Value, around: &mut Around) {
        match value["type"].as_str() {
            Some("system") if value["event"] == "connected" => {
                let id = around.model.sessions[self.session].id.to_string();
                if self.greeted || value["connectionId"] != id.as_str() {
                    around.model.complain(format!("client {} was greeted wrongly: {value}", self.session));
                }
                self.greeted = true;
            }
            Some("system") => {}
            Some("pong") => {}
            Some("ack") => {
                around.model.see_ack(self.session, value);
                value["ackId"].as_u64().and_then(|ack_id| self.pending.remove(&ack_id));
            }
            Some("message") => self.take_message(value, around),
            _ => around.model.complain(format!("client {} was sent {value}", self.session)),
        }
    }

    fn take_message(&mut self, value: &Value, around: &mut Around) {
        let Some(text) = payload::text_in(value) else {
            return around.model.complain(format!("client {} was sent {value}", self.session));
        };
        match (value["sequenceId"].as_u64(), &self.speech) {
            (Some(sequence_id), speech) if speech.is_reliable() => {
                let last = self.last_sequence_id;
                around.model.see_sequenced(self.session, &text, sequence_id, last, around.now_ms);
                self.last_sequence_id = last.max(sequence_id);
            }
            (None, speech) if !speech.is_reliable() => {
                around.model.see_plain(self.session, &text, around.now_ms)
            }
            _ => around.model.complain(format!("client {} was sent {value}", self.session)),
        }
    }

    /// Official clients give up after 1008 only; after any other code they try to recover, and learn then that there is nothing left.
    fn take_close(&mut self, code: u16, around: &mut Around) {
        if self.phase == Phase::Leaving {
            around.wires[self.wire].hang_up(around.now_ms);
            self.phase = Phase::Over(Over::Goodbye);
            return;
        }
        self.send_frame(0x8, &code.to_be_bytes(), around);
        self.write_out(around);
        around.wires[self.wire].hang_up(around.now_ms);
        self.phase = if code != 1008 && self.speech.is_reliable() && self.greeted {
            Phase::Waiting(around.now_ms + 20)
        } else {
            Phase::Over(Over::Closed(code))
        };
    }

    fn keep_time(&mut self, around: &mut Around) {
        if self.phase != Phase::Open {
            return;
        }
        let now_ms = around.now_ms;
        if self.last_sequence_id > self.acknowledged && now_ms >= self.acknowledge_ms {
            self.acknowledged = self.last_sequence_id;
            self.acknowledge_ms = now_ms + SEQUENCE_ACK_INTERVAL_MS;
            self.send_text(
                &format!(r#"{{"type":"sequenceAck","sequenceId":{}}}"#, self.acknowledged),
                around,
            );
        }
        let late = |(_, (sent_ms, _)): &(&u64, &(u64, String))| *sent_ms + RETRY_AFTER_MS <= now_ms;
        let late: Vec<_> =
            self.pending.iter().filter(late).map(|(id, (_, text))| (*id, text.clone())).collect();
        for (ack_id, text) in late {
            self.send_text(&text, around);
            self.pending.insert(ack_id, (now_ms, text));
        }
    }

    /// Sends a request, which the client repeats until it is acknowledged.
    pub(crate) fn ask(&mut self, members: &str, around: &mut Around) {
        self.next_ack_id += 1;
        let ack_id = self.next_ack_id;
        let text = format!(r#"{{"ackId":{ack_id},{members}}}"#);
        self.send_text(&text, around);
        if around.rng.random_bool(0.05) {
            self.send_text(&text, around);
        }
        self.pending.insert(ack_id, (around.now_ms, text));
    }

    pub(crate) fn send_text(&mut self, text: &str, around: &mut Around) {
        if self.speech.is_protobuf() {
            self.send_frame(0x2, &dialect::request(text), around);
        } else {
            self.send_frame(0x1, text.as_bytes(), around);
        }
    }

    pub(crate) fn send_frame(&mut self, opcode: u8, payload: &[u8], around: &mut Around) {
        let mask = around.rng.random();
        frame::write(&mut self.out, opcode, payload, mask);
    }

    /// Ends the session in good order.
    pub(crate) fn leave(&mut self, around: &mut Around) {
        self.send_frame(0x8, &1000_u16.to_be_bytes(), around);
        self.phase = Phase::Leaving;
    }

    /// The socket is gone. A reliable client comes back, if it knows what to.
    pub(crate) fn lose(&mut self, around: &mut Around, retry_ms: u64) {
        let wire = &mut around.wires[self.wire];
        wire.hang_up(wire.loss_noticed_ms.max(around.now_ms));
        let whole = matches!(self.phase, Phase::Leaving);
        self.phase = match (&self.speech, whole) {
            (_, true) => Phase::Over(Over::Goodbye),
            (speech, _) if speech.is_reliable() && self.greeted => Phase::Waiting(retry_ms),
            _ => Phase::Over(Over::Gone),
        };
    }

    /// Comes back on a new socket. What has not been acknowledged by the service is asked again, under the same ids.
    pub(crate) fn reopen(&mut self, wire: usize, around: &mut Around) {
        self.wire = wire;
        self.phase = Phase::Open;
        self.reader = FrameReader::default();
        self.out.clear();
        // The service may not have seen the last acknowledgement.
        self.acknowledged = 0;
        let pending: Vec<_> = self.pending.values().map(|(_, text)| text.clone()).collect();
        for text in pending {
            self.send_text(&text, around);
        }
    }
}
