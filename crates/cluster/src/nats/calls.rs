//! Commands that other nodes carry out, until all of them have answered.

use std::collections::{HashMap, HashSet};

use hubwire_hub::{Busy, Command, Reply, Routed, Scope};
use tokio::sync::oneshot;

/// Takes what came of a command.
pub(crate) type Caller = oneshot::Sender<Result<Reply, Busy>>;

/// Whether a command is about one connection, which some node must know.
pub(crate) fn is_about_one(command: &Command) -> bool {
    matches!(command.scope(), Scope::Owner(_))
}

/// Waits for what comes of commands here, and counts those that no worker had room for.
pub(super) async fn refusals(replies: Vec<Routed>) -> usize {
    let mut refused = 0;
    for reply in replies {
        refused += usize::from(reply.await.is_err());
    }
    refused
}

/// All commands under way. Each waits for a bounded time, and REST calls are bounded, so there are not more than those.
#[derive(Default)]
pub(crate) struct Calls {
    calls: HashMap<u64, Call>,
    tickets: u64,
}

struct Call {
    /// The nodes that have not answered.
    missing: HashSet<u32>,
    merged: Reply,
    failed: Option<Busy>,
    /// Whether what a node that dies would have answered is another one's to answer: then nothing is known about it.
    strict: bool,
    due_ms: u64,
    caller: Caller,
}

impl Calls {
    /// Notes a command that some nodes are about to be given. Without any it is answered at once.
    pub(crate) fn begin(&mut self, nodes: HashSet<u32>, due_ms: u64, strict: bool, caller: Caller) -> u64 {
        self.tickets += 1;
        let call = Call { missing: nodes, merged: Reply::Missing, failed: None, strict, due_ms, caller };
        self.calls.insert(self.tickets, call);
        self.finish_if_whole(self.tickets);
        self.tickets
    }

    /// A node has answered; with nothing, if it could not carry out the command.
    pub(crate) fn answer(&mut self, ticket: u64, node: u32, reply: Option<Reply>) {
        let Some(call) = self.calls.get_mut(&ticket) else {
            return;
        };
        if !call.missing.remove(&node) {
            return;
        }
        match reply {
            Some(reply) => call.merged = std::mem::replace(&mut call.merged, Reply::Missing).merge(reply),
            None => call.failed = Some(Busy::Unanswered),
        }
        self.finish_if_whole(ticket);
    }

    /// A node is gone, and with it every connection that a command could have meant there; unless they are another one's now.
    pub(crate) fn forget(&mut self, node: u32, handed_over: bool) {
        let waiting = |(ticket, call): (&u64, &mut Call)| {
            let was_missing = call.missing.remove(&node);
            if was_missing && (call.strict || handed_over) {
                call.failed = Some(Busy::Moving);
            }
            was_missing.then_some(*ticket)
        };
        let tickets: Vec<_> = self.calls.iter_mut().filter_map(waiting).collect();
        tickets.into_iter().for_each(|ticket| self.finish_if_whole(ticket));
    }

    /// A command could not be handed over.
    pub(crate) fn fail(&mut self, ticket: u64, busy: Busy) {
        if let Some(call) = self.calls.remove(&ticket) {
            // Whoever asked may have gone away by now.
            let _gone = call.caller.send(Err(busy));
        }
    }

    /// Gives up what has waited long enough.
    pub(crate) fn keep_time(&mut self, now_ms: u64) {
        for (_, call) in self.calls.extract_if(|_, call| call.due_ms <= now_ms) {
            metrics::counter!("webpubsub_cluster_unanswered_total").increment(1);
            // Whoever asked may have gone away by now.
            let _gone = call.caller.send(Err(Busy::Unanswered));
        }
    }

    /// Whether nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    fn finish_if_whole(&mut self, ticket: u64) {
        if self.calls.get(&ticket).is_some_and(|call| call.missing.is_empty())
            && let Some(call) = self.calls.remove(&ticket)
        {
            let _gone = call.caller.send(call.failed.map_or(Ok(call.merged), Err));
        }
    }
}
