use std::sync::Arc;
use std::time::Duration;

use hubwire_hub::Fact;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::desk::{BATCHES_MAX, Desk};
use crate::series::STEP_MS;

/// How often the clerk looks whether anybody still watches, in milliseconds.
const LOOK_INTERVAL_MS: u64 = 1_000;

/// How long the clerk waits for more once it has something to do, in milliseconds. Nobody sees the difference, and neither it nor the viewers'
/// workers are woken for every single fact.
const COLLECT_MS: u64 = 25;

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
        let mut batches = Vec::new();
        let mut steps = tokio::time::interval(Duration::from_millis(STEP_MS));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => self.desk.decide(),
                _ = steps.tick() => self.desk.step(),
                received = self.batches.recv_many(&mut batches, BATCHES_MAX) => {
                    if received == 0 {
                        return;
                    }
                    self.collect(&mut batches).await;
                    batches.drain(..).for_each(|batch| self.desk.take(batch));
                }
            }
        }
    }

    /// Waits a little, and takes what has come meanwhile.
    async fn collect(&mut self, batches: &mut Vec<Batch>) {
        tokio::time::sleep(Duration::from_millis(COLLECT_MS)).await;
        while let Ok(batch) = self.batches.try_recv() {
            batches.push(batch);
        }
    }
}
