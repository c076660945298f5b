use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hubwire_hub::{Act, Busy, Parcel};
use tokio::sync::mpsc;

/// What one worker may have waiting. Beyond it applications are refused with [`Busy`]; beyond half of it clients are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxLimits {
    /// Parcels.
    pub messages_max: usize,
    /// Bytes of their payloads.
    pub bytes_max: usize,
}

impl Default for InboxLimits {
    /// A worker takes in some hundred thousand small parcels a second, so a full inbox is a backlog of some tenths of a second.
    fn default() -> Self {
        Self { messages_max: 65_536, bytes_max: 256 << 20 }
    }
}

/// What a parcel counts for beyond its payload.
const COMMAND_BYTES: usize = 512;

#[derive(Default)]
struct Level {
    /// Parcels that were put in so far.
    put: AtomicU64,
    /// Parcels that were taken out so far.
    taken: AtomicU64,
    bytes: AtomicUsize,
}

#[derive(Clone)]
pub(super) struct InboxSender {
    // The channel itself has no bound: the level is the bound, since it counts bytes as well.
    parcels: mpsc::UnboundedSender<Parcel>,
    level: Arc<Level>,
    limits: InboxLimits,
}

pub(super) struct Inbox {
    parcels: mpsc::UnboundedReceiver<Parcel>,
    level: Arc<Level>,
}

pub(super) fn inbox(limits: InboxLimits) -> (InboxSender, Inbox) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let level = Arc::<Level>::default();
    (InboxSender { parcels: sender, level: level.clone(), limits }, Inbox { parcels: receiver, level })
}

fn bytes(parcel: &Parcel) -> usize {
    match parcel {
        Parcel::Envelope(envelope) => envelope.bytes(),
        Parcel::Letter(letter) => letter.bytes(),
        Parcel::Entry { entry, .. } => match &entry.act {
            Act::Publish(envelope) => envelope.bytes(),
            // What else there is, is small: a state has at most 512 bytes.
            _ => COMMAND_BYTES,
        },
        Parcel::Command { .. } => COMMAND_BYTES,
    }
}

impl InboxSender {
    /// Whether more than `1 / divisor` of the bounds is taken.
    pub(super) fn is_filled(&self, divisor: usize) -> bool {
        self.put_count().saturating_sub(self.taken_count()) > (self.limits.messages_max / divisor) as u64
            || self.level.bytes.load(Ordering::Relaxed) > self.limits.bytes_max / divisor
    }

    /// How many parcels were put in so far.
    pub(super) fn put_count(&self) -> u64 {
        self.level.put.load(Ordering::Relaxed)
    }

    /// How many parcels were taken out so far.
    pub(super) fn taken_count(&self) -> u64 {
        self.level.taken.load(Ordering::Relaxed)
    }

    /// Puts a parcel in, whatever the level.
    pub(super) fn put(&self, parcel: Parcel) -> Result<(), Busy> {
        self.level.put.fetch_add(1, Ordering::Relaxed);
        self.level.bytes.fetch_add(bytes(&parcel), Ordering::Relaxed);
        // A worker that is gone takes nothing any more: the process is stopping.
        self.parcels.send(parcel).map_err(|_| Busy::Inbox)
    }
}

impl Inbox {
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<Parcel>,
        limit: usize,
    ) -> Poll<usize> {
        let first = into.len();
        let taken = std::task::ready!(self.parcels.poll_recv_many(context, into, limit));
        let taken_bytes = into[first..].iter().map(bytes).sum();
        self.level.taken.fetch_add(taken as u64, Ordering::Relaxed);
        self.level.bytes.fetch_sub(taken_bytes, Ordering::Relaxed);
        Poll::Ready(taken)
    }
}
