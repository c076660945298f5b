//! Calls of the application on their way to the driver.
//!
//! A channel would not do: those who wait for room in one can be overtaken by those who come later, and messages of one task must go out in
//! the order in which it called. So a call takes its place when it is first polled. There is one entry for each future that is being
//! awaited, which is the queue's bound; the driver takes entries when it has room, and callers wait meanwhile.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, oneshot};

use crate::{
    error::{Error, Result},
    session::{Command, Completion, Ticket},
};

pub(crate) type Answer = oneshot::Sender<Result<Completion>>;

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub ticket: Ticket,
    pub command: Command,
    pub answer: Answer,
}

#[derive(Debug, Default)]
pub(crate) struct Calls {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    next_ticket: Ticket,
    waiting: BTreeMap<Ticket, (Command, Answer)>,
    /// Whether there is a driver.
    driven: bool,
    /// Whether every client was dropped.
    orphaned: bool,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn next_ticket(&self) -> Ticket {
        let mut state = self.lock();
        state.next_ticket += 1;
        state.next_ticket
    }

    /// Takes a place behind all calls that came before.
    pub(crate) fn add(&self, command: Command) -> Result<(Ticket, oneshot::Receiver<Result<Completion>>)> {
        let mut state = self.lock();
        if !state.driven {
            return Err(Error::Stopped { ack_id: None });
        }
        let (answer, answered) = oneshot::channel();
        state.next_ticket += 1;
        let ticket = state.next_ticket;
        state.waiting.insert(ticket, (command, answer));
        drop(state);
        self.changed.notify_one();
        Ok((ticket, answered))
    }

    /// Gives a place up. False if the driver has taken the call already.
    pub(crate) fn remove(&self, ticket: Ticket) -> bool {
        self.lock().waiting.remove(&ticket).is_some()
    }

    /// The next call; `None` when every client was dropped and no call waits. Dropping the future loses nothing.
    pub(crate) async fn next(&self) -> Option<Call> {
        loop {
            {
                let mut state = self.lock();
                if let Some((ticket, (command, answer))) = state.waiting.pop_first() {
                    return Some(Call { ticket, command, answer });
                }
                if state.orphaned {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Begins to be driven. False if it is already.
    pub(crate) fn drive(&self) -> bool {
        !std::mem::replace(&mut self.lock().driven, true)
    }

    /// Is driven no longer.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.driven = false;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for (_, answer) in waiting.into_values() {
            // A caller that is gone does not want the answer.
            _ = answer.send(Err(Error::Stopped { ack_id: None }));
        }
    }

    pub(crate) fn orphan(&self) {
        self.lock().orphaned = true;
        self.changed.notify_one();
    }
}
