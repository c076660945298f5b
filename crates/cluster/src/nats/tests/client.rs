use std::collections::{BTreeMap, HashMap, HashSet};

use hubwire_auth::Permissions;
use hubwire_hub::{ConnectionKey, Opening, Protocol};
use hubwire_protocol::{ConnectionId, GroupName, HubName, Request, Subprotocol, json};

use super::node::{Node, Worker};

pub(super) const GROUPS: [&str; 4] = ["g", "h", "i", "j"];

pub(super) fn hub() -> HubName {
    HubName::parse("chat").unwrap()
}

pub(super) fn group(index: usize) -> GroupName {
    GroupName::parse(GROUPS[index]).unwrap()
}

/// A reliable connection that may join and send to every group.
pub(super) fn opening(id: ConnectionId) -> Opening {
    let rights = ["sendToGroup", "joinLeaveGroup", "setGroupState", "getGroupState"];
    let roles = rights.map(|right| format!("webpubsub.{right}"));
    Opening {
        id,
        hub: hub(),
        user: None,
        permissions: Permissions::from_roles(roles.iter().map(String::as_str)).0,
        groups: Vec::new(),
        protocol: Protocol::PubSub(Subprotocol::JsonReliable),
        subprotocol: Some("json.reliable.webpubsub.azure.v1".into()),
        reconnection_token: None,
        origin: "localhost".into(),
        state: None,
    }
}

/// Everything that waits for a connection, with its sequence ids; none of it waits any longer. `None` without a socket.
pub(super) fn taken(worker: &mut Worker, key: ConnectionKey, now_ms: u64) -> Option<Vec<(u64, String)>> {
    let outbox = worker.shard.outbox(key, now_ms)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let frames: Vec<_> = outbox.frames().map(|frame| (frame.sequence_id, text(&frame.bytes))).collect();
    outbox.written(frames.len(), false);
    Some(frames)
}

/// A reliable client whose socket takes everything at once, and what it has seen.
pub(super) struct Client {
    pub(super) id: ConnectionId,
    pub(super) node: usize,
    worker: usize,
    key: ConnectionKey,
    /// Its worker may answer it only when everything before this mark is known everywhere.
    begins_at: u64,
    pub(super) begun: bool,
    pub(super) ended: bool,
    acks: u64,
    /// Joins that are not acknowledged, by their ack ids.
    joining: HashMap<u64, usize>,
    /// The groups whose joins are acknowledged.
    pub(super) joined: HashSet<usize>,
    /// Whether it waits for an answer: then it sends nothing else.
    pub(super) busy: bool,
    /// The messages that it has seen, and the number of the last one of each publisher.
    pub(super) seen: HashSet<(usize, u64)>,
    newest: BTreeMap<usize, u64>,
    last_sequence_id: u64,
    pub(super) published: u64,
    /// Its node has sent it away, and it has not found its session again.
    pub(super) away: bool,
}

impl Client {
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
            ended: false,
            acks: 0,
            joining: HashMap::new(),
            joined: HashSet::new(),
            busy: false,
            seen: HashSet::new(),
            newest: BTreeMap::new(),
            last_sequence_id: 0,
            published: 0,
            away: false,
        }
    }

    fn request(&mut self, worker: &mut Worker, text: &str, now_ms: u64) {
        worker.shard.request(self.key, json::decode(text).unwrap(), now_ms);
        worker.carry_out();
    }

    pub(super) fn join(&mut self, nodes: &mut [Node], group: usize, now_ms: u64) {
        self.acks += 1;
        self.joining.insert(self.acks, group);
        self.busy = true;
        let text = format!(r#"{{"type":"joinGroup","group":"{}","ackId":{}}}"#, GROUPS[group], self.acks);
        self.request(&mut nodes[self.node].workers[self.worker], &text, now_ms);
    }

    /// Publishes a message that says who sent it and the how manieth it is.
    pub(super) fn publish(&mut self, nodes: &mut [Node], me: usize, group: usize, now_ms: u64) {
        self.published += 1;
        let text = format!(
            r#"{{"type":"sendToGroup","group":"{}","dataType":"text","data":"{me}:{}"}}"#,
            GROUPS[group], self.published
        );
        self.request(&mut nodes[self.node].workers[self.worker], &text, now_ms);
    }

    /// Its node stops.
    pub(super) fn send_away(&mut self, nodes: &mut [Node]) {
        let worker = &mut nodes[self.node].workers[self.worker];
        worker.shard.suspend(self.key, &hubwire_protocol::codes::Close::GOING_AWAY);
        worker.carry_out();
        self.away = true;
    }

    /// Looks for its session where its node's sessions have gone. Whether it is somewhere.
    pub(super) fn come_back(&mut self, nodes: &mut [Node], now_ms: u64) {
        let own = self.id.node();
        let hosts = |node: &Node| node.alive && !node.stopping && node.backlog.resolve(own) == node.number;
        let Some(index) = nodes.iter().position(hosts) else {
            return;
        };
        (self.node, self.worker) = (index, usize::from(self.id.worker()) % super::node::WORKERS);
        let worker = &mut nodes[index].workers[self.worker];
        self.away = false;
        let Some(key) = worker.shard.resume(&hub(), self.id, now_ms) else {
            self.ended = true;
            return;
        };
        self.key = key;
        for (ack_id, group) in self.joining.clone() {
            let text = format!(r#"{{"type":"joinGroup","group":"{}","ackId":{ack_id}}}"#, GROUPS[group]);
            self.request(&mut nodes[index].workers[self.worker], &text, now_ms);
        }
    }

    /// Reads everything that waits for it, and acknowledges it. What it must never see is an error.
    pub(super) fn read(&mut self, nodes: &mut [Node], now_ms: u64) -> Result<(), String> {
        let node = &mut nodes[self.node];
        if !node.alive || self.ended || self.away {
            return Ok(());
        }
        self.begun |= node.backlog.is_past(self.begins_at);
        let worker = &mut node.workers[self.worker];
        if worker.shard.connection_id(self.key) != Some(self.id) {
            self.ended = true;
            return Ok(());
        }
        let Some(frames) = taken(worker, self.key, now_ms) else {
            return Ok(());
        };
        for (sequence_id, text) in frames {
            self.take(sequence_id, &text)?;
        }
        let acknowledge = Request::SequenceAck(self.last_sequence_id);
        worker.shard.request(self.key, acknowledge, now_ms);
        Ok(())
    }

    fn take(&mut self, sequence_id: u64, text: &str) -> Result<(), String> {
        let number = |name: &str| {
            let rest = text.split_once(name)?.1;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
        };
        if let Some(ack) = number(r#""ackId":"#) {
            // A request that was repeated after a move may have taken effect before it.
            if !text.contains(r#""success":true"#) && !text.contains("Duplicate") {
                return Err(format!("a join failed: {text}"));
            }
            self.busy = false;
            self.joined.extend(self.joining.remove(&ack));
        }
        let Some((_, data)) = text.split_once(r#""data":""#) else {
            return Ok(());
        };
        let (sender, serial) = data.split_once(':').ok_or("a message without a number")?;
        let serial = serial.split('"').next().and_then(|serial| serial.parse().ok()).ok_or("no number")?;
        let sender: usize = sender.parse().map_err(|_| "no sender")?;
        if sequence_id <= self.last_sequence_id {
            // After a recovery, what was not acknowledged comes again.
            return Ok(());
        }
        if sequence_id != self.last_sequence_id + 1 {
            return Err(format!("sequence id {sequence_id} after {}", self.last_sequence_id));
        }
        self.last_sequence_id = sequence_id;
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
