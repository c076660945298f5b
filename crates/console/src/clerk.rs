use std::sync::Arc;
use std::time::Duration;

use hubwire_hub::Fact;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::series::STEP_MS;

/// How often the clerk looks whether anybody still watches, in milliseconds.
const LOOK_INTERVAL_MS: u64 = 1_000;

/// Facts that were handed over together.
pub(crate) struct Batch {
    pub(crate) worker: Option<u8>,
    pub(crate) facts: Vec<Fact>,
}

/// Does the work of a [`Desk`], away from the workers: puts facts in order and words, and makes the points of the plots.
pub struct Clerk {
    desk: Arc<Desk>,
    batches: mpsc::Receiver<Batch>,
}

impl Clerk {
    pub(crate) fn new(desk: Arc<Desk>, batches: mpsc::Receiver<Batch>) -> Self {
        Self { desk, batches }
    }

    /// Works until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(Duration::from_millis(LOOK_INTERVAL_MS));
        let mut steps = tokio::time::interval(Duration::from_millis(STEP_MS));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => self.desk.decide(),
                _ = steps.tick() => self.desk.step(),
                batch = self.batches.recv() => match batch {
                    Some(batch) => self.desk.take(batch),
                    None => return,
                },
            }
        }
    }
}
