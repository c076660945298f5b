//! What a client's handles share with its driver.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::{
    calls::Calls,
    delivery::{Bounds, Delivery},
    session::{State, Ticket},
};

#[derive(Debug)]
pub(crate) struct Shared {
    calls: Calls,
    delivery: Mutex<Delivery>,
    status: Mutex<Status>,
    abandoned: Mutex<Vec<Abandoned>>,
    abandonment: Notify,
}

/// What nobody waits for any more. There is at most one for each call that is in progress and each stream that is open.
#[derive(Debug)]
pub(crate) enum Abandoned {
    Call(Ticket),
    Stream { stream_id: String, writer: u64 },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub state: State,
    pub connection_id: Option<String>,
    pub user_id: Option<String>,
}

impl Shared {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            calls: Calls::default(),
            delivery: Mutex::new(Delivery::new(bounds)),
            status: Mutex::default(),
            abandoned: Mutex::default(),
            abandonment: Notify::new(),
        }
    }

    pub(crate) fn calls(&self) -> &Calls {
        &self.calls
    }

    pub(crate) fn delivery(&self) -> MutexGuard<'_, Delivery> {
        lock(&self.delivery)
    }

    pub(crate) fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    pub(crate) fn set_status(&self, state: State, connection: Option<(&str, Option<&str>)>) {
        let mut status = lock(&self.status);
        status.state = state;
        let connection_id = connection.map(|(id, _)| id);
        if status.connection_id.as_deref() != connection_id {
            status.connection_id = connection_id.map(str::to_owned);
            status.user_id = connection.and_then(|(_, user)| user).map(str::to_owned);
        }
    }

    pub(crate) fn abandon(&self, abandoned: Abandoned) {
        lock(&self.abandoned).push(abandoned);
        self.abandonment.notify_one();
    }

    /// Waits until something is abandoned.
    pub(crate) async fn abandoned(&self) {
        self.abandonment.notified().await;
    }

    pub(crate) fn take_abandoned(&self) -> Vec<Abandoned> {
        std::mem::take(&mut *lock(&self.abandoned))
    }
}

/// Nothing that happens under these locks can panic half way, so what a panicking thread leaves behind is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
