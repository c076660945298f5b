use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hubwire_hub::{Count, Fact, MessageId, Observer, Sample, Span, TraceContext, TraceId};

/// Notes what it is told, and may look as if nobody watched.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) watching: AtomicBool,
    pub(crate) facts: Mutex<Vec<Fact>>,
    pub(crate) counts: Mutex<Vec<Count>>,
    pub(crate) collecting: AtomicBool,
    pub(crate) spans: Mutex<Vec<Span>>,
    begun: AtomicU64,
}

impl Observer for Notes {
    fn is_watching(&self) -> bool {
        self.watching.load(Ordering::Relaxed)
    }

    fn observe(&self, _: Option<u8>, facts: Vec<Fact>, _: u64) {
        self.facts.lock().unwrap().extend(facts);
    }

    fn next_message(&self) -> MessageId {
        MessageId::new(7, MessageId::ELSEWHERE)
    }

    fn count(&self, count: Count) {
        self.counts.lock().unwrap().push(count);
    }

    fn sample(&self, _: Sample) {}

    fn collects_spans(&self) -> bool {
        self.collecting.load(Ordering::Relaxed)
    }

    fn begin(&self, cause: Option<TraceContext>) -> Option<TraceContext> {
        if !self.collects_spans() {
            return cause;
        }
        let span_id = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let own = || TraceId::new(99).map(|trace_id| TraceContext { trace_id, span_id, sampled: true });
        cause.map(|cause| TraceContext { span_id, ..cause }).or_else(own)
    }

    fn end(&self, span: Span) {
        self.spans.lock().unwrap().push(span);
    }
}
