use std::sync::Arc;

use hubwire_hub::{Count, Fact, MessageId, Observer, Sample, Span, TraceContext, TraceId};
use tokio::sync::mpsc;

use crate::exporter::Exporter;
use crate::transport::{Post, Transport};
use crate::{Error, Settings};

/// Spans that may wait to be exported, some 500 bytes each. More are dropped and counted.
const WAITING_MAX: usize = 8_192;
/// Bits of a trace id that are random by its specification, and that decide whether it is kept.
const RANDOM_BITS: u32 = 56;

/// Time and randomness, handed in.
pub trait Environment: Send + Sync {
    /// Microseconds on the clock that spans are measured by.
    fn monotonic_us(&self) -> u64;

    /// Microseconds since 1970.
    fn unix_us(&self) -> u64;

    /// Random bits.
    fn random(&self) -> u128;
}

/// Collects spans, beside another observer that watches as before.
pub struct Collector {
    watcher: Arc<dyn Observer>,
    environment: Arc<dyn Environment>,
    /// Trace ids whose random bits are below this are kept, if the trace begins here.
    threshold: u64,
    spans: mpsc::Sender<Span>,
}

impl Collector {
    /// A collector, and the exporter that takes away what it collects.
    ///
    /// # Errors
    /// [`Error`] if the settings make no exporter.
    pub fn new(
        settings: &Settings,
        watcher: Arc<dyn Observer>,
        environment: Arc<dyn Environment>,
        post: Post,
    ) -> Result<(Arc<Self>, Exporter), Error> {
        let (spans, waiting) = mpsc::channel(WAITING_MAX);
        let exporter = Exporter::new(settings, Transport::new(post), environment.clone(), waiting)?;
        // Out of range it is nothing or all.
        let threshold = (settings.sampling_ratio * (1_u64 << RANDOM_BITS) as f64) as u64;
        Ok((Arc::new(Self { watcher, environment, threshold, spans }), exporter))
    }

    fn lose(&self, count: u64) {
        metrics::counter!("webpubsub_spans_dropped_total").increment(count);
    }
}

impl Observer for Collector {
    fn is_watching(&self) -> bool {
        self.watcher.is_watching()
    }

    fn observe(&self, worker: Option<u8>, facts: Vec<Fact>, lost: u64) {
        self.watcher.observe(worker, facts, lost);
    }

    fn next_message(&self) -> MessageId {
        self.watcher.next_message()
    }

    fn count(&self, count: Count) {
        self.watcher.count(count);
    }

    fn sample(&self, sample: Sample) {
        self.watcher.sample(sample);
    }

    fn collects_spans(&self) -> bool {
        true
    }

    fn begin(&self, cause: Option<TraceContext>) -> Option<TraceContext> {
        let span_id = (self.environment.random() as u64).max(1);
        if let Some(cause) = cause {
            return Some(TraceContext { span_id, ..cause });
        }
        let bits = self.environment.random();
        let sampled = (bits as u64) & ((1 << RANDOM_BITS) - 1) < self.threshold;
        Some(TraceContext { trace_id: TraceId::new(bits)?, span_id, sampled })
    }

    fn end(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.lose(1);
        }
    }

    fn lose_spans(&self, count: u64) {
        self.lose(count);
    }
}
