//! A reliable client that outlives nodes: it looks for its session wherever that is, and repeats what was not acknowledged.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use hubwire_hub::ConnectionKey;
use hubwire_protocol::{ConnectionId, Request, json};

use super::client::{GROUPS, hub, opening, taken};
use super::memory_streams::MemoryStreams;
use super::node::{Node, WORKERS};
use super::streamer::Streamer;
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
    joining: HashMap<u64, usize>,
    pub(super) joined: HashSet<usize>,
    pub(super) published: u64,
    pub(super) seen: HashSet<(usize, u64)>,
    newest: BTreeMap<usize, u64>,
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
            joining: HashMap::new(),
            joined: HashSet::new(),
            published: 0,
            seen: HashSet::new(),
            newest: BTreeMap::new(),
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
        let worker = &mut nodes[self.node].workers[self.worker];
        while !worker.shard.is_held(self.key)
            && let Some(text) = self.unread.pop_front()
        {
            worker.shard.request(self.key, json::decode(&text).unwrap(), now_ms);
            worker.carry_out();
        }
    }

    /// Goes on with its stream, opens one in a group, or ends it. Answers the number of the message that it has published.
    pub(super) fn stream(
        &mut self,
        nodes: &mut [Node],
        (me, group): (usize, usize),
        (ends, idle_ms): (bool, u32),
        now_ms: u64,
    ) -> Option<u64> {
        let rests = self.streams.is_content();
        match self.streams.current() {
            Some(stream) if !stream.is_open() => None,
            Some(stream) if ends => {
                let text = stream.end();
                self.say(nodes, text, now_ms);
                None
            }
            Some(stream) => {
                let text = stream.publish();
                let number = stream.next - 1;
                self.say(nodes, text, now_ms);
                Some(number)
            }
            None if !rests => None,
            None => {
                self.acks += 1;
                let text = self.streams.open(me, group, idle_ms, self.acks);
                self.request(nodes, text, now_ms);
                None
            }
        }
    }

    pub(super) fn join(&mut self, nodes: &mut [Node], group: usize, now_ms: u64) {
        self.acks += 1;
        self.joining.insert(self.acks, group);
        let text = format!(r#"{{"type":"joinGroup","group":"{}","ackId":{}}}"#, GROUPS[group], self.acks);
        self.request(nodes, text, now_ms);
    }

    pub(super) fn publish(&mut self, nodes: &mut [Node], me: usize, group: usize, now_ms: u64) {
        (self.acks, self.published) = (self.acks + 1, self.published + 1);
        let text = format!(
            r#"{{"type":"sendToGroup","group":"{}","dataType":"text","data":"{me}:{}","ackId":{}}}"#,
            GROUPS[group], self.published, self.acks
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
        streams: &MemoryStreams,
        now_ms: u64,
    ) -> Result<(), String> {
        let keeper = nodes[by].backlog.resolve_in(&hub(), self.id.node());
        if !nodes[by].backlog.lives(keeper) {
            // The node asks the registry before it says that there is no such session.
            return if streams.has(Subject::Session(self.id)) {
                Ok(())
            } else {
                Err("its session is in no registry".to_owned())
            };
        }
        let Some(index) = nodes.iter().position(|node| node.alive && node.number == keeper) else {
            return Ok(());
        };
        (self.node, self.worker) = (index, usize::from(self.id.worker()) % WORKERS);
        let worker = &mut nodes[index].workers[self.worker];
        let Some(key) = worker.shard.resume(&hub(), self.id, now_ms) else {
            return Err(format!("node {keeper:x} does not have its session"));
        };
        (self.key, self.away) = (key, false);
        self.recoveries += 1;
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
        if acknowledges {
            let worker = &mut nodes[self.node].workers[self.worker];
            worker.shard.request(self.key, Request::SequenceAck(self.last_sequence_id), now_ms);
        }
        self.be_read(nodes, now_ms);
        Ok(())
    }

    fn take(&mut self, sequence_id: u64, text: &str) -> Result<(), String> {
        let digits = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok();
        if self.streams.take_answer(text)? {
            return Ok(());
        }
        if let Some(ack) = text.split_once(r#""ackId":"#).and_then(|(_, rest)| digits(rest)) {
            if !text.contains(r#""success":true"#) && !text.contains("Duplicate") {
                return Err(format!("a request failed: {text}"));
            }
            self.unacknowledged.remove(&ack);
            self.joined.extend(self.joining.remove(&ack));
            self.streams.acknowledged(ack);
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
        let newest = self.newest.entry(sender).or_default();
        if serial < *newest {
            return Err(format!("message {serial} of {sender} came after {newest}"));
        }
        *newest = serial;
        Ok(())
    }
}
