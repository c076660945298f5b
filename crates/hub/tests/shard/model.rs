use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hubwire_auth::Permission;
use hubwire_filter::Filter;
use hubwire_hub::{Command, ConnectionKey, Limits, Member, Reply, Subject, Target};
use hubwire_protocol::{ConnectionId, Request, UserId};
use proptest::prelude::*;

use crate::fixture::{Node, envelope, group, id, opening, simple, to_group, user};

const GROUPS_MAX: usize = 2;
const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Step {
    Connect { user: usize, reliable: bool },
    Lose(u128),
    Resume(u128),
    ClientJoins(u128, usize),
    ClientLeaves(u128, usize),
    Join(Who, usize),
    Leave(Who, usize),
    LeaveAll(Who),
    JoinMatching(usize, usize),
    Permit(u128, usize, bool),
    Close(To, u128),
    Publish(To, Vec<u128>, Option<usize>),
}

#[derive(Debug, Clone, Copy)]
enum Who {
    Connection(u128),
    User(usize),
}

#[derive(Debug, Clone, Copy)]
enum To {
    Hub,
    Group(usize),
    User(usize),
    Connection(u128),
}

/// Numbers of connections, most of which exist at some time.
fn number() -> impl Strategy<Value = u128> {
    0..12_u128
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    let who = || prop_oneof![number().prop_map(Who::Connection), name().prop_map(Who::User)];
    let to = || {
        prop_oneof![
            Just(To::Hub),
            name().prop_map(To::Group),
            name().prop_map(To::User),
            number().prop_map(To::Connection)
        ]
    };
    prop_oneof![
        4 => (name(), any::<bool>()).prop_map(|(user, reliable)| Step::Connect { user, reliable }),
        1 => number().prop_map(Step::Lose),
        1 => number().prop_map(Step::Resume),
        4 => (number(), name()).prop_map(|(number, name)| Step::ClientJoins(number, name)),
        2 => (number(), name()).prop_map(|(number, name)| Step::ClientLeaves(number, name)),
        3 => (who(), name()).prop_map(|(who, name)| Step::Join(who, name)),
        2 => (who(), name()).prop_map(|(who, name)| Step::Leave(who, name)),
        1 => who().prop_map(Step::LeaveAll),
        1 => (name(), name()).prop_map(|(filter, name)| Step::JoinMatching(filter, name)),
        2 => (number(), name(), any::<bool>()).prop_map(|(number, name, allow)| Step::Permit(number, name, allow)),
        1 => (to(), number()).prop_map(|(to, excluded)| Step::Close(to, excluded)),
        4 => (to(), prop::collection::vec(number(), 0..12), prop::option::of(name()))
            .prop_map(|(to, excluded, filter)| Step::Publish(to, excluded, filter)),
    ]
}

/// What the simplest shard would know of a connection.
#[derive(Debug)]
struct Known {
    key: ConnectionKey,
    user: UserId,
    reliable: bool,
    attached: bool,
    groups: BTreeSet<&'static str>,
    denied: BTreeSet<&'static str>,
    texts: Vec<String>,
}

struct Pair {
    node: Node,
    model: BTreeMap<ConnectionId, Known>,
    opened: u128,
}

impl Pair {
    fn meant(&self, to: To) -> (Target, Vec<ConnectionId>) {
        let target = match to {
            To::Hub => Target::Hub,
            To::Group(name) => to_group(NAMES[name]),
            To::User(name) => Target::User(user(NAMES[name])),
            To::Connection(number) => Target::Connection(id(number)),
        };
        let meant = |(own, known): &(&ConnectionId, &Known)| match to {
            To::Hub => true,
            To::Group(name) => known.groups.contains(NAMES[name]),
            To::User(name) => known.user.as_str() == NAMES[name],
            To::Connection(number) => **own == id(number),
        };
        (target, self.model.iter().filter(meant).map(|(own, _)| *own).collect())
    }

    fn subject(&self, who: Who) -> (Subject, Vec<ConnectionId>) {
        match who {
            Who::Connection(number) => {
                (Subject::Connection(id(number)), self.meant(To::Connection(number)).1)
            }
            Who::User(name) => (Subject::User(user(NAMES[name])), self.meant(To::User(name)).1),
        }
    }

    /// Joins in the model; false if somebody was in too many groups.
    fn join(&mut self, ids: &[ConnectionId], name: &'static str) -> bool {
        let mut all = true;
        for own in ids {
            let groups = &mut self.model.get_mut(own).unwrap().groups;
            if groups.contains(name) || groups.len() < GROUPS_MAX {
                groups.insert(name);
            } else {
                all = false;
            }
        }
        all
    }

    fn connect(&mut self, name: usize, reliable: bool) {
        let subprotocol = hubwire_protocol::Subprotocol::JsonReliable;
        let protocol = if reliable { hubwire_hub::Protocol::PubSub(subprotocol) } else { simple() };
        let mut opening = opening(self.opened, protocol);
        (opening.user, opening.groups) = (Some(user(NAMES[name])), Vec::new());
        let key = self.node.shard.connect(opening);
        self.node.taken(key);
        let known = Known {
            key,
            user: user(NAMES[name]),
            reliable,
            attached: true,
            groups: BTreeSet::new(),
            denied: BTreeSet::new(),
            texts: Vec::new(),
        };
        self.model.insert(id(self.opened), known);
        self.opened += 1;
    }

    fn client(&mut self, number: u128, name: usize, joins: bool) {
        let own = id(number);
        let Some(known) = self.model.get(&own).filter(|known| known.attached && known.reliable) else {
            return;
        };
        let (key, allowed) = (known.key, !known.denied.contains(NAMES[name]));
        let group = group(NAMES[name]);
        let request = if joins {
            Request::JoinGroup { group, ack_id: Some(self.opened as u64) }
        } else {
            Request::LeaveGroup { group, ack_id: None }
        };
        let remembered = self.node.shard.counters().duplicates;
        self.node.shard.request(key, request, self.node.now_ms);
        let duplicate = self.node.shard.counters().duplicates > remembered;
        self.collect(own);
        if allowed && joins && !duplicate {
            self.join(&[own], NAMES[name]);
        } else if allowed && !joins {
            self.model.get_mut(&own).unwrap().groups.remove(NAMES[name]);
        }
    }

    /// Takes what waits for a connection; messages are kept, answers are not.
    fn collect(&mut self, own: ConnectionId) -> Vec<String> {
        let known = &self.model[&own];
        let (key, reliable) = (known.key, known.reliable);
        if reliable { self.node.texts(key) } else { self.node.sent(key) }
    }

    fn close(&mut self, to: To, excluded: u128) {
        let (target, mut meant) = self.meant(to);
        meant.retain(|own| *own != id(excluded));
        let command = Command::Close { target, excluded: [id(excluded)].into(), reason: "".into() };
        assert_eq!(self.node.execute(command), found(&meant));
        for own in meant {
            let known = self.model.remove(&own).unwrap();
            if known.attached {
                self.node.lose(known.key);
            }
        }
    }

    fn publish(&mut self, to: To, excluded: &[u128], filter: Option<usize>) {
        let (target, mut meant) = self.meant(to);
        let text = format!("m{}", self.node.shard.counters().publishes);
        let mut publish = envelope(target, &text);
        publish.excluded = excluded.iter().map(|number| id(*number)).collect();
        meant.retain(|own| !publish.excluded.contains(own));
        if let Some(name) = filter {
            publish.filter = Some(in_groups(NAMES[name]));
            meant.retain(|own| self.model[own].groups.contains(NAMES[name]));
        }
        self.node.shard.publish(&publish, self.node.now_ms);
        for own in meant {
            self.model.get_mut(&own).unwrap().texts.push(text.clone());
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Connect { user, reliable } => self.connect(*user, *reliable),
            Step::Lose(number) => {
                if let Some(known) = self.model.get_mut(&id(*number)).filter(|known| known.attached) {
                    known.attached = false;
                    let (key, reliable) = (known.key, known.reliable);
                    self.node.lose(key);
                    if !reliable {
                        self.model.remove(&id(*number));
                    }
                }
            }
            Step::Resume(number) => {
                let known = self.model.get_mut(&id(*number)).filter(|known| known.reliable);
                let expected = known.map(|known| {
                    known.attached = true;
                    known.key
                });
                assert_eq!(self.node.resume(*number), expected);
            }
            Step::ClientJoins(number, name) => self.client(*number, *name, true),
            Step::ClientLeaves(number, name) => self.client(*number, *name, false),
            Step::Join(who, name) => {
                let (subject, ids) = self.subject(*who);
                let all = self.join(&ids, NAMES[*name]);
                let expected = if all { found(&ids) } else { Reply::LimitReached };
                assert_eq!(self.node.execute(Command::Join(subject, group(NAMES[*name]))), expected);
            }
            Step::Leave(who, name) => {
                let (subject, ids) = self.subject(*who);
                assert_eq!(self.node.execute(Command::Leave(subject, group(NAMES[*name]))), found(&ids));
                for own in ids {
                    self.model.get_mut(&own).unwrap().groups.remove(NAMES[*name]);
                }
            }
            Step::LeaveAll(who) => {
                let (subject, ids) = self.subject(*who);
                assert_eq!(self.node.execute(Command::LeaveAll(subject)), found(&ids));
                for own in ids {
                    self.model.get_mut(&own).unwrap().groups.clear();
                }
            }
            Step::JoinMatching(filter, name) => {
                let (_, ids) = self.meant(To::Group(*filter));
                let all = self.join(&ids, NAMES[*name]);
                let command =
                    Command::JoinMatching([group(NAMES[*name])].into(), Some(in_groups(NAMES[*filter])));
                assert_eq!(self.node.execute(command), if all { found(&ids) } else { Reply::LimitReached });
            }
            Step::Permit(number, name, allow) => self.permit(*number, NAMES[*name], *allow),
            Step::Close(to, excluded) => self.close(*to, *excluded),
            Step::Publish(to, excluded, filter) => self.publish(*to, excluded, *filter),
        }
    }

    fn permit(&mut self, number: u128, name: &'static str, allow: bool) {
        let permission = Permission::JoinLeaveGroup;
        let command = if allow { Command::Grant } else { Command::Revoke };
        let ids = self.meant(To::Connection(number)).1;
        assert_eq!(self.node.execute(command(id(number), permission, group(name))), found(&ids));
        if let Some(known) = self.model.get_mut(&id(number)) {
            if allow {
                known.denied.remove(name)
            } else {
                known.denied.insert(name)
            };
        }
        let expected = if allow { found(&ids) } else { Reply::Missing };
        assert_eq!(self.node.execute(Command::Check(id(number), permission, group(name))), expected);
    }

    /// The shard knows what the model knows, and has sent what the model says.
    fn check(&mut self) {
        assert_eq!(self.node.shard.connection_count(), self.model.len());
        let tos = [To::Hub].into_iter().chain((0..3).flat_map(|name| [To::Group(name), To::User(name)]));
        for to in tos.chain((0..12).map(To::Connection)) {
            let (target, meant) = self.meant(to);
            assert_eq!(self.node.execute(Command::Exists(target)), found(&meant), "{to:?}");
        }
        for (index, name) in NAMES.iter().enumerate() {
            let ids = self.meant(To::Group(index)).1;
            let member =
                |own: &ConnectionId| Member { connection: *own, user: Some(self.model[own].user.clone()) };
            let members = ids.iter().map(member).collect();
            let listed = self.node.execute(Command::List { group: group(name), after: None, limit: 100 });
            assert_eq!(listed, Reply::Members(members));
        }
        for own in self.model.keys().copied().collect::<Vec<_>>() {
            if self.model[&own].attached {
                let sent = self.collect(own);
                let known = self.model.get_mut(&own).unwrap();
                assert_eq!(sent, std::mem::take(&mut known.texts), "{own}");
                if known.reliable {
                    let key = known.key;
                    self.node.acknowledge(key, u64::MAX);
                }
            }
        }
    }
}

fn in_groups(name: &str) -> Arc<Filter> {
    Arc::new(Filter::parse(&format!("'{name}' in groups")).unwrap())
}

fn found(ids: &[ConnectionId]) -> Reply {
    if ids.is_empty() { Reply::Missing } else { Reply::Done }
}

proptest! {
    #[test]
    fn a_shard_knows_and_delivers_what_the_simplest_one_would(steps in prop::collection::vec(step(), 1..60)) {
        let limits = Limits { groups_per_connection_max: GROUPS_MAX, ..Limits::default() };
        let mut pair = Pair { node: Node::new(limits), model: BTreeMap::new(), opened: 0 };
        for step in &steps {
            pair.take(step);
            pair.check();
        }
    }
}
