use std::sync::Arc;

use hubwire_hub::{Busy, Command, Envelope, Reply, Routed, Scope, Settled, Subject, Target, TraceContext};
use hubwire_protocol::HubName;
use tokio::sync::oneshot;

use super::backlog::{Backlog, Item};
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
    fn publish(&self, envelope: Envelope) -> Result<(), Busy> {
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
        let (nodes, here) = self.reach(&hub, &command);
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
                    backlog.settle().await?;
                }
            }
            if let Some(elsewhere) = elsewhere {
                // The thread that would answer ends with the process.
                merged = merged.merge(elsewhere.await.map_err(|_| Busy::Unanswered)??);
            }
            Ok(merged)
        })
    }

    fn settled(&self) -> Settled {
        let backlog = self.backlog.clone();
        Box::pin(async move { backlog.settle().await })
    }

    fn health(&self) -> Result<(), Busy> {
        if self.backlog.must_wait() { Err(Busy::CutOff) } else { Ok(()) }
    }
}
