use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The bound of calls that are under way, for each hub its own: settings that many hubs share, those of `_default`, must not have the calls of
/// one hub wait for those of another. A hub without calls costs nothing.
#[derive(Debug)]
pub struct HubCalls {
    max: usize,
    hubs: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A call that has its turn, until this is dropped.
pub(crate) struct Turn<'a> {
    calls: &'a HubCalls,
    hub: &'a str,
    permit: Option<OwnedSemaphorePermit>,
}

impl HubCalls {
    /// At most so many at a time.
    pub fn new(max: usize) -> Self {
        Self { max: max.min(Semaphore::MAX_PERMITS), hubs: Mutex::default() }
    }

    /// Waits for the turn of a call.
    pub(crate) async fn turn<'a>(&'a self, hub: &'a str) -> Result<Turn<'a>, AcquireError> {
        // Before the wait, so that one that is given up leaves nothing behind either.
        let mut turn = Turn { calls: self, hub, permit: None };
        let semaphore = self.semaphore(hub);
        turn.permit = Some(semaphore.acquire_owned().await?);
        Ok(turn)
    }

    fn hubs(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.hubs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn semaphore(&self, hub: &str) -> Arc<Semaphore> {
        let mut hubs = self.hubs();
        if let Some(semaphore) = hubs.get(hub) {
            return semaphore.clone();
        }
        let semaphore = Arc::new(Semaphore::new(self.max));
        hubs.insert(hub.to_owned(), semaphore.clone());
        semaphore
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.permit = None;
        let mut hubs = self.calls.hubs();
        // Whoever has a turn, or waits for one, holds the semaphore too.
        if hubs.get(self.hub).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            hubs.remove(self.hub);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_hub_waits_for_its_own_calls_only_and_leaves_nothing_behind() {
        let calls = HubCalls::new(1);
        let Poll::Ready(Ok(first)) = poll(pin!(calls.turn("a"))) else { panic!("the first call waits") };
        let mut second = Box::pin(calls.turn("a"));
        assert!(poll(second.as_mut()).is_pending());
        let given_up = &mut Box::pin(calls.turn("a"));
        assert!(poll(given_up.as_mut()).is_pending());
        assert!(matches!(poll(pin!(calls.turn("b"))), Poll::Ready(Ok(_))));
        assert_eq!(calls.hubs().len(), 1, "b is forgotten");
        drop(first);
        let Poll::Ready(Ok(turn)) = poll(second.as_mut()) else { panic!("the second call waits on") };
        drop(turn);
        assert!(matches!(poll(given_up.as_mut()), Poll::Ready(Ok(_))));
    }
}
