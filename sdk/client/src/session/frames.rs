//! What the service says.

use super::{
    Session,
    invocations::Response,
    output::Moment,
    phase::{Attempt, Phase},
};
use crate::{
    error::ErrorDetail,
    event::Event,
    wire::{ClientMessage, Frame, ServiceMessage},
};

impl Session {
    /// The service's end of the socket is alive: a WebSocket ping or pong came.
    pub(crate) fn heard(&mut self, now: Moment) {
        self.keep_alive.heard(now);
    }

    /// Takes a frame of the service.
    pub(crate) fn frame(&mut self, now: Moment, frame: &Frame) {
        self.keep_alive.heard(now);
        let message = match self.codec().decode(frame) {
            Ok(message) => message,
            Err(error) => {
                self.out.event(Event::InvalidFrame { reason: error.to_string() });
                return;
            }
        };
        let refusal = matches!(message, ServiceMessage::Disconnected { .. });
        if let Phase::Recovering { attempt: Attempt::Unconfirmed { .. }, .. } = self.phase
            && !refusal
        {
            self.recovery_confirmed(now);
        }
        let repeated = message.sequence_id().is_some_and(|id| {
            // Numbers on a protocol that is not reliable would be for another version of it.
            self.options.codec.is_reliable() && !self.sequence.accept(now, id)
        });
        if !repeated {
            if message.sequence_id().is_some() {
                self.requests.progress();
            }
            self.message(now, message);
        }
        self.acknowledge_sequence(now);
    }

    pub(super) fn acknowledge_sequence(&mut self, now: Moment) {
        if !self.options.codec.is_reliable() {
            return;
        }
        if let Some(sequence_id) = self.sequence.take_ack(now) {
            self.out.send(&*self.options.codec, &ClientMessage::SequenceAck { sequence_id });
        }
    }

    fn message(&mut self, now: Moment, message: ServiceMessage) {
        match message {
            ServiceMessage::Group(message) => self.out.event(Event::GroupMessage(message)),
            ServiceMessage::Server(message) => self.out.event(Event::ServerMessage(message)),
            ServiceMessage::GroupStateSnapshot(states) => self.out.event(Event::GroupStateSnapshot(states)),
            ServiceMessage::GroupStateUpdate(states) => self.out.event(Event::GroupStateUpdate(states)),
            ServiceMessage::Ack { ack_id, success, error } => self.ack(now, ack_id, success, error),
            ServiceMessage::Connected { connection_id, user_id, reconnection_token } => {
                self.greeted(now, connection_id, user_id, reconnection_token);
            }
            ServiceMessage::Disconnected { message } => self.last_message = Some(message),
            ServiceMessage::InvokeResponse { invocation_id, success, data, error, metadata } => {
                let response = Response { invocation_id, success, data, error, metadata };
                self.invocations.respond(response, &*self.options.codec, &mut self.out);
            }
            ServiceMessage::StreamAck { stream_id, expected_sequence_id } => {
                let codec = &*self.options.codec;
                self.streams.accepted(&stream_id, expected_sequence_id, codec, &mut self.out);
            }
            ServiceMessage::StreamNack { stream_id, expected_sequence_id, error } => {
                let codec = &*self.options.codec;
                self.streams.refused(now, &stream_id, expected_sequence_id, error, codec, &mut self.out);
            }
            ServiceMessage::StreamClosed { stream_id, error } => {
                self.streams.closed(&stream_id, error, &mut self.out);
            }
            ServiceMessage::Pong | ServiceMessage::Unrecognized { .. } => {}
        }
    }

    fn ack(&mut self, now: Moment, ack_id: u64, success: bool, error: Option<ErrorDetail>) {
        let nameless = || ErrorDetail::new("Unknown", "The service does not say why.");
        let outcome = if success { Ok(()) } else { Err(error.unwrap_or_else(nameless)) };
        if self.groups.is_restoring() {
            self.groups.acknowledge(ack_id, outcome.clone(), &mut self.out);
            if !self.groups.is_restoring() && matches!(self.phase, Phase::Restoring { .. }) {
                self.announce(now);
            }
        }
        let effect = self.requests.acknowledge(now, ack_id, outcome, &self.options, &mut self.out);
        if let Some(effect) = effect {
            self.groups.apply(effect);
        }
    }
}
