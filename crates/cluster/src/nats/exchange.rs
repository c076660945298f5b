use std::sync::Arc;
use std::task::{Context, Poll};

use hubwire_hub::{
    Entry, Envelope, Exchange as _, Letter, Logged, Luggage, Mark, Parcel, Parting, Recipient, Target,
};
use hubwire_protocol::{ConnectionId, HubName};

use super::backlog::{Backlog, Item};
use super::ledger::{Append, Waiter};
use super::log_entry;
use crate::memory;

/// One worker's tie to the others of its process, and to those of other nodes.
pub struct Exchange {
    local: memory::Exchange,
    backlog: Arc<Backlog>,
}

impl Exchange {
    pub(super) fn new(local: memory::Exchange, backlog: Arc<Backlog>) -> Self {
        Self { local, backlog }
    }

    fn send_to(&self, node: u32, recipient: &Recipient, letter: Letter) {
        if node == self.backlog.node {
            self.local.send(recipient, letter);
        } else {
            self.backlog.put(Item::Letter { recipient: recipient.clone(), letter, node });
        }
    }
}

impl hubwire_hub::Exchange for Exchange {
    fn poll_parcels(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<Parcel>,
        limit: usize,
    ) -> Poll<usize> {
        self.local.poll_parcels(context, into, limit)
    }

    fn publish(&self, envelope: Envelope) {
        self.backlog.pass(Some(self.local.worker()), envelope, |envelope| {
            self.backlog.publish(&envelope);
            self.local.publish(envelope);
        });
    }

    fn send(&self, recipient: &Recipient, letter: Letter) {
        match recipient {
            Recipient::Home(hub, group) => self.send_to(self.backlog.home(hub, group), recipient, letter),
            Recipient::Owner(id) => {
                let node = self.backlog.resolve(id.node());
                // Whoever has the sessions of hubs with a log may be another node; it is not said which of them is meant.
                let keeper = self.backlog.keeper(id.node()).filter(|keeper| *keeper != node);
                if let Some(keeper) = keeper {
                    self.send_to(keeper, recipient, letter.clone());
                }
                self.send_to(node, recipient, letter);
            }
            Recipient::Members(hub, group) => {
                let peers = self.backlog.interested(hub, &Target::Group(group.clone()));
                for node in self.backlog.nodes_of(peers) {
                    self.send_to(node, recipient, letter.clone());
                }
                // Whoever is the home only as others see it will tell a snapshot of its own; and who is it no more has its states from another one.
                if self.backlog.home(hub, group) == self.backlog.node {
                    self.local.send(recipient, letter);
                }
            }
        }
    }

    fn mark(&self) -> Mark {
        let Mark(mut marks) = self.local.mark();
        marks.push(self.backlog.mark());
        Mark(marks)
    }

    fn is_past(&self, mark: &Mark) -> bool {
        let Some((elsewhere, here)) = mark.0.split_last() else {
            return true;
        };
        self.backlog.is_past(*elsewhere) && self.local.is_past(&Mark(here.to_vec()))
    }

    fn interested(&mut self, hub: &HubName, target: &Target) {
        if let Some(slot) = self.local.add_interest(hub, target) {
            self.backlog.put(Item::Slot(slot));
        }
    }

    fn uninterested(&mut self, hub: &HubName, target: &Target) {
        if let Some(slot) = self.local.remove_interest(hub, target) {
            self.backlog.put(Item::Slot(slot));
        }
    }

    fn is_congested(&self) -> bool {
        self.local.is_congested() || self.backlog.is_congested()
    }

    fn spans_nodes(&self) -> bool {
        true
    }

    fn hands_over(&self) -> bool {
        self.backlog.has_peers()
    }

    fn logged(&self) -> Arc<Logged> {
        self.backlog.logged.clone()
    }

    fn append(&self, entry: Entry) {
        let bytes = log_entry::encode(&entry, None);
        let message_id = log_entry::message_id(&entry).unwrap_or_else(|| self.backlog.next_message_id());
        let waiter = entry.author.map_or(Waiter::Nobody, Waiter::Client);
        self.backlog.put(Item::Append(Append { bytes, message_id, waiter }));
    }

    fn keep(&self, session: Box<Luggage>) {
        self.backlog.put(Item::Keep(session));
    }

    fn forget(&self, parting: Box<Parting>) {
        self.backlog.put(Item::Forget(parting));
    }

    fn drained(&self) {
        self.backlog.put(Item::Drained);
    }

    fn settle(&self, connection: ConnectionId) {
        self.backlog.put(Item::Settle(connection));
    }
}
