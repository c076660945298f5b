use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use hubwire_hub::{Count, Fact, MessageId, Observer, Sample};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::clerk::{Batch, Clerk};
use crate::counts::Counts;
use crate::entry::Entry;
use crate::error::Error;
use crate::history::History;
use crate::interest::Interest;
use crate::series::Series;
use crate::settings::{Clock, Settings};
use crate::stream::Stream;
use crate::viewer::{Feed, Viewer, WAITING_MAX};

/// Batches of facts that may wait to be taken in, one for each turn of a worker or call. More are counted and dropped. Room for what some workers
/// hand over while the clerk collects.
pub(crate) const BATCHES_MAX: usize = 8_192;
/// Viewers that may follow at a time.
pub(crate) const VIEWERS_MAX: usize = 32;
/// How long recording goes on after the last one who watched, in milliseconds: questions come afterwards.
const LINGER_MS: u64 = 600_000;

/// Where all parts tell what they see: it keeps the latest, counts, and knows who watches.
pub struct Desk {
    pub(crate) settings: Arc<ArcSwap<Settings>>,
    pub(crate) clock: Arc<dyn Clock>,
    watching: AtomicBool,
    /// Until when facts are wanted although nobody follows, in milliseconds since 1970.
    wanted_until_ms: AtomicU64,
    /// Since when facts are wanted; 0 while they are not.
    since_ms: AtomicU64,
    batches: mpsc::Sender<Batch>,
    lost: AtomicU64,
    last_seq: AtomicU64,
    messages: AtomicU64,
    viewers: AtomicUsize,
    viewer_numbers: AtomicU64,
    pub(crate) counts: Counts,
    series: Mutex<Series>,
    history: Mutex<History>,
    pub(crate) started_ms: u64,
    node: Option<Arc<str>>,
}

impl Desk {
    /// A desk, and the clerk that does its work. `node` is what this node of a cluster is called.
    pub fn new(
        settings: Arc<ArcSwap<Settings>>,
        clock: Arc<dyn Clock>,
        node: Option<Arc<str>>,
    ) -> (Arc<Self>, Clerk) {
        let (sender, receiver) = mpsc::channel(BATCHES_MAX);
        let desk = Arc::new(Self {
            started_ms: clock.unix_ms(),
            settings,
            watching: AtomicBool::new(false),
            wanted_until_ms: AtomicU64::new(0),
            since_ms: AtomicU64::new(0),
            batches: sender,
            lost: AtomicU64::new(0),
            last_seq: AtomicU64::new(0),
            messages: AtomicU64::new(node.as_ref().map_or(0, |_| MessageId::first_serial(clock.random()))),
            clock,
            node,
            viewers: AtomicUsize::new(0),
            viewer_numbers: AtomicU64::new(0),
            counts: Counts::default(),
            series: Mutex::default(),
            history: Mutex::default(),
        });
        desk.decide();
        let clerk = Clerk::new(desk.clone(), receiver);
        (desk, clerk)
    }

    /// Decides anew whether anybody wants facts.
    pub(crate) fn decide(&self) {
        let (settings, now_ms) = (self.settings.load(), self.clock.unix_ms());
        let wanted = settings.enabled
            && (settings.recording
                || self.viewers() > 0
                || now_ms < self.wanted_until_ms.load(Ordering::Relaxed));
        if wanted != self.watching.swap(wanted, Ordering::Relaxed) {
            self.since_ms.store(if wanted { now_ms } else { 0 }, Ordering::Relaxed);
        }
    }

    /// Has facts recorded for a while from now.
    pub(crate) fn want(&self) {
        self.wanted_until_ms.fetch_max(self.clock.unix_ms() + LINGER_MS, Ordering::Relaxed);
        self.decide();
    }

    /// Whether facts are recorded, and since when.
    pub(crate) fn recording(&self) -> Value {
        let (since_ms, always) = (self.since_ms.load(Ordering::Relaxed), self.settings.load().recording);
        match since_ms {
            0 => json!({"on": false, "always": always}),
            since_ms => json!({"on": true, "since": since_ms, "always": always}),
        }
    }

    /// What this node of a cluster is called.
    pub(crate) fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.last_seq.load(Ordering::Relaxed)
    }

    pub(crate) fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        // Nothing of the history is changed in two steps that belong together.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn series(&self) -> MutexGuard<'_, Series> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes facts into the history, and shows them to whoever follows.
    pub(crate) fn take(&self, batch: Batch) {
        let (payloads, now_ms) = (self.settings.load().payloads, self.clock.unix_ms());
        let mut history = self.history();
        for fact in batch.facts {
            let seq = self.last_seq.fetch_add(1, Ordering::Relaxed) + 1;
            if let hubwire_hub::Happening::Delivered(part) = &fact.happening {
                history.delivered(part);
            }
            let entry = Arc::new(Entry::new(seq, (self.node.clone(), batch.worker), fact, payloads));
            for viewer in &mut history.viewers {
                viewer.offer(&entry, now_ms);
            }
            history.keep(entry);
        }
    }

    /// Makes the next point of the plots.
    pub(crate) fn step(&self) {
        let (now_ms, memory_bytes) = (self.clock.unix_ms(), self.clock.memory_bytes());
        self.series().step(now_ms, &self.counts, memory_bytes);
    }

    /// Begins to show a viewer what it is interested in: the latest that has been, then all that comes.
    pub(crate) fn follow(
        self: &Arc<Self>,
        interest: Interest,
        past_max: usize,
        after: u64,
    ) -> Result<(Stream, Feed), Error> {
        let mut history = self.history();
        if history.viewers.len() >= VIEWERS_MAX {
            metrics::counter!("webpubsub_trace_viewers_refused_total").increment(1);
            return Err(Error::TooManyViewers(VIEWERS_MAX));
        }
        let news = history.entries().take_while(|entry| entry.seq > after);
        let mut backlog = VecDeque::new();
        for entry in news.filter(|entry| interest.fits(entry)).take(past_max) {
            backlog.push_front(entry.clone());
        }
        let number = self.viewer_numbers.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let dropped = Arc::<AtomicU64>::default();
        let feed = Feed { frames: sender.clone(), dropped: dropped.clone() };
        history.viewers.push(Viewer::new(number, interest, sender, dropped.clone(), self.clock.unix_ms()));
        self.viewers.store(history.viewers.len(), Ordering::Relaxed);
        drop(history);
        self.want();
        Ok((Stream::new(self.clone(), number, backlog, receiver, dropped), feed))
    }

    /// A viewer has gone.
    pub(crate) fn leave(&self, number: u64) {
        let mut history = self.history();
        history.viewers.retain(|viewer| viewer.number != number);
        self.viewers.store(history.viewers.len(), Ordering::Relaxed);
        drop(history);
        self.want();
    }
}

impl Observer for Desk {
    fn is_watching(&self) -> bool {
        self.watching.load(Ordering::Relaxed)
    }

    fn observe(&self, worker: Option<u8>, mut facts: Vec<Fact>, lost: u64) {
        let now_ms = self.clock.unix_ms();
        for fact in facts.iter_mut().filter(|fact| fact.time_ms == 0) {
            fact.time_ms = now_ms;
        }
        let count = facts.len() as u64;
        let lost = match self.batches.try_send(Batch { worker, facts }) {
            Ok(()) => lost,
            Err(_) => lost + count,
        };
        if lost > 0 {
            self.lost.fetch_add(lost, Ordering::Relaxed);
            metrics::counter!("webpubsub_trace_drops_total").increment(lost);
        }
    }

    fn next_message(&self) -> MessageId {
        let serial = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        MessageId::new(serial, MessageId::ELSEWHERE)
    }

    fn count(&self, count: Count) {
        self.counts.add(count);
    }

    fn sample(&self, sample: Sample) {
        self.series().sample(sample);
    }
}
