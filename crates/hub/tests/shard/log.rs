//! Shards that share a log, which the tests fill, withhold and replay.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use hubwire_hub::{
    Act, Author, ConnectionKey, Effect, Entry, Letter, Limits, Logged, Luggage, Parting, Recipient, Refusal,
    Reply,
};
use hubwire_protocol::{ConnectionId, StreamPosition, Subprotocol};

use crate::fixture::Node;

/// What becomes of what is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storing {
    /// It is stored.
    Stored,
    /// It is not stored.
    Refused,
    /// It is stored, and nobody says so in time.
    Unanswered,
}

/// Processes with one worker each, in whose hubs everything goes through a log.
pub(crate) struct LoggedHub {
    pub(crate) nodes: Vec<Node>,
    pub(crate) log: Vec<Entry>,
    known: HashSet<String>,
    pub(crate) storing: Storing,
    /// Whether what is to be kept elsewhere is.
    pub(crate) keeping: bool,
    /// What is kept of sessions and publishers that have begun.
    pub(crate) kept: BTreeMap<ConnectionId, Luggage>,
    /// Sessions and publishers that are to be forgotten, in order.
    pub(crate) forgotten: Vec<Parting>,
    /// What those leave to be said, and is not stored.
    unsaid: Vec<Entry>,
    /// What is to be kept and is not.
    unkept: Vec<(usize, Luggage)>,
    /// What was refused and is not known yet.
    refusals: Vec<(usize, Letter)>,
}

/// What makes an entry stand in the log once.
fn name(entry: &Entry) -> Option<String> {
    let Author { connection, ack_id, stream } = entry.author?;
    match (&entry.act, ack_id, stream) {
        (_, Some(ack_id), _) => Some(format!("{connection} {ack_id}")),
        (Act::Publish(envelope), None, Some(opened)) => {
            let position = envelope.message.stream.as_ref()?;
            Some(format!("{connection} stream {opened} {}", position.sequence_id))
        }
        _ => None,
    }
}

/// The part of a stream that an entry is.
fn part(entry: &mut Entry) -> Option<&mut StreamPosition> {
    let Act::Publish(envelope) = &mut entry.act else { return None };
    Arc::make_mut(&mut envelope.message).stream.as_deref_mut()
}

pub(crate) fn logged_node(limits: Limits) -> Node {
    let mut node = Node::new(limits);
    node.shard.set_logged(Arc::new(Logged { others: true, ..Logged::default() }));
    node
}

impl LoggedHub {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            nodes: (0..nodes).map(|_| logged_node(Limits::default())).collect(),
            log: Vec::new(),
            known: HashSet::new(),
            storing: Storing::Stored,
            keeping: true,
            kept: BTreeMap::new(),
            forgotten: Vec::new(),
            unsaid: Vec::new(),
            unkept: Vec::new(),
            refusals: Vec::new(),
        }
    }

    pub(crate) fn append(&mut self, node: usize, entry: Entry) {
        let author = entry.author;
        let refusal = match self.storing {
            Storing::Refused => Some(Refusal::NotStored),
            storing => {
                let is_new = name(&entry).is_none_or(|name| self.known.insert(name));
                if is_new {
                    self.log.push(entry);
                }
                let unanswered = (storing == Storing::Unanswered).then_some(Refusal::NotStored);
                unanswered.or((!is_new).then_some(Refusal::Duplicate))
            }
        };
        if let (Some(author), Some(refusal)) = (author, refusal) {
            self.refusals.push((node, Letter::AppendRefused { author, refusal }));
        }
    }

    /// What a process wants in the log: it stands still before it is there.
    pub(crate) fn withhold(&mut self, node: usize) -> Vec<Entry> {
        let effects = self.nodes[node].shard.take_effects().into_iter();
        effects
            .filter_map(|effect| if let Effect::Append(entry) = effect { Some(entry) } else { None })
            .collect()
    }

    /// Carries out everything that the shards want, but hands them nothing of the log.
    pub(crate) fn carry_out(&mut self) {
        loop {
            let mut idle = true;
            for index in 0..self.nodes.len() {
                for effect in self.nodes[index].shard.take_effects() {
                    idle = false;
                    match effect {
                        Effect::Append(entry) => self.append(index, entry),
                        Effect::Keep(record) => self.unkept.push((index, *record)),
                        Effect::Forget(parting) => {
                            self.unsaid.extend(parting.farewells.iter().cloned());
                            self.kept.remove(&parting.end.connection);
                            self.forgotten.push(*parting);
                        }
                        Effect::Send(recipient, letter) => {
                            // The first process is the home of all groups.
                            let homes = if matches!(recipient, Recipient::Home(..)) { 1 } else { usize::MAX };
                            for node in self.nodes.iter_mut().take(homes) {
                                node.shard.receive(letter.clone(), node.now_ms);
                            }
                        }
                        _ => {}
                    }
                }
            }
            for (index, letter) in std::mem::take(&mut self.refusals) {
                idle = false;
                let node = &mut self.nodes[index];
                node.shard.receive(letter, node.now_ms);
            }
            idle &= !self.keep() && !self.say_farewells();
            if idle {
                return;
            }
        }
    }

    /// Keeps what is to be kept, and tells publishers so.
    fn keep(&mut self) -> bool {
        let kept = if self.keeping { std::mem::take(&mut self.unkept) } else { Vec::new() };
        for (index, record) in &kept {
            let node = &mut self.nodes[*index];
            let (connection, position) = (record.id, record.position);
            if matches!(record.subprotocol, Subprotocol::Json | Subprotocol::Protobuf) {
                node.shard.receive(Letter::Kept { connection, position }, node.now_ms);
            }
            self.kept.insert(connection, record.clone());
        }
        !kept.is_empty()
    }

    /// Stores what sessions and publishers that have ended leave to be said: behind the messages that stand there in its place.
    fn say_farewells(&mut self) -> bool {
        if self.storing == Storing::Refused {
            return false;
        }
        let unsaid = std::mem::take(&mut self.unsaid);
        let is_idle = unsaid.is_empty();
        for mut entry in unsaid {
            while !name(&entry).is_none_or(|name| self.known.insert(name)) {
                let there = self.log.iter().find(|other| name(other) == name(&entry));
                if there.is_some_and(|there| part(&mut there.clone()).is_some_and(|part| part.end.is_some()))
                {
                    break;
                }
                part(&mut entry).unwrap().sequence_id += 1;
            }
            if !self.log.iter().any(|other| name(other) == name(&entry)) {
                self.log.push(entry);
            }
        }
        !is_idle
    }

    /// Carries out everything, and what comes back from the log as well.
    pub(crate) fn settle(&mut self) {
        loop {
            self.carry_out();
            let mut idle = true;
            for node in &mut self.nodes {
                let position = node.shard.position();
                if let Some(entry) = self.log.get(position as usize) {
                    idle = false;
                    node.shard.apply(position + 1, entry, node.now_ms);
                }
            }
            if idle {
                return;
            }
        }
    }

    pub(crate) fn request(&mut self, node: usize, key: ConnectionKey, text: &str) {
        self.nodes[node].request(key, text);
    }

    /// Makes a request, carries out all that comes of it, and answers what the client is sent.
    pub(crate) fn ask(&mut self, node: usize, key: ConnectionKey, text: &str) -> Vec<String> {
        self.request(node, key, text);
        self.settle();
        self.sent(node, key)
    }

    pub(crate) fn sent(&mut self, node: usize, key: ConnectionKey) -> Vec<String> {
        self.nodes[node].sent(key)
    }

    /// Time passes everywhere.
    pub(crate) fn wait(&mut self, ms: u64) {
        for node in &mut self.nodes {
            node.now_ms += ms;
            node.shard.keep_time(node.now_ms);
        }
        self.settle();
    }

    /// What the registry would have of each session that has changed.
    pub(crate) fn records(&mut self, node: usize) -> Vec<Luggage> {
        match self.nodes[node].execute(hubwire_hub::Command::Record) {
            Reply::Recorded(records) => records,
            other => panic!("{other:?}"),
        }
    }

    /// Has a process take sessions and publishers from their records and the log behind these, in place of another one, which is dead.
    pub(crate) fn take_over(&mut self, dead: usize, records: &[Luggage]) {
        self.nodes[dead] = logged_node(Limits::default());
        let node = &mut self.nodes[dead];
        node.now_ms = 1_000_000;
        node.shard.set_now_ms(node.now_ms);
        let first = records.iter().map(|record| record.position).min().unwrap_or_default();
        node.shard.set_position(first);
        for record in records {
            node.shard.unpack(record);
        }
        self.settle();
        self.nodes[dead].shard.end_publishers();
        self.settle();
    }
}
