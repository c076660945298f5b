use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::entry::Entry;
use crate::interest::Interest;

/// Events that may wait for one viewer. More are dropped, and counted for it.
pub(crate) const WAITING_MAX: usize = 1_024;
/// Events that one viewer is shown in a second, over time: more than anybody reads, and little enough to cost nothing that is noticed.
const EVENTS_PER_S_MAX: u64 = 1_000;

/// The way to one viewer for what other nodes tell.
pub(crate) struct Feed {
    pub(crate) frames: mpsc::Sender<Bytes>,
    pub(crate) dropped: Arc<AtomicU64>,
}

impl Feed {
    /// Shows what another node tells, if the viewer can take it.
    pub(crate) fn offer(&self, frame: Bytes) {
        if self.frames.try_send(frame).is_err() {
            self.drop(1);
        }
    }

    /// So many events were not shown.
    pub(crate) fn drop(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
        metrics::counter!("webpubsub_trace_viewer_drops_total").increment(count);
    }
}

/// One who follows the trace.
pub(crate) struct Viewer {
    pub(crate) number: u64,
    interest: Interest,
    frames: mpsc::Sender<Bytes>,
    dropped: Arc<AtomicU64>,
    /// Thousandths of events that it may be shown now.
    allowance: u64,
    allowed_ms: u64,
}

impl Viewer {
    pub(crate) fn new(
        number: u64,
        interest: Interest,
        frames: mpsc::Sender<Bytes>,
        dropped: Arc<AtomicU64>,
        now_ms: u64,
    ) -> Self {
        let allowance = WAITING_MAX as u64 * 1000;
        Self { number, interest, frames, dropped, allowance, allowed_ms: now_ms }
    }

    fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("webpubsub_trace_viewer_drops_total").increment(1);
    }

    /// Shows an event, if the viewer wants it and can take it.
    pub(crate) fn offer(&mut self, entry: &Entry, now_ms: u64) {
        if !self.interest.fits(entry) {
            return;
        }
        let passed_ms = now_ms.saturating_sub(self.allowed_ms);
        self.allowed_ms = now_ms;
        self.allowance = (self.allowance + passed_ms * EVENTS_PER_S_MAX).min(WAITING_MAX as u64 * 1000);
        if self.allowance < 1000 || self.frames.capacity() == 0 {
            return self.dropped();
        }
        self.allowance -= 1000;
        if self.frames.try_send(entry.frame()).is_err() {
            self.dropped();
        }
    }
}

#[cfg(test)]
mod tests {
    use hubwire_hub::{Fact, Happening};

    use super::*;
    use crate::settings::Payloads;

    fn entry() -> Entry {
        Entry::new(1, (None, None), Fact::of_hub(None, Happening::RecoveryRefused), Payloads::Hidden)
    }

    #[test]
    fn a_viewer_is_shown_so_many_events_in_a_second_and_told_of_the_rest() {
        let (sender, mut receiver) = mpsc::channel(WAITING_MAX);
        let dropped = Arc::<AtomicU64>::default();
        let mut viewer = Viewer::new(0, Interest::default(), sender, dropped.clone(), 0);
        let mut offered = |now_ms: u64, count: usize| {
            (0..count).for_each(|_| viewer.offer(&entry(), now_ms));
            let mut shown = 0;
            while receiver.try_recv().is_ok() {
                shown += 1;
            }
            (shown, dropped.swap(0, Ordering::Relaxed))
        };
        assert_eq!(offered(0, 2_000), (WAITING_MAX, 2_000 - WAITING_MAX as u64));
        assert_eq!(offered(100, 200), (100, 100), "a tenth of a second is worth a hundred");
        assert_eq!(offered(60_000, 10), (10, 0));
    }

    #[test]
    fn a_viewer_that_takes_nothing_loses_what_does_not_wait() {
        let (sender, receiver) = mpsc::channel(3);
        let dropped = Arc::<AtomicU64>::default();
        let mut viewer = Viewer::new(0, Interest::default(), sender, dropped.clone(), 0);
        (0..5).for_each(|_| viewer.offer(&entry(), 0));
        assert_eq!((receiver.len(), dropped.load(Ordering::Relaxed)), (3, 2));
    }
}
