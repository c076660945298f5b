//! What a session wants done.

use std::{collections::VecDeque, time::Duration};

use crate::{
    error::Result,
    event::Event,
    request::{Acknowledged, InvokeResult},
    wire::{ClientMessage, Codec, Frame},
};

/// Names one call of the application until it has its answer. Later calls have larger tickets.
pub(crate) type Ticket = u64;

/// A point in time, as the time since the client was made.
pub(crate) type Moment = Duration;

/// One thing that a session wants done.
#[derive(Debug)]
pub(crate) enum Output {
    /// Open a socket.
    Open(Target),
    /// Let go of the socket, or of the attempt to open one, without a word. Nothing is to be reported of it any more.
    Abandon,
    /// Write to the socket.
    Write(Frame),
    /// Close the socket with code 1000, after what was written before.
    Close,
    /// Tell the application.
    Event(Event),
    /// Answer a call.
    Complete(Ticket, Result<Completion>),
}

/// Where a socket is to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A new session, with the URL that the credential gives.
    New,
    /// A session that lost its socket, with the URL that it was opened with.
    Recovery { connection_id: String, reconnection_token: String },
}

/// The answer of a call that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Completion {
    Done,
    Acknowledged(Acknowledged),
    Invoked(InvokeResult),
}

/// Collects what a session wants done, in order.
#[derive(Debug, Default)]
pub(crate) struct Outputs(VecDeque<Output>);

impl Outputs {
    pub(crate) fn push(&mut self, output: Output) {
        self.0.push_back(output);
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.0.pop_front()
    }

    pub(crate) fn write(&mut self, frame: Frame) {
        self.push(Output::Write(frame));
    }

    pub(crate) fn send(&mut self, codec: &dyn Codec, message: &ClientMessage) {
        self.write(codec.encode(message));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.push(Output::Event(event));
    }

    pub(crate) fn complete(&mut self, ticket: Ticket, result: Result<Completion>) {
        self.push(Output::Complete(ticket, result));
    }
}
