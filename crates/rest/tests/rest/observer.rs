use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use hubwire_hub::{Count, Fact, MessageId, Observer, Sample};

/// Notes what it is told, and may look as if nobody watched.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) watching: AtomicBool,
    pub(crate) facts: Mutex<Vec<Fact>>,
    pub(crate) counts: Mutex<Vec<Count>>,
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
}
