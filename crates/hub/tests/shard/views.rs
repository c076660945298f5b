//! Group states over several shards: whatever happens in whatever order, what a subscriber has been told is what is so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hubwire_hub::{
    Command, ConnectionKey, Effect, Ending, Letter, Limits, Protocol, Recipient, Shard, Subject,
};
use hubwire_protocol::{ConnectionId, Subprotocol, json};
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
    now_ms: u64,
}

impl World {
    fn new(shards: usize) -> Self {
        let limits = Arc::new(Limits { recovery_window_ms: u64::MAX / 2, ..Limits::default() });
        let mut world = Self {
            shards: (0..shards).map(|_| Shard::new(limits.clone())).collect(),
            queues: (0..shards).map(|_| (0..shards).map(|_| VecDeque::new()).collect()).collect(),
            clients: Vec::new(),
            members: (0..CONNECTIONS).collect(),
            states: BTreeMap::new(),
            subscribed: BTreeSet::new(),
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
                self.shards[owner].execute(&hub(), &Command::Leave(Subject::Connection(id), group("g")));
                self.left(number);
            }
            Step::End(number) => self.drop_socket(number, Ending::Normal(String::new())),
            Step::Cut(number) if number % 2 == 0 => self.drop_socket(number, Ending::Lost),
            Step::Cut(_) => {}
            Step::Recover(number) => {
                let (owner, id) = (self.owner(number), self.id(number));
                if self.clients[number as usize].away {
                    self.clients[number as usize].away = false;
                    assert!(self.shards[owner].resume(&hub(), id, self.now_ms).is_some());
                }
            }
            Step::Deliver(from, to) => {
                let (from, to) = (from % self.shards.len(), to % self.shards.len());
                if let Some(letter) = self.queues[from][to].pop_front() {
                    self.shards[to].receive(letter, self.now_ms);
                }
            }
        }
        self.carry_out();
        self.read();
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
                let Effect::Send(recipient, letter) = effect else {
                    continue;
                };
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
    fn every_subscriber_ends_up_with_what_is_so(shards in 1_usize..=3, steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new(shards);
        for step in &steps {
            world.take(step);
        }
        world.finish();
    }
}
