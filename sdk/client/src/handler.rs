//! Functions that are called with events.

use std::future::Future;

use tokio::task::AbortHandle;

use crate::{
    client::Client,
    event::{
        Connected, Disconnected, Event, GroupMessage, GroupStates, Recovered, Recovering, RejoinGroupFailed,
        ServerMessage, Stopped,
    },
};

/// A function that is called with events. Dropping this leaves it in place.
#[derive(Debug)]
pub struct Handler(AbortHandle);

impl Handler {
    /// Ends it. A call that is in progress ends where it next waits.
    pub fn remove(self) {
        self.0.abort();
    }
}

macro_rules! handlers {
    ($($(#[$doc:meta])* $name:ident, $variant:ident($payload:ty);)*) => {
        /// Functions that are called with events.
        ///
        /// Each is called with one event at a time, in order, on a task of its own, and may wait for whatever it likes. What it does not
        /// keep up with is buffered as for [`events`](Self::events). It stays until it is [removed](Handler::remove), panics, or the
        /// client is gone; one that holds a clone of the client keeps the client.
        ///
        /// All of these panic outside a tokio runtime.
        impl Client {
            $(
                $(#[$doc])*
                pub fn $name<F, Fut>(&self, mut handler: F) -> Handler
                where
                    F: FnMut($payload) -> Fut + Send + 'static,
                    Fut: Future<Output = ()> + Send,
                {
                    let mut events = self.events_of(|event| matches!(event, Event::$variant(_)));
                    let task = tokio::spawn(async move {
                        while let Some(event) = events.next().await {
                            if let Event::$variant(payload) = event {
                                handler(payload).await;
                            }
                        }
                    });
                    Handler(task.abort_handle())
                }
            )*
        }
    };
}

handlers! {
    /// Calls a function when a new session has begun.
    on_connected, Connected(Connected);
    /// Calls a function when the socket ended and the client tries to recover.
    on_recovering, Recovering(Recovering);
    /// Calls a function when a session goes on with nothing lost.
    on_recovered, Recovered(Recovered);
    /// Calls a function when a session is lost.
    on_disconnected, Disconnected(Disconnected);
    /// Calls a function when the client has stopped.
    on_stopped, Stopped(Stopped);
    /// Calls a function with messages from the application server.
    on_server_message, ServerMessage(ServerMessage);
    /// Calls a function with messages to groups.
    on_group_message, GroupMessage(GroupMessage);
    /// Calls a function when something could not be restored in a new session.
    on_rejoin_group_failed, RejoinGroupFailed(RejoinGroupFailed);
    /// Calls a function with the states in a group.
    on_group_state_snapshot, GroupStateSnapshot(GroupStates);
    /// Calls a function with states that have changed.
    on_group_state_update, GroupStateUpdate(GroupStates);
}
