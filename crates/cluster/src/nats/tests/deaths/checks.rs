//! What holds of a course when it is over.

use std::collections::{BTreeMap, HashMap, HashSet};

use hubwire_hub::{Command, Occurrence, Reply, Target};
use hubwire_protocol::ConnectionId;

use super::World;
use crate::nats::streams::Subject;
use crate::nats::tests::client::{GROUPS, group, hub};
use crate::nats::tests::mourner::Mourner;

impl World {
    pub(super) fn check(&mut self) -> Result<(), String> {
        self.report.recoveries = self.clients.iter().map(|client| client.recoveries).sum();
        for (member, publisher, serial) in &self.obligations {
            let [client, sender] = [&self.clients[*member], &self.clients[*publisher]];
            if !client.gone && !sender.gone && !client.seen.contains(&(*publisher, *serial)) {
                return Err(format!("client {member} never saw message {serial} of {publisher}"));
            }
        }
        self.check_order()?;
        self.check_streams()?;
        self.check_speakers()?;
        self.check_owners()?;
        self.check_members()?;
        self.check_states()?;
        self.check_ends()
    }

    /// Nobody saw a message after a later one of its sender, unless it had been refused at first.
    fn check_order(&self) -> Result<(), String> {
        for (index, client) in self.clients.iter().enumerate() {
            let mut newest = HashMap::new();
            for (sender, serial) in &client.order {
                let before = newest.insert(*sender, *serial).unwrap_or_default();
                if *serial < before && !self.clients[*sender].late.contains(serial) {
                    return Err(format!("client {index} saw message {serial} of {sender} after {before}"));
                }
                newest.insert(*sender, before.max(*serial));
            }
        }
        Ok(())
    }

    /// What was acknowledged of streams was seen, and streams have ended for those who have seen something of them if they have for their
    /// publishers. That nobody saw a gap, and nothing after an end, was looked at when it came.
    fn check_streams(&mut self) -> Result<(), String> {
        for (member, publisher, index, number) in &self.stream_obligations {
            let (client, stream) = (&self.clients[*member], &self.clients[*publisher].streams.own[*index]);
            let seen = client.streams.seen.get(&stream.id);
            let is_seen = seen.is_some_and(|seen| (seen.first..=seen.last).contains(number));
            if !client.gone && *number < stream.expected && !is_seen {
                return Err(format!("client {member} never saw message {number} of stream {}", stream.id));
            }
            self.report.streamed += u64::from(is_seen);
        }
        for (index, client) in self.clients.iter().enumerate() {
            for stream in &client.streams.own {
                let over = client.gone || stream.closed;
                self.report.stream_ends += u64::from(over);
                for (other, member) in self.clients.iter().enumerate().filter(|(_, member)| !member.gone) {
                    let Some(seen) = member.streams.seen.get(&stream.id) else {
                        continue;
                    };
                    if seen.ended != over {
                        return Err(format!(
                            "stream {} of client {index} (gone: {}) has ended: {over}; for client {other}: {}",
                            stream.id, client.gone, seen.ended
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Every session that goes on is at one node, and no other is anywhere.
    fn check_owners(&mut self) -> Result<(), String> {
        let live: HashSet<ConnectionId> =
            self.clients.iter().filter(|client| !client.gone).map(|client| client.id).collect();
        let client_alive: Vec<_> = self.nodes.iter().map(|node| node.alive).collect();
        for client in &self.clients {
            let exists = Command::Exists(Target::Connection(client.id));
            let mut owners = 0;
            for worker in self.nodes.iter_mut().filter(|node| node.alive).flat_map(|node| &mut node.workers) {
                owners += usize::from(worker.shard.execute(&hub(), &exists) == Reply::Done);
            }
            if owners != usize::from(live.contains(&client.id)) {
                let known = self.streams.has(Subject::Session(client.id));
                return Err(format!(
                    "{owners} nodes have session {} of a client that is gone: {}, away: {}, begun: {}, at node {:x} (alive: {}, paused until {} at {}); the registry has it: {known}",
                    client.id,
                    client.gone,
                    client.away,
                    client.begun,
                    0x1000 + client.node,
                    client_alive[client.node],
                    self.paused[client.node],
                    self.now_ms
                ));
            }
        }
        let kept: HashSet<_> = self.streams.subjects().into_iter().collect();
        for client in &self.clients {
            // Of a session that a node began when others had taken its sessions already, something may be left; its client was never told.
            let expected = live.contains(&client.id);
            if kept.contains(&Subject::Session(client.id)) != expected && client.begun {
                return Err(format!("session {} is in the registry: {}", client.id, !expected));
            }
        }
        let nodes: HashSet<_> = self.nodes.iter().filter(|node| node.alive).map(|node| node.number).collect();
        let is_stale = |subject: &&Subject| matches!(subject, Subject::Node(node) if !nodes.contains(node));
        match kept.iter().find(is_stale) {
            Some(stale) => Err(format!("the registry still has {stale:?}")),
            None => Ok(()),
        }
    }

    /// The members of each group are the clients that have joined it and go on.
    fn check_members(&mut self) -> Result<(), String> {
        for (index, name) in GROUPS.iter().enumerate() {
            let joined = |client: &&Mourner| !client.gone && client.joined.contains(&index);
            let expected: HashSet<_> = self.clients.iter().filter(joined).map(|client| client.id).collect();
            let list = Command::List { group: group(index), after: None, limit: 1000 };
            let mut members = HashSet::new();
            for worker in self.nodes.iter_mut().filter(|node| node.alive).flat_map(|node| &mut node.workers) {
                if let Reply::Members(found) = worker.shard.execute(&hub(), &list) {
                    members.extend(found.into_iter().map(|member| member.connection));
                }
            }
            if members != expected {
                return Err(format!("the members of {name} are {members:?}, not {expected:?}"));
            }
        }
        Ok(())
    }

    /// Whoever is told of the states of a group knows those that are there, and no other.
    fn check_states(&mut self) -> Result<(), String> {
        for (index, name) in GROUPS.iter().enumerate() {
            let state = |client: &Mourner| Some((client.id.to_string(), *client.states.own.get(&index)?));
            let there: BTreeMap<_, _> =
                self.clients.iter().filter(|client| !client.gone).filter_map(state).collect();
            for (number, client) in self.clients.iter().enumerate() {
                if client.gone || !client.states.views.contains_key(&index) {
                    continue;
                }
                let known = client.states.known(index);
                let known = known
                    .ok_or_else(|| format!("client {number}, {}, has no snapshot of {name}", client.id))?;
                let there: BTreeMap<_, _> = there.iter().map(|(id, value)| (id.as_str(), *value)).collect();
                if known != there {
                    return Err(format!(
                        "client {number}, {}, knows {known:?} in {name}, and there is {there:?}",
                        client.id
                    ));
                }
                self.report.states += known.len() as u64;
            }
        }
        Ok(())
    }

    /// The end of each session was told once; twice only where the node that told it died before it could note that.
    fn check_ends(&self) -> Result<(), String> {
        let mut told: HashMap<ConnectionId, Vec<bool>> = HashMap::new();
        for node in &self.nodes {
            for event in node.workers.iter().flat_map(|worker| &worker.told) {
                if matches!(event.occurrence, Occurrence::Disconnected { .. }) {
                    told.entry(event.connection).or_default().push(node.alive);
                }
            }
        }
        for (index, client) in self.clients.iter().enumerate() {
            let tellers = told.get(&client.id).map_or(&[][..], |tellers| tellers);
            let living = tellers.iter().filter(|alive| **alive).count();
            let fine = if client.gone {
                // Who died before its client had been told of its connection may have died before anybody knew of it.
                living <= 1
                    && (tellers.len() == 1 || !client.begun || tellers.len() <= 1 + (tellers.len() - living))
                    && (!tellers.is_empty() || !client.begun)
            } else {
                tellers.is_empty()
            };
            if !fine {
                return Err(format!("the end of client {index} was told {} times", tellers.len()));
            }
        }
        Ok(())
    }
}
