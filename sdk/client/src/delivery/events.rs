//! The events of a client as a stream.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;

use super::queue::Receiver;
use crate::event::Event;

/// The events of a client from the moment of [`Client::events`](crate::Client::events), in the order in which they happened.
///
/// It is also a [`Stream`]. It ends when the client is gone: when every [`Client`](crate::Client) of it was dropped. A stopped client can
/// be started again, and its events go on.
#[derive(Debug)]
pub struct Events(Receiver<Event>);

impl Events {
    pub(crate) fn new(receiver: Receiver<Event>) -> Self {
        Self(receiver)
    }

    /// The next event; `None` when there will be no more. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.0.poll_next(context)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_next(context)
    }
}
