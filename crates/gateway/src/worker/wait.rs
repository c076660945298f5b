use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use hubwire_hub::{Exchange, Parcel};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use super::State;
use crate::arrival::Arrival;

/// Parcels that one turn takes in, so that sockets get their turn as well.
const PARCELS_PER_TURN: usize = 256;
/// Sockets that one turn takes in.
const ARRIVALS_PER_TURN: usize = 64;
/// How long client input waits before a worker looks again whether the others have caught up, in milliseconds.
const CATCH_UP_MS: u64 = 1;

/// What a turn has been given to do.
#[derive(Default)]
pub(super) struct Given {
    pub(super) arrivals: Vec<Arrival>,
    pub(super) parcels: Vec<Parcel>,
    /// Sockets have events.
    pub(super) events: bool,
}

/// What wakes a worker.
pub(super) struct Wakes {
    pub(super) arrivals: mpsc::UnboundedReceiver<Arrival>,
    /// The worker's own poll is itself a descriptor that the runtime watches, so that sockets need neither a task nor an entry there.
    pub(super) events: AsyncFd<mio::Registry>,
    pub(super) sleep: Pin<Box<Sleep>>,
    /// When `sleep` ends, on the monotonic clock.
    pub(super) sleeps_until_ms: u64,
}

impl<E: Exchange> State<E> {
    /// Waits until there is something to do, or not at all if something was left over.
    pub(super) async fn wait(&mut self, wakes: &mut Wakes, given: &mut Given) {
        let congested = self.exchange.is_congested();
        let rested = self.rests.as_ref().is_some_and(|rests| self.exchange.is_past(&rests.mark));
        let leftover = self.shard.has_flushes() || rested || (!congested && !self.read_queue.is_empty());
        if leftover {
            // Handshakes and REST calls live on this thread too.
            tokio::task::yield_now().await;
        }
        let mut due_ms = self.next_due_ms();
        if congested || self.rests.is_some() {
            due_ms = due_ms.min(self.now_ms + CATCH_UP_MS);
        }
        if due_ms != wakes.sleeps_until_ms {
            wakes.sleeps_until_ms = due_ms;
            let pause = Duration::from_millis(due_ms.saturating_sub(self.now_ms));
            wakes.sleep.as_mut().reset(runtime_now() + pause);
        }
        poll_fn(|context| {
            let mut ready = leftover;
            if let Poll::Ready(Ok(mut guard)) = wakes.events.poll_read_ready(context) {
                // Cleared before the events are taken, so that one which arrives in between wakes again.
                guard.clear_ready();
                given.events = true;
                ready = true;
            }
            ready |=
                wakes.arrivals.poll_recv_many(context, &mut given.arrivals, ARRIVALS_PER_TURN).is_ready();
            ready |= self.exchange.poll_parcels(context, &mut given.parcels, PARCELS_PER_TURN).is_ready();
            ready |= wakes.sleep.as_mut().poll(context).is_ready();
            if ready { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        if wakes.sleep.is_elapsed() {
            wakes.sleeps_until_ms = 0;
        }
    }
}

/// The runtime's own clock, which its timers go by.
pub(super) fn runtime_now() -> Instant {
    Instant::now()
}
