//! One stream that this client sends to a group.
//!
//! Fragments stay in a window until the service has accepted them. After a recovery, and after a refusal, sending goes on from the
//! number that the service expects. The end is sent when the window is empty, since the service takes an end whenever it comes.

use std::{collections::VecDeque, time::Duration};

use super::output::{Completion, Moment, Outputs, Ticket};
use crate::{
    data::Data,
    error::{Error, ErrorDetail},
    wire::{ClientMessage, Codec, Frame, StreamEndError},
};

/// How many fragments of a stream may be unacknowledged. Then `write` waits.
pub(crate) const WINDOW_MAX: usize = 256;

/// How often in a row the service may refuse fragments without accepting one before the stream is given up.
const REFUSALS_MAX: u32 = 16;

/// The wait after a first refusal; it doubles with each, up to the bound.
const REFUSAL_DELAY: Duration = Duration::from_millis(10);
const REFUSAL_DELAY_MAX: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct OutboundStream {
    pub(super) id: String,
    pub(super) writer: u64,
    /// The call that waits for the stream to open.
    pub(super) opening: Option<Ticket>,
    window: VecDeque<Frame>,
    /// The number of the window's first fragment.
    oldest: u64,
    next_to_send: u64,
    /// A call that waits for room in the window.
    pub(super) writing: Option<(Ticket, Data)>,
    pub(super) ending: Option<Ending>,
    /// Calls that wait for the stream to be over.
    pub(super) watching: Vec<Ticket>,
    /// Its writer was dropped, so nobody will ask how it ended.
    pub(super) orphaned: bool,
    refusals: u32,
    /// Nothing is sent before then.
    hold_until: Option<Moment>,
}

#[derive(Debug)]
pub(super) struct Ending {
    pub(super) ticket: Option<Ticket>,
    error: Option<StreamEndError>,
    sent: bool,
    /// Whether it was written to an earlier socket too.
    sent_before: bool,
}

impl OutboundStream {
    pub(super) fn new(id: String, writer: u64, ticket: Ticket) -> Self {
        Self {
            id,
            writer,
            opening: Some(ticket),
            window: VecDeque::new(),
            oldest: 1,
            next_to_send: 1,
            writing: None,
            ending: None,
            watching: Vec::new(),
            orphaned: false,
            refusals: 0,
            hold_until: None,
        }
    }

    fn next_to_enqueue(&self) -> u64 {
        self.oldest + self.window.len() as u64
    }

    pub(super) fn write(&mut self, ticket: Ticket, data: Data, codec: &dyn Codec, out: &mut Outputs) {
        if self.window.len() >= WINDOW_MAX {
            self.writing = Some((ticket, data));
            return;
        }
        let message = ClientMessage::StreamData {
            stream_id: self.id.clone(),
            sequence_id: self.next_to_enqueue(),
            data,
        };
        self.window.push_back(codec.encode(&message));
        out.complete(ticket, Ok(Completion::Done));
    }

    pub(super) fn end(&mut self, ticket: Ticket, error: Option<StreamEndError>) {
        if error.is_some() {
            // Who breaks off does not wait for what is on its way.
            self.oldest = self.next_to_enqueue();
            self.next_to_send = self.oldest;
            self.window.clear();
        }
        self.ending = Some(Ending { ticket: Some(ticket), error, sent: false, sent_before: false });
    }

    /// Sends what may be sent.
    pub(super) fn flush(&mut self, codec: &dyn Codec, out: &mut Outputs) {
        if self.opening.is_some() || self.hold_until.is_some() {
            return;
        }
        let unsent = usize::try_from(self.next_to_send - self.oldest).unwrap_or(usize::MAX);
        for frame in self.window.iter().skip(unsent) {
            out.write(frame.clone());
        }
        self.next_to_send = self.next_to_enqueue();
        if let Some(ending) = self.ending.as_mut().filter(|ending| !ending.sent && self.window.is_empty()) {
            ending.sent = true;
            let (stream_id, error) = (self.id.clone(), ending.error.clone());
            out.send(codec, &ClientMessage::StreamEnd { stream_id, error });
        }
    }

    /// Everything below a number is accepted. An error means that the service claims more than was ever written.
    pub(super) fn accepted(
        &mut self,
        expected: u64,
        codec: &dyn Codec,
        out: &mut Outputs,
    ) -> Result<(), ErrorDetail> {
        if expected > self.next_to_enqueue() {
            let message = format!("The service expects {expected}, which is more than was written.");
            return Err(ErrorDetail::new("ProtocolViolation", message));
        }
        if let Some(ticket) = self.opening.take_if(|_| expected == 1) {
            out.complete(ticket, Ok(Completion::Done));
        }
        while self.oldest < expected {
            self.window.pop_front();
            self.oldest += 1;
            self.refusals = 0;
        }
        self.next_to_send = self.next_to_send.max(self.oldest);
        if let Some((ticket, data)) = self.writing.take() {
            self.write(ticket, data, codec, out);
        }
        Ok(())
    }

    /// The service did not accept a fragment, and expects another. An error means that this has gone on for too long.
    pub(super) fn refused(&mut self, now: Moment, error: ErrorDetail) -> Result<(), ErrorDetail> {
        self.next_to_send = self.oldest;
        self.refusals += 1;
        if self.refusals > REFUSALS_MAX {
            return Err(error);
        }
        let delay = REFUSAL_DELAY.saturating_mul(1 << (self.refusals - 1)).min(REFUSAL_DELAY_MAX);
        self.hold_until = Some(now + delay);
        Ok(())
    }

    pub(super) fn hold_until(&self) -> Option<Moment> {
        self.hold_until
    }

    pub(super) fn release(&mut self, now: Moment) -> bool {
        self.hold_until.take_if(|until| *until <= now).is_some()
    }

    /// What is unacknowledged has to be sent again over the next socket.
    pub(super) fn rewind(&mut self) {
        self.next_to_send = self.oldest;
        self.hold_until = None;
        if let Some(ending) = &mut self.ending {
            ending.sent_before |= std::mem::take(&mut ending.sent);
        }
    }

    /// Everything was accepted, and an end was written before this socket: a stream that the service does not know is one that ended.
    pub(super) fn had_ended(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.sent_before)
    }

    /// Answers all calls. Without an error the stream has succeeded.
    pub(super) fn close(self, error: Option<&Error>, out: &mut Outputs) {
        for ticket in [self.opening, self.writing.map(|(ticket, _)| ticket)].into_iter().flatten() {
            out.complete(ticket, Err(error.cloned().unwrap_or_else(|| completed(&self.id))));
        }
        let ending = self.ending.and_then(|ending| ending.ticket);
        for ticket in self.watching.into_iter().chain(ending) {
            out.complete(ticket, error.cloned().map_or(Ok(Completion::Done), Err));
        }
    }
}

pub(super) fn completed(stream_id: &str) -> Error {
    ended(stream_id, ErrorDetail::new("Completed", "The stream was ended."))
}

pub(super) fn ended(stream_id: &str, error: ErrorDetail) -> Error {
    Error::StreamEnded { stream_id: stream_id.to_owned(), error }
}
