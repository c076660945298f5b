use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use hubwire_hub::{Command, Envelope, Letter, Recipient, Reply, Scope, Target};
use hubwire_protocol::{GroupName, HubName};

/// How many shards there are.
pub(super) const SHARDS: usize = 2;

/// What waits for a shard.
pub(super) enum Parcel {
    Envelope(Envelope),
    Letter(Letter),
    Command { ticket: usize, hub: HubName, command: Arc<Command> },
}

/// What ties the shards together, by the rules of the service's own exchanges: everything passes an inbox, in the order in which it was sent.
#[derive(Default)]
pub(super) struct Exchange {
    inboxes: [VecDeque<Parcel>; SHARDS],
    interests: [HashSet<String>; SHARDS],
    /// The answers to commands that not every shard has given yet, and how many are missing.
    tickets: Vec<(Option<Reply>, usize)>,
}

impl Exchange {
    pub(super) fn take(&mut self, shard: usize) -> Option<Parcel> {
        self.inboxes[shard].pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inboxes.iter().all(VecDeque::is_empty)
    }

    /// Hands an envelope to every shard with interest in its target, without its author.
    pub(super) fn publish(&mut self, author: Option<usize>, envelope: &Envelope) {
        for shard in (0..SHARDS).filter(|shard| Some(*shard) != author) {
            let concerned = match &envelope.target {
                Target::Connection(id) => usize::from(id.worker()) == shard,
                target => self.interests[shard].contains(&interest(&envelope.hub, target)),
            };
            if concerned {
                self.inboxes[shard].push_back(Parcel::Envelope(envelope.clone()));
            }
        }
    }

    pub(super) fn send(&mut self, recipient: &Recipient, letter: &Letter) {
        let concerned = match recipient {
            Recipient::Owner(id) => vec![usize::from(id.worker())],
            Recipient::Home(_, group) => vec![home(group)],
            Recipient::Members(hub, group) => {
                let members = interest(hub, &Target::Group(group.clone()));
                (0..SHARDS).filter(|shard| self.interests[*shard].contains(&members)).collect()
            }
        };
        for shard in concerned {
            self.inboxes[shard].push_back(Parcel::Letter(letter.clone()));
        }
    }

    /// Sends a command to every shard in its scope.
    pub(super) fn execute(&mut self, hub: &HubName, command: Command) {
        let concerned = match command.scope() {
            Scope::Owner(id) => usize::from(id.worker())..usize::from(id.worker()) + 1,
            Scope::All => 0..SHARDS,
        };
        let (ticket, command) = (self.tickets.len(), Arc::new(command));
        self.tickets.push((None, concerned.len()));
        for shard in concerned {
            let parcel = Parcel::Command { ticket, hub: hub.clone(), command: command.clone() };
            self.inboxes[shard].push_back(parcel);
        }
    }

    /// A shard has carried out its part of a command. Answers what came of it once all have.
    pub(super) fn answer(&mut self, ticket: usize, reply: Reply) -> Option<Reply> {
        let (merged, missing) = &mut self.tickets[ticket];
        *missing -= 1;
        let all = match merged.take() {
            Some(before) => before.merge(reply),
            None => reply,
        };
        *merged = Some(all);
        merged.take_if(|_| *missing == 0)
    }

    pub(super) fn interested(&mut self, shard: usize, hub: &HubName, target: &Target) {
        let new = self.interests[shard].insert(interest(hub, target));
        assert!(new, "interest was told twice: {hub} {target:?}");
    }

    pub(super) fn uninterested(&mut self, shard: usize, hub: &HubName, target: &Target) {
        let known = self.interests[shard].remove(&interest(hub, target));
        assert!(known, "interest was lost twice: {hub} {target:?}");
    }

    pub(super) fn is_interested(&self, shard: usize) -> bool {
        !self.interests[shard].is_empty()
    }
}

fn interest(hub: &HubName, target: &Target) -> String {
    format!("{hub} {target:?}")
}

/// The shard where a group's states are kept together.
fn home(group: &GroupName) -> usize {
    group.as_str().bytes().map(usize::from).sum::<usize>() % SHARDS
}
