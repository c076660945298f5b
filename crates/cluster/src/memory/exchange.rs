use std::sync::Arc;
use std::task::{Context, Poll};

use hubwire_hub::{Envelope, Letter, Mark, Parcel, Recipient, Target};
use hubwire_protocol::HubName;

use super::Router;
use super::inbox::Inbox;
use super::interest::{InterestTable, Interests};

/// One worker's tie to the others of its process.
pub struct Exchange {
    worker: usize,
    inbox: Inbox,
    interests: Interests,
    table: Arc<InterestTable>,
    router: Arc<Router>,
}

impl Exchange {
    /// The number of its worker.
    pub(crate) fn worker(&self) -> usize {
        self.worker
    }

    /// Notes an interest. Answers its slot if no worker of the process had one there before.
    pub(crate) fn add_interest(&mut self, hub: &HubName, target: &Target) -> Option<usize> {
        self.interests.add(&self.table, hub, target)
    }

    /// Takes an interest back. Answers its slot if no worker of the process has one there any more.
    pub(crate) fn remove_interest(&mut self, hub: &HubName, target: &Target) -> Option<usize> {
        self.interests.remove(&self.table, hub, target)
    }

    pub(super) fn new(worker: usize, inbox: Inbox, table: Arc<InterestTable>, router: Arc<Router>) -> Self {
        Self { worker, inbox, interests: Interests::new(worker), table, router }
    }
}

impl hubwire_hub::Exchange for Exchange {
    fn poll_parcels(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<Parcel>,
        limit: usize,
    ) -> Poll<usize> {
        self.inbox.poll(context, into, limit)
    }

    fn publish(&self, envelope: Envelope) {
        self.router.publish_from(self.worker, &envelope);
    }

    fn send(&self, recipient: &Recipient, letter: Letter) {
        self.router.send(recipient, &letter);
    }

    fn mark(&self) -> Mark {
        self.router.mark()
    }

    fn is_past(&self, mark: &Mark) -> bool {
        self.router.is_past(mark, self.worker)
    }

    fn interested(&mut self, hub: &HubName, target: &Target) {
        self.add_interest(hub, target);
    }

    fn uninterested(&mut self, hub: &HubName, target: &Target) {
        self.remove_interest(hub, target);
    }

    fn is_congested(&self) -> bool {
        self.router.is_congested(self.worker)
    }
}
