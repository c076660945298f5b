//! Group states over several shards, in hubs with a log and without: whatever happens in whatever order, what a subscriber has been told is what
//! is so. With a log, processes may die as well.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hubwire_hub::{
    Act, Command, ConnectionKey, Effect, Ending, Entry, Homes, Letter, Limits, Logged, Luggage, Protocol,
    Recipient, Reply, Shard, Subject,
};
use hubwire_protocol::{ConnectionId, GroupName, HubName, Subprotocol, json};
use proptest::prelude::*;
use serde_json::Value;

use crate::fixture::{group, hub, opening, payload};

/// Connections of a course; half of them are reliable.
const CONNECTIONS: u128 = 6;

#[derive(Debug, Clone)]
enum Step {
    Ask(u128, &'static str),
    Set(u128, u8),
    RemovedByApplication(u128),
    End(u128),
    Cut(u128),
    Recover(u128),
    Deliver(usize, usize),
    /// The rest means something only where there is a log: a shard applies the next entry, records its sessions, or dies and another process
    /// takes them; the home notices the deaths.
    Apply(usize),
    Record(usize),
    Die(usize),
    Notice,
}

/// Processes have died, and homes have stayed where they are.
#[derive(Debug)]
struct Deaths(Vec<u32>);

impl Homes for Deaths {
    fn keeps(&self, _: &HubName, _: &GroupName, _: u32) -> bool {
        true
    }

    fn has_moved(&self, _: &HubName, _: &GroupName) -> bool {
        false
    }

    fn may_have_forgotten(&self, _: &HubName, _: &GroupName) -> bool {
        false
    }

    fn is_gone(&self, _: &HubName, teller: u32) -> bool {
        self.0.contains(&teller)
    }
}

fn step() -> impl Strategy<Value = Step> {
    let connection = 0..CONNECTIONS;
    prop_oneof![
        2 => connection.clone().prop_map(|it| Step::Ask(it, r#"{"type":"joinGroup","group":"g"}"#)),
        1 => connection.clone().prop_map(|it| Step::Ask(it, r#"{"type":"leaveGroup","group":"g"}"#)),
        4 => connection.clone().prop_map(|it| Step::Ask(it, r#"{"type":"subscribeGroupState","group":"g"}"#)),
        1 => connection.clone().prop_map(|it| Step::Ask(it, r#"{"type":"unsubscribeGroupState","group":"g"}"#)),
        1 => connection.clone().prop_map(|it| Step::Ask(it, r#"{"type":"setGroupState","group":"g"}"#)),
        6 => (connection.clone(), any::<u8>()).prop_map(|(it, value)| Step::Set(it, value)),
        1 => connection.clone().prop_map(Step::RemovedByApplication),
        1 => connection.clone().prop_map(Step::End),
        2 => connection.clone().prop_map(Step::Cut),
        2 => connection.prop_map(Step::Recover),
        12 => (0_usize..3, 0_usize..3).prop_map(|(from, to)| Step::Deliver(from, to)),
        8 => (0_usize..3).prop_map(Step::Apply),
        2 => (0_usize..3).prop_map(Step::Record),
        1 => (0_usize..3).prop_map(Step::Die),
        2 => Just(Step::Notice),
    ]
}

/// One client, and what it makes of its frames.
#[derive(Default)]
struct Client {
    key: Option<ConnectionKey>,
    away: bool,
    /// The states as it has been told, with the time of each; none before the first snapshot.
    view: Option<BTreeMap<String, (i64, Option<Value>)>>,
    last_sequence_id: u64,
}

struct World {
    shards: Vec<Shard>,
    /// Letters on their way, by sender and receiver.
    queues: Vec<Vec<VecDeque<Letter>>>,
    clients: Vec<Client>,
    /// What is so: who is a member, who has which state, who is subscribed.
    members: BTreeSet<u128>,
    states: BTreeMap<u128, u8>,
    subscribed: BTreeSet<u128>,
    logged: bool,
    log: Vec<Entry>,
    /// What is recorded of the sessions of each shard.
    records: Vec<BTreeMap<ConnectionId, Luggage>>,
    /// The process of each shard, as homes know it.
    processes: Vec<u32>,
    /// Processes whose death the home has not noticed.
    dead: Vec<u32>,
    now_ms: u64,
}

impl World {
    fn new(shards: usize, logged: bool) -> Self {
        let mut world = Self {
            shards: (0..shards).map(|_| shard(logged)).collect(),
            queues: (0..shards).map(|_| (0..shards).map(|_| VecDeque::new()).collect()).collect(),
            clients: Vec::new(),
            members: (0..CONNECTIONS).collect(),
            states: BTreeMap::new(),
            subscribed: BTreeSet::new(),
            logged,
            log: Vec::new(),
            records: vec![BTreeMap::new(); shards],
            processes: (1..=shards as u32).collect(),
            dead: Vec::new(),
            now_ms: 1,
        };
        for number in 0..CONNECTIONS {
            let reliable = if number % 2 == 0 { Subprotocol::JsonReliable } else { Subprotocol::Json };
            let mut opening = opening(number, Protocol::PubSub(reliable));
            opening.id = world.id(number);
            let owner = world.owner(number);
            let key = world.shards[owner].connect(opening);
            world.clients.push(Client { key: Some(key), ..Client::default() });
        }
        world.carry_out();
        world
    }

    fn owner(&self, number: u128) -> usize {
        number as usize % self.shards.len()
    }

    fn id(&self, number: u128) -> ConnectionId {
        ConnectionId::new(number << 8, self.owner(number) as u8)
    }

    fn take(&mut self, step: &Step) {
        self.now_ms += 1;
        match *step {
            Step::Ask(number, request) => self.ask(number, request, None),
            Step::Set(number, value) => {
                let request = format!(r#"{{"type":"setGroupState","group":"g","state":{{"v":"{value}"}}}}"#);
                self.ask(number, &request, Some(value));
            }
            Step::RemovedByApplication(number) => {
                let (owner, id) = (self.owner(number), self.id(number));
                let command = Command::Leave(Subject::Connection(id), group("g"));
                if self.logged {
                    self.log.push(Entry { hub: hub(), author: None, act: Act::Command(command) });
                } else {
                    self.shards[owner].execute(&hub(), &command);
                }
                self.left(number);
            }
            Step::End(number) => self.drop_socket(number, Ending::Normal(String::new())),
            Step::Cut(number) if number % 2 == 0 => self.drop_socket(number, Ending::Lost),
            Step::Cut(_) => {}
            Step::Recover(number) => {
                let (owner, id) = (self.owner(number), self.id(number));
                if self.clients[number as usize].away {
                    let key = self.shards[owner].resume(&hub(), id, self.now_ms);
                    assert!(key.is_some());
                    let client = &mut self.clients[number as usize];
                    (client.away, client.key) = (false, key);
                }
            }
            Step::Deliver(from, to) => {
                let (from, to) = (from % self.shards.len(), to % self.shards.len());
                if let Some(letter) = self.queues[from][to].pop_front() {
                    self.shards[to].receive(letter, self.now_ms);
                }
            }
            Step::Apply(shard) => self.apply(shard % self.shards.len()),
            Step::Record(shard) if self.logged => self.record(shard % self.shards.len()),
            // The home lives: what happens when homes move is the matter of `nodes`.
            Step::Die(shard) if self.logged && self.shards.len() > 1 => {
                self.die(shard % (self.shards.len() - 1))
            }
            Step::Record(_) | Step::Die(_) => {}
            Step::Notice => {
                let deaths = Deaths(std::mem::take(&mut self.dead));
                let home = self.shards.len() - 1;
                self.shards[home].receive(Letter::HomesMoved(Arc::new(deaths)), self.now_ms);
            }
        }
        self.carry_out();
        self.read();
    }

    fn apply(&mut self, shard: usize) {
        let position = self.shards[shard].position();
        if let Some(entry) = self.log.get(position as usize) {
            self.shards[shard].apply(position + 1, entry, self.now_ms);
        }
    }

    fn record(&mut self, shard: usize) {
        let Reply::Recorded(records) = self.shards[shard].execute(&hub(), &Command::Record) else {
            panic!("a shard says what has changed");
        };
        self.records[shard].extend(records.into_iter().map(|record| (record.id, record)));
        let position = self.shards[shard].position();
        self.records[shard].values_mut().for_each(|record| record.position = position);
    }

    /// A shard is gone, with all that it had on its way. Another process takes its sessions from their records and the log behind them.
    fn die(&mut self, index: usize) {
        let mut replay = shard(true);
        let records = &self.records[index];
        replay.set_position(records.values().map(|record| record.position).min().unwrap_or_default());
        records.values().for_each(|record| drop(replay.unpack(record)));
        for position in replay.position()..self.log.len() as u64 {
            replay.apply(position + 1, &self.log[position as usize], self.now_ms);
        }
        let mut heir = shard(true);
        heir.set_now_ms(self.now_ms);
        heir.set_position(self.log.len() as u64);
        replay.pack_sessions(true).iter().for_each(|session| drop(heir.unpack(session)));
        let origins = (0..CONNECTIONS).map(|number| self.id(number).node()).collect();
        let (origins, term) = (Arc::new(origins), u64::from(self.processes[index]));
        heir.receive(Letter::SessionsTaken { origins, term }, self.now_ms);
        self.shards[index] = heir;
        for other in 0..self.shards.len() {
            self.queues[index][other].clear();
            self.queues[other][index].clear();
        }
        self.dead.push(self.processes[index]);
        self.processes[index] += self.shards.len() as u32;
        let owned: Vec<_> = (0..CONNECTIONS).filter(|number| self.owner(*number) == index).collect();
        for number in owned {
            if number % 2 == 0 {
                self.clients[number as usize].away = self.clients[number as usize].key.is_some();
            } else {
                self.clients[number as usize].key = None;
                self.left(number);
            }
        }
    }

    /// Makes a request, unless the client is not there or is held; and notes what has become so.
    fn ask(&mut self, number: u128, request: &str, value: Option<u8>) {
        let owner = self.owner(number);
        let client = &self.clients[number as usize];
        let Some(key) = client.key.filter(|_| !client.away) else {
            return;
        };
        if self.shards[owner].is_held(key) {
            return;
        }
        // It knows what became of all that was asked for before.
        while self.logged && self.shards[owner].position() < self.log.len() as u64 {
            self.apply(owner);
        }
        self.shards[owner].request(key, json::decode(request).unwrap(), self.now_ms);
        if request.contains("joinGroup") {
            self.members.insert(number);
        } else if request.contains("leaveGroup") {
            self.left(number);
        } else if request.contains("unsubscribe") {
            self.subscribed.remove(&number);
        } else if !self.members.contains(&number) {
        } else if request.contains("subscribe") {
            self.subscribed.insert(number);
        } else if let Some(value) = value {
            self.states.insert(number, value);
        } else {
            self.states.remove(&number);
        }
    }

    fn left(&mut self, number: u128) {
        self.members.remove(&number);
        self.states.remove(&number);
        self.subscribed.remove(&number);
    }

    fn drop_socket(&mut self, number: u128, ending: Ending) {
        let owner = self.owner(number);
        let client = &mut self.clients[number as usize];
        if client.away {
            return;
        }
        let Some(key) = client.key else {
            return;
        };
        client.away = ending == Ending::Lost;
        if !client.away {
            client.key = None;
            self.left(number);
        }
        self.shards[owner].disconnect(key, ending, self.now_ms);
    }

    fn carry_out(&mut self) {
        for from in 0..self.shards.len() {
            for effect in self.shards[from].take_effects() {
                let (recipient, mut letter) = match effect {
                    Effect::Send(recipient, letter) => (recipient, letter),
                    Effect::Append(entry) => {
                        self.log.push(entry);
                        continue;
                    }
                    Effect::Keep(record) => {
                        self.records[from].insert(record.id, *record);
                        continue;
                    }
                    Effect::Forget(parting) => {
                        self.records[from].remove(&parting.end.connection);
                        continue;
                    }
                    _ => continue,
                };
                if let Letter::SetState { teller, .. } = &mut letter {
                    teller.node = if from + 1 == self.shards.len() { 0 } else { self.processes[from] };
                }
                let shards = self.shards.len();
                let to = match recipient {
                    Recipient::Home(..) => shards - 1..shards,
                    Recipient::Owner(id) => usize::from(id.worker())..usize::from(id.worker()) + 1,
                    Recipient::Members(..) => 0..shards,
                };
                for to in to {
                    self.queues[from][to].push_back(letter.clone());
                }
            }
        }
    }

    /// Has every client that is there read what waits for it.
    fn read(&mut self) {
        for number in 0..CONNECTIONS {
            let owner = self.owner(number);
            let client = &mut self.clients[number as usize];
            let Some(key) = client.key.filter(|_| !client.away) else {
                continue;
            };
            let Some(outbox) = self.shards[owner].outbox(key, self.now_ms) else {
                continue;
            };
            let frames: Vec<_> = outbox.frames().cloned().collect();
            outbox.written(frames.len(), false);
            for frame in frames {
                let mut bytes = Vec::new();
                frame.write_head(&mut bytes);
                bytes.extend_from_slice(&frame.bytes);
                client.understand(&serde_json::from_str(&payload(&bytes)).unwrap_or_default());
            }
        }
    }

    fn finish(&mut self) {
        for number in 0..CONNECTIONS {
            self.take(&Step::Recover(number));
        }
        for shard in 0..self.shards.len() {
            while self.shards[shard].position() < self.log.len() as u64 {
                self.take(&Step::Apply(shard));
            }
        }
        self.take(&Step::Notice);
        while self.queues.iter().flatten().any(|queue| !queue.is_empty()) {
            for from in 0..self.shards.len() {
                for to in 0..self.shards.len() {
                    self.take(&Step::Deliver(from, to));
                }
            }
        }
        let truth: BTreeMap<String, Value> = self
            .states
            .iter()
            .map(|(number, value)| {
                (self.id(*number).to_string(), serde_json::json!({ "v": value.to_string() }))
            })
            .collect();
        for number in &self.subscribed {
            let view = self.clients[*number as usize].view.as_ref().expect("a subscriber has a snapshot");
            let present = view.iter().filter_map(|(id, (_, state))| Some((id.clone(), state.clone()?)));
            assert_eq!(present.collect::<BTreeMap<_, _>>(), truth, "as connection {number} sees it");
        }
        for number in 0..CONNECTIONS {
            let owner = self.owner(number);
            if let Some(key) = self.clients[number as usize].key {
                assert!(!self.shards[owner].is_held(key), "connection {number} is held for ever");
            }
            self.take(&Step::End(number));
        }
        for shard in &mut self.shards {
            // What was set for sessions that have been recovered passes by.
            shard.keep_time(u64::MAX);
            assert_eq!((shard.connection_count(), shard.next_due_ms()), (0, None));
        }
    }
}

fn shard(logged: bool) -> Shard {
    let limits = Limits { recovery_window_ms: u64::MAX / 2, ..Limits::default() };
    let mut shard = Shard::new(Arc::new(limits));
    shard.set_logged(Arc::new(Logged { others: logged, ..Logged::default() }));
    shard
}

impl Client {
    fn understand(&mut self, message: &Value) {
        if let Some(sequence_id) = message["sequenceId"].as_u64() {
            if sequence_id <= self.last_sequence_id {
                return;
            }
            assert_eq!(sequence_id, self.last_sequence_id + 1, "nothing is missing");
            self.last_sequence_id = sequence_id;
        }
        let items = message["items"].as_array().into_iter().flatten();
        let item = |item: &Value| {
            let id = item["connectionId"].as_str().unwrap().to_owned();
            (id, (item["updatedAt"].as_i64().unwrap(), item.get("state").cloned()))
        };
        if message["type"] == "groupStateSnapshot" {
            self.view = Some(items.map(item).collect());
        } else if message["type"] == "groupStateUpdate" {
            let view = self.view.as_mut().expect("a snapshot comes before the first update");
            for (id, (updated_at, state)) in items.map(item) {
                if let Some((known, _)) = view.get(&id) {
                    assert!(updated_at > *known, "an update comes twice, or late");
                }
                view.insert(id, (updated_at, state));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_subscriber_ends_up_with_what_is_so(shards in 1_usize..=3, logged in any::<bool>(), steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new(shards, logged);
        for step in &steps {
            world.take(step);
        }
        world.finish();
    }
}
