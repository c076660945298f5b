use std::future::Future;
use std::thread::JoinHandle;

use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use crate::Error;

/// A thread with a runtime of its own, for what outlives the workers, since they still have something to tell when they stop.
pub(crate) struct SideThread {
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl SideThread {
    /// Starts one, which does its work until it is told to stop.
    pub(crate) fn start<F: Future<Output = ()>>(
        name: &str,
        work: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Result<Self, Error> {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || LocalSet::new().block_on(&runtime, work(stopped));
        Ok(Self { stop, thread: std::thread::Builder::new().name(name.to_owned()).spawn(run)? })
    }

    /// Has it stop, without waiting.
    pub(crate) fn cancel(&self) {
        self.stop.cancel();
    }

    /// Has it stop, and waits until it has.
    pub(crate) fn stop(self) {
        self.stop.cancel();
        let name = self.thread.thread().name().unwrap_or_default().to_owned();
        if self.thread.join().is_err() {
            tracing::error!(name, "a thread ended by a panic");
        }
    }
}
