//! A reliable client that outlives nodes: it looks for its session wherever that is, and repeats what was not acknowledged.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use hubwire_hub::{ConnectionKey, Exchange as _};
use hubwire_protocol::{ConnectionId, Request};

use super::client::{GROUPS, hub, opening, taken};
use super::memory_streams::MemoryStreams;
use super::network::Network;
use super::node::{Node, WORKERS};
use super::states::States;
use super::streamer::{Saying, Streamer};
use crate::nats::streams::Subject;

pub(super) struct Mourner {
    pub(super) id: ConnectionId,
    pub(super) node: usize,
    worker: usize,
    key: ConnectionKey,
    begins_at: u64,
    pub(super) begun: bool,
    /// Its node died before it was told of its connection, or it has said goodbye, or it never comes back.
    pub(super) gone: bool,
    pub(super) away: bool,
    acks: u64,
    unacknowledged: BTreeMap<u64, String>,
    /// What its node does not read at the moment.
    unread: VecDeque<String>,
    pub(super) streams: Streamer,
    pub(super) states: States,
    joining: HashMap<u64, usize>,
    pub(super) joined: HashSet<usize>,
    pub(super) published: u64,
    pub(super) seen: HashSet<(usize, u64)>,
    /// What it has seen, in order: senders and serials.
    pub(super) order: Vec<(usize, u64)>,
    /// Requests that were refused since they were not known to be stored, by their ack ids.
    refused: Vec<u64>,
    /// Messages that were.
    pub(super) late: HashSet<u64>,
    last_sequence_id: u64,
    pub(super) recoveries: u64,
}

impl Mourner {
    pub(super) fn connect(nodes: &mut [Node], node: usize, random: u128, worker: usize) -> Self {
        let id = ConnectionId::on_node(random, nodes[node].number, worker as u8);
        let key = nodes[node].workers[worker].shard.connect(opening(id));
        nodes[node].workers[worker].carry_out();
        Self {
            id,
            node,
            worker,
            key,
            begins_at: nodes[node].backlog.mark(),
            begun: false,
            gone: false,
            away: false,
            acks: 0,
            unacknowledged: BTreeMap::new(),
            unread: VecDeque::new(),
            streams: Streamer::default(),
            states: States::default(),
            joining: HashMap::new(),
            joined: HashSet::new(),
            published: 0,
            seen: HashSet::new(),
            order: Vec::new(),
            refused: Vec::new(),
            late: HashSet::new(),
            last_sequence_id: 0,
            recoveries: 0,
        }
    }

    fn request(&mut self, nodes: &mut [Node], text: String, now_ms: u64) {
        self.unacknowledged.insert(self.acks, text.clone());
        self.say(nodes, text, now_ms);
    }

    fn say(&mut self, nodes: &mut [Node], text: String, now_ms: u64) {
        self.unread.push_back(text);
        self.be_read(nodes, now_ms);
    }

    /// Its node reads what it has said, unless it holds it.
    fn be_read(&mut self, nodes: &mut [Node], now_ms: u64) {
        nodes[self.node].workers[self.worker].read(self.key, &mut self.unread, now_ms);
    }

    /// Goes on with its stream, opens one in a group, or ends it. Answers the number of the message that it has published.
    pub(super) fn stream(
        &mut self,
        nodes: &mut [Node],
        (me, group): (usize, usize),
        (ends, idle_ms): (bool, u32),
        now_ms: u64,
    ) -> Option<u64> {
        match self.streams.go_on((me, group), (ends, idle_ms), &mut self.acks)? {
            Saying::Opening(text) => {
                self.request(nodes, text, now_ms);
                None
            }
            Saying::Part(text, number) => {
                self.say(nodes, text, now_ms);
                number
            }
        }
    }

    /// Says something of itself in a group, or wants to be told what others say there.
    pub(super) fn state(
        &mut self,
        nodes: &mut [Node],
        group: usize,
        (clears, wants): (bool, bool),
        now_ms: u64,
    ) {
        if !self.states.is_content() || !self.joined.contains(&group) {
            return;
        }
        self.acks += 1;
        let text = if wants {
            self.states.subscribe(group, self.acks)
        } else {
            self.states.set(group, clears, self.acks)
        };
        self.request(nodes, text, now_ms);
    }

    pub(super) fn join(&mut self, nodes: &mut [Node], group: usize, now_ms: u64) {
        self.acks += 1;
        self.joining.insert(self.acks, group);
        let text = format!(r#"{{"type":"joinGroup","group":"{}","ackId":{}}}"#, GROUPS[group], self.acks);
        self.request(nodes, text, now_ms);
    }

    /// Publishes a message that says who sent it and the how manieth it is, and so much else.
    pub(super) fn publish(
        &mut self,
        nodes: &mut [Node],
        (me, more): (usize, usize),
        group: usize,
        now_ms: u64,
    ) {
        (self.acks, self.published) = (self.acks + 1, self.published + 1);
        let text = format!(
            r#"{{"type":"sendToGroup","group":"{}","dataType":"text","data":"{me}:{}{}","ackId":{}}}"#,
            GROUPS[group],
            self.published,
            "-".repeat(more),
            self.acks
        );
        self.request(nodes, text, now_ms);
    }

    /// Asks whether its stream is still open: the answer to that may have been lost with a socket.
    pub(super) fn show_life(&mut self, nodes: &mut [Node], now_ms: u64) {
        if let Some(text) = self.streams.current().map(|stream| stream.life()) {
            self.say(nodes, text, now_ms);
        }
    }

    /// Everything that it wanted is acknowledged.
    pub(super) fn is_content(&self) -> bool {
        self.gone || (!self.away && self.unacknowledged.is_empty() && self.streams.is_content())
    }

    /// Its socket ends: with a goodbye, or without, and it never comes back.
    pub(super) fn leave(&mut self, nodes: &mut [Node], ending: hubwire_hub::Ending, now_ms: u64) {
        let worker = &mut nodes[self.node].workers[self.worker];
        worker.shard.disconnect(self.key, ending, now_ms);
        worker.carry_out();
        self.gone = true;
    }

    /// Looks for its session by way of a node.
    pub(super) fn come_back(
        &mut self,
        nodes: &mut [Node],
        by: usize,
        (streams, network): (&MemoryStreams, &Network),
        now_ms: u64,
    ) -> Result<(), String> {
        let keeper = nodes[by].backlog.resolve_in(&hub(), self.id.node());
        if !nodes[by].backlog.lives(keeper) {
            // The node asks the registry before it says that there is no such session.
            return if network.is_parted(by) || streams.has(Subject::Session(self.id)) {
                Ok(())
            } else {
                Err("its session is in no registry".to_owned())
            };
        }
        let Some(index) = nodes.iter().position(|node| node.alive && node.number == keeper) else {
            return Ok(());
        };
        if by != index && (network.is_parted(by) || network.is_parted(index)) {
            return Ok(());
        }
        (self.node, self.worker) = (index, usize::from(self.id.worker()) % WORKERS);
        let worker = &mut nodes[index].workers[self.worker];
        let Some(key) = worker.shard.resume(&hub(), self.id, now_ms) else {
            let kept = streams.has(Subject::Session(self.id));
            return Err(format!(
                "node {keeper:x}, by way of {:x}, does not have session {}, which the registry has: {kept}",
                nodes[by].number, self.id
            ));
        };
        (self.key, self.away) = (key, false);
        self.recoveries += 1;
        self.refused.clear();
        self.unread = self.unacknowledged.values().cloned().chain(self.streams.again()).collect();
        self.be_read(nodes, now_ms);
        Ok(())
    }

    /// Reads everything that waits for it, and acknowledges some of it.
    pub(super) fn read(&mut self, nodes: &mut [Node], acknowledges: bool, now_ms: u64) -> Result<(), String> {
        let node = &mut nodes[self.node];
        self.begun |= node.backlog.is_past(self.begins_at);
        let worker = &mut node.workers[self.worker];
        if worker.shard.connection_id(self.key) != Some(self.id) {
            return Err("its session has ended for no reason".to_owned());
        }
        let frames = taken(worker, self.key, now_ms).unwrap_or_default();
        for (sequence_id, text) in frames {
            self.take(sequence_id, &text)?;
        }
        if !self.refused.is_empty() && !nodes[self.node].workers[self.worker].exchange.is_congested() {
            self.repeat(nodes, now_ms);
        }
        if acknowledges {
            let worker = &mut nodes[self.node].workers[self.worker];
            worker.shard.request(self.key, Request::SequenceAck(self.last_sequence_id), now_ms);
        }
        self.be_read(nodes, now_ms);
        Ok(())
    }

    /// A request of it was refused, whether it hears of that or not: if it is sent again, it comes behind later ones.
    pub(super) fn note_refused(&mut self, ack_id: Option<u64>) {
        let text = ack_id.and_then(|ack_id| self.unacknowledged.get(&ack_id));
        let data = text.and_then(|text| text.split_once(r#""data":""#));
        self.late.extend(data.and_then(|(_, data)| digits(data.split_once(':')?.1)));
    }

    /// Sends what was refused again.
    fn repeat(&mut self, nodes: &mut [Node], now_ms: u64) {
        for ack_id in std::mem::take(&mut self.refused) {
            let text = self.unacknowledged.get(&ack_id).cloned();
            text.into_iter().for_each(|text| self.say(nodes, text, now_ms));
        }
    }

    fn take(&mut self, sequence_id: u64, text: &str) -> Result<(), String> {
        if self.streams.take_answer(text)? || self.states.take(text)? {
            return Ok(());
        }
        if let Some(ack) = text.split_once(r#""ackId":"#).and_then(|(_, rest)| digits(rest)) {
            if text.contains("InternalServerError") {
                self.refused.push(ack);
                return Ok(());
            }
            if !text.contains(r#""success":true"#) && !text.contains("Duplicate") {
                return Err(format!("a request failed: {text}"));
            }
            self.unacknowledged.remove(&ack);
            self.joined.extend(self.joining.remove(&ack));
            self.streams.acknowledged(ack);
            self.states.acknowledged(ack);
        }
        let Some((_, data)) = text.split_once(r#""data":""#) else {
            return Ok(());
        };
        if sequence_id <= self.last_sequence_id {
            return Ok(());
        }
        if sequence_id != self.last_sequence_id + 1 {
            return Err(format!("sequence id {sequence_id} after {}", self.last_sequence_id));
        }
        self.last_sequence_id = sequence_id;
        if text.contains(r#""stream":{"#) {
            return self.streams.take_message(text);
        }
        let (sender, serial) = data.split_once(':').ok_or("a message without a number")?;
        let (sender, serial) = (sender.parse().map_err(|_| "no sender")?, digits(serial).ok_or("no number")?);
        if !self.seen.insert((sender, serial)) {
            return Err(format!("message {serial} of {sender} came twice"));
        }
        self.order.push((sender, serial));
        Ok(())
    }
}

/// The number at the beginning of a text.
fn digits(text: &str) -> Option<u64> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
