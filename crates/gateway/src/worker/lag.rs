use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hubwire_hub::Load;

use crate::{Environment, Settings};

/// How often a worker is asked how late it comes, in milliseconds: often enough to notice a storm within a second, seldom enough to cost nothing.
const INTERVAL_MS: u64 = 100;

/// Notes how late a worker comes to what is due: everything on its thread, whatever it is, delays this as it delays clients.
pub(super) struct Probe {
    pub(super) worker: u8,
    pub(super) load: Arc<Load>,
    pub(super) environment: Arc<dyn Environment>,
    pub(super) settings: Arc<ArcSwap<Settings>>,
}

impl Probe {
    /// Goes on until it is aborted.
    pub(super) async fn run(self) {
        loop {
            let due_ms = self.environment.monotonic_ms() + INTERVAL_MS;
            tokio::time::sleep(Duration::from_millis(INTERVAL_MS)).await;
            let lag_ms = self.environment.monotonic_ms().saturating_sub(due_ms);
            self.load.note_lag(self.worker, lag_ms, self.settings.load().limits.worker_lag_max_ms);
        }
    }
}
