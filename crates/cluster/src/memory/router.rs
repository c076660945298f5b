use std::sync::Arc;

use hubwire_hub::{
    Act, Busy, Command, Entry, Envelope, Letter, Mark, Parcel, Recipient, Reply, Routed, Scope, Target,
    TraceContext,
};
use hubwire_protocol::{ConnectionId, HubName};
use tokio::sync::oneshot;

use super::inbox::InboxSender;
use super::interest::InterestTable;

/// The way to all workers of the process.
pub struct Router {
    table: Arc<InterestTable>,
    inboxes: Vec<InboxSender>,
}

impl Router {
    pub(super) fn new(table: Arc<InterestTable>, inboxes: Vec<InboxSender>) -> Self {
        Self { table, inboxes }
    }

    /// The inboxes of the workers with interest, without some of them.
    fn interested(&self, envelope: &Envelope, without: u64) -> impl Iterator<Item = &InboxSender> {
        let workers = match &envelope.target {
            Target::Connection(id) => 1 << self.owner(*id),
            target => self.table.interested(&envelope.hub, target),
        };
        self.workers(workers & !without)
    }

    /// The inboxes of some workers, one bit each.
    fn workers(&self, workers: u64) -> impl Iterator<Item = &InboxSender> {
        self.inboxes
            .iter()
            .enumerate()
            .filter(move |(worker, _)| workers & (1 << worker) != 0)
            .map(|(_, inbox)| inbox)
    }

    /// Which workers are interested in what.
    pub(crate) fn table(&self) -> &InterestTable {
        &self.table
    }

    /// Hands an envelope to the workers with interest, whatever waits there.
    pub(crate) fn deliver(&self, envelope: &Envelope) {
        self.put_each(self.interested(envelope, 0), envelope);
    }

    /// Hands an envelope to one worker.
    pub(crate) fn deliver_to(&self, worker: usize, envelope: Envelope) {
        self.put_each(self.inboxes.get(worker).into_iter(), &envelope);
    }

    /// Hands an envelope to the workers with interest but one, whatever waits there.
    pub(crate) fn publish_from(&self, worker: usize, envelope: &Envelope) {
        self.put_each(self.interested(envelope, 1 << worker), envelope);
    }

    fn put_each<'a>(&self, inboxes: impl Iterator<Item = &'a InboxSender>, envelope: &Envelope) {
        for inbox in inboxes {
            if inbox.put(Parcel::Envelope(envelope.clone())).is_err() {
                metrics::counter!("webpubsub_inbox_refusals_total").increment(1);
            }
        }
    }

    /// Hands a letter to the workers that it is for, whatever waits there.
    pub(crate) fn send(&self, recipient: &Recipient, letter: &Letter) {
        let workers = match recipient {
            Recipient::Home(hub, group) => 1 << (self.table.hash(hub, group) % self.inboxes.len() as u64),
            Recipient::Members(hub, group) => self.table.interested(hub, &Target::Group(group.clone())),
            Recipient::Owner(id) => 1 << self.owner(*id),
        };
        self.put_letter(workers, letter);
    }

    /// Hands a letter to every worker.
    pub(crate) fn tell_all(&self, letter: &Letter) {
        self.put_letter(u64::MAX, letter);
    }

    fn put_letter(&self, workers: u64, letter: &Letter) {
        for inbox in self.workers(workers) {
            if inbox.put(Parcel::Letter(letter.clone())).is_err() {
                metrics::counter!("webpubsub_inbox_refusals_total").increment(1);
            }
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(self.inboxes.iter().map(InboxSender::put_count).collect())
    }

    /// Whether every worker but one has taken what it had been given at the mark.
    pub(super) fn is_past(&self, mark: &Mark, but: usize) -> bool {
        let taken = |(worker, (inbox, put)): (usize, (&InboxSender, &u64))| {
            worker == but || inbox.taken_count() >= *put
        };
        self.inboxes.iter().zip(&mark.0).enumerate().all(taken)
    }

    /// Has the workers in a command's scope carry it out, whatever waits there.
    pub(crate) fn execute_always(
        &self,
        cause: Option<TraceContext>,
        hub: HubName,
        command: Command,
    ) -> Routed {
        let scope = self.scope(&command);
        let command = Arc::new(command);
        let mut answers = Vec::with_capacity(scope.len());
        for inbox in scope {
            let (sender, receiver) = oneshot::channel();
            // Whoever asked may have gone away by the time of the answer.
            let reply = Box::new(move |reply| drop(sender.send(reply)));
            let parcel = Parcel::Command { hub: hub.clone(), command: command.clone(), cause, reply };
            answers.push(inbox.put(parcel).map(|()| receiver));
        }
        merged(answers)
    }

    /// Hands what stands in the log to every worker, whatever waits there. What comes of a command comes back.
    pub(crate) fn apply(&self, position: u64, entry: Arc<Entry>) -> Option<Routed> {
        if !matches!(entry.act, Act::Command(_)) {
            for inbox in &self.inboxes {
                // A worker that is gone has no sessions any more.
                let _stopping = inbox.put(Parcel::Entry { position, entry: entry.clone(), reply: None });
            }
            return None;
        }
        let mut answers = Vec::with_capacity(self.inboxes.len());
        for inbox in &self.inboxes {
            let (sender, receiver) = oneshot::channel();
            // Whoever asked may have gone away by the time of the answer.
            let reply: Box<dyn FnOnce(Reply) + Send> = Box::new(move |reply| drop(sender.send(reply)));
            let parcel = Parcel::Entry { position, entry: entry.clone(), reply: Some(reply) };
            answers.push(inbox.put(parcel).map(|()| receiver));
        }
        Some(merged(answers))
    }

    /// Whether any worker has more than half of its bounds waiting.
    pub(crate) fn is_filling(&self) -> bool {
        self.inboxes.iter().any(|inbox| inbox.is_filled(2))
    }

    /// Whether any worker with interest can take no more.
    pub(crate) fn refuses(&self, envelope: &Envelope) -> bool {
        self.interested(envelope, 0).any(|inbox| inbox.is_filled(1))
    }

    /// Whether any worker but one has more than half of its bounds waiting.
    pub(super) fn is_congested(&self, but: usize) -> bool {
        self.inboxes.iter().enumerate().any(|(worker, inbox)| worker != but && inbox.is_filled(2))
    }

    /// The worker that owns a connection, if any does. A session that came from a node with more workers has found its place by the same rule.
    fn owner(&self, id: ConnectionId) -> usize {
        usize::from(id.worker()) % self.inboxes.len()
    }

    /// The workers that a command must reach.
    fn scope(&self, command: &Command) -> &[InboxSender] {
        match command.scope() {
            Scope::All => &self.inboxes,
            Scope::Owner(id) => {
                let worker = self.owner(id);
                &self.inboxes[worker..=worker]
            }
        }
    }
}

/// The answers of several workers as one.
fn merged(answers: Vec<Result<oneshot::Receiver<Reply>, Busy>>) -> Routed {
    Box::pin(async move {
        let mut merged = Reply::Missing;
        for answer in answers {
            merged = merged.merge(answer?.await.map_err(|_| Busy::Inbox)?);
        }
        Ok(merged)
    })
}

fn busy() -> Busy {
    metrics::counter!("webpubsub_inbox_refusals_total").increment(1);
    Busy::Inbox
}

impl hubwire_hub::Router for Router {
    fn publish(&self, envelope: Envelope) -> Result<(), Busy> {
        if self.interested(&envelope, 0).any(|inbox| inbox.is_filled(1)) {
            return Err(busy());
        }
        self.interested(&envelope, 0).try_for_each(|inbox| inbox.put(Parcel::Envelope(envelope.clone())))
    }

    fn execute_for(&self, cause: Option<TraceContext>, hub: HubName, command: Command) -> Routed {
        if self.scope(&command).iter().any(|inbox| inbox.is_filled(1)) {
            return Box::pin(std::future::ready(Err(busy())));
        }
        self.execute_always(cause, hub, command)
    }
}
