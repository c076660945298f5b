use std::sync::Arc;

use hubwire_hub::{
    Act, Busy, Command, Entry, Envelope, Reply, Routed, Router as _, Scope, Settled, Subject, Target,
    TraceContext,
};
use hubwire_protocol::{ConnectionId, HubName};
use tokio::sync::oneshot;

use super::backlog::{Backlog, Item};
use super::ledger::{Append, Waiter};
use super::log_entry;
use crate::memory;

/// The way to all workers of all nodes.
pub struct Router {
    local: Arc<memory::Router>,
    backlog: Arc<Backlog>,
}

impl Router {
    pub(super) fn new(local: Arc<memory::Router>, backlog: Arc<Backlog>) -> Self {
        Self { local, backlog }
    }

    /// What a command comes to that the log has to carry, or that is about a session of a hub with one.
    fn execute_logged(&self, cause: Option<TraceContext>, hub: HubName, command: Command) -> Routed {
        if let Scope::Owner(id) = command.scope() {
            let node = self.backlog.resolve_in(&hub, id.node());
            if node != self.backlog.node && !self.backlog.lives(node) {
                return self.find(id);
            }
        }
        let (caller, answer) = oneshot::channel();
        if command.changes_sessions() {
            if let Err(busy) = self.backlog.check_log() {
                return Box::pin(std::future::ready(Err(busy)));
            }
            self.backlog.put(Item::LoggedCall { hub, command, caller });
            return Box::pin(async move { answer.await.map_err(|_| Busy::Unanswered)? });
        }
        let (nodes, here) = match command.scope() {
            Scope::Owner(id) if self.backlog.resolve_in(&hub, id.node()) == self.backlog.node => {
                (Vec::new(), true)
            }
            Scope::Owner(id) => (vec![self.backlog.resolve_in(&hub, id.node())], false),
            // Joins are not settled in such hubs, so nobody knows who is interested.
            Scope::All => (self.backlog.others(), true),
        };
        self.ask(cause, hub, command, (nodes, here))
    }

    /// No node is known to have a session. If the registry has it, somebody will.
    fn find(&self, connection: ConnectionId) -> Routed {
        let (caller, answer) = oneshot::channel();
        self.backlog.put(Item::Find { connection, caller });
        Box::pin(async move { answer.await.map_err(|_| Busy::Unanswered)? })
    }

    /// Has nodes carry out a command, and this one.
    fn ask(
        &self,
        cause: Option<TraceContext>,
        hub: HubName,
        command: Command,
        (nodes, here): (Vec<u32>, bool),
    ) -> Routed {
        let joins = matches!(command, Command::Join(..) | Command::JoinMatching(..));
        let elsewhere = (!nodes.is_empty()).then(|| {
            let (caller, answer) = oneshot::channel();
            let (hub, command) = (hub.clone(), command.clone());
            self.backlog.put(Item::Call { nodes, hub, command, cause, caller });
            answer
        });
        let here = here.then(|| self.local.execute_for(cause, hub, command));
        let backlog = self.backlog.clone();
        Box::pin(async move {
            let mut merged = Reply::Missing;
            if let Some(here) = here {
                merged = merged.merge(here.await?);
                if joins {
                    backlog.settle(false).await?;
                }
            }
            if let Some(elsewhere) = elsewhere {
                // The thread that would answer ends with the process.
                merged = merged.merge(elsewhere.await.map_err(|_| Busy::Unanswered)??);
            }
            Ok(merged)
        })
    }

    /// Has an envelope stored in the log.
    fn append(&self, envelope: Envelope, waiter: Waiter) -> Result<(), Busy> {
        self.backlog.check_log()?;
        let hub = envelope.hub.clone();
        let bytes = log_entry::encode(&Entry { hub, author: None, act: Act::Publish(envelope) }, None);
        let message_id = self.backlog.next_message_id();
        self.backlog.put(Item::Append(Append { bytes, message_id, waiter }));
        Ok(())
    }

    /// The other nodes that a command must reach, and whether it must be carried out here.
    fn reach(&self, hub: &HubName, command: &Command) -> (Vec<u32>, bool) {
        if matches!(command, Command::Explain(_) | Command::Survey(_)) {
            // Consoles ask each other, and put their answers together.
            return (Vec::new(), true);
        }
        let target = match command.scope() {
            Scope::Owner(id) if self.backlog.resolve(id.node()) == self.backlog.node => {
                return (Vec::new(), true);
            }
            // A node that is not there has no connections any more.
            Scope::Owner(id) => {
                return (self.backlog.peer(id.node()).iter().map(|peer| peer.node).collect(), false);
            }
            Scope::All => meant(command),
        };
        // Nodes that are not interested have nobody who is meant.
        (self.backlog.nodes_of(self.backlog.interested(hub, &target)), true)
    }
}

/// Whom a command for many is about.
fn meant(command: &Command) -> Target {
    match command {
        Command::Exists(target) | Command::Close { target, .. } => target.clone(),
        Command::Join(Subject::User(user), _)
        | Command::Leave(Subject::User(user), _)
        | Command::LeaveAll(Subject::User(user)) => Target::User(user.clone()),
        Command::List { group, .. } => Target::Group(group.clone()),
        _ => Target::Hub,
    }
}

impl hubwire_hub::Router for Router {
    fn accept(&self, envelope: Envelope) -> Settled {
        if !self.backlog.logged.contains(&envelope.hub) {
            return Box::pin(std::future::ready(self.publish(envelope)));
        }
        let (caller, answer) = oneshot::channel();
        let appended = self.append(envelope, Waiter::Caller(caller));
        Box::pin(async move {
            appended?;
            answer.await.map_err(|_| Busy::Log)?
        })
    }

    fn publish(&self, envelope: Envelope) -> Result<(), Busy> {
        if self.backlog.logged.contains(&envelope.hub) {
            return self.append(envelope, Waiter::Nobody);
        }
        self.backlog.check()?;
        if self.local.refuses(&envelope) {
            return Err(Busy::Inbox);
        }
        // Held back is taken as well: it goes on in a moment.
        let passed = self.backlog.pass(None, envelope, |envelope| {
            self.backlog.publish(&envelope);
            match &envelope.target {
                // The worker in the id is one of another node.
                Target::Connection(id) if self.backlog.peer(id.node()).is_some() => Ok(()),
                _ => self.local.publish(envelope),
            }
        });
        passed.unwrap_or(Ok(()))
    }

    fn execute_for(&self, cause: Option<TraceContext>, hub: HubName, command: Command) -> Routed {
        if let Err(busy) = self.backlog.check() {
            return Box::pin(std::future::ready(Err(busy)));
        }
        if self.backlog.logged.contains(&hub) && !matches!(command, Command::Explain(_) | Command::Survey(_))
        {
            return self.execute_logged(cause, hub, command);
        }
        let (nodes, here) = self.reach(&hub, &command);
        self.ask(cause, hub, command, (nodes, here))
    }

    fn settled(&self, hub: &HubName) -> Settled {
        let (backlog, strictly) = (self.backlog.clone(), self.backlog.logged.contains(hub));
        Box::pin(async move { backlog.settle(strictly).await })
    }

    fn health(&self) -> Result<(), Busy> {
        if self.backlog.must_wait() { Err(Busy::CutOff) } else { Ok(()) }
    }
}
