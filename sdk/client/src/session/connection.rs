//! The life of the connection: opening, greeting, restoring, recovering, reconnecting, stopping.
//!
//! The rules are those of json.reliable.webpubsub.azure.v1, "SDK state machine": a session whose socket ended is recovered for a
//! while, unless the close code is 1008; then it is lost, and another is opened.

use std::time::Duration;

use super::{
    Identity, Session,
    output::{Completion, Moment, Output, Target, Ticket},
    phase::{Attempt, Phase},
    sequence::Sequence,
};
use crate::{
    error::Error,
    event::{Closure, Connected, Disconnected, Event, Recovered, Recovering, Stopped},
    wire::ClientMessage,
};

/// "The session cannot be recovered", as both official clients take it.
const POLICY_VIOLATION: u16 = 1008;

/// How long the service may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

impl Session {
    pub(super) fn start(&mut self, now: Moment, ticket: Ticket) {
        if self.phase != Phase::Stopped {
            self.out.complete(ticket, Err(Error::AlreadyStarted));
            return;
        }
        self.start = Some(ticket);
        self.previous_connection_id = None;
        self.last_closure = None;
        self.open_new(now, 0);
    }

    fn open_new(&mut self, now: Moment, failures: u32) {
        self.identity = None;
        self.last_message = None;
        self.sequence = Sequence::default();
        self.phase = Phase::Opening { failures, deadline: now + self.options.connect_timeout };
        self.out.push(Output::Open(Target::New));
    }

    /// The socket that was to be opened is open.
    pub(crate) fn opened(&mut self, now: Moment) {
        if let Phase::Recovering { attempt: Attempt::Opening { deadline }, window_ends } = self.phase {
            self.phase = Phase::Recovering { attempt: Attempt::Unconfirmed { deadline }, window_ends };
            // The last ack may have been lost. It goes ahead of requests that are written again, for what they bring must find room.
            self.sequence.recovered(now);
            self.acknowledge_sequence(now);
            // The service greets a recovered session only by what it has for it, so it is asked for a sign of life.
            self.out.send(&*self.options.codec, &ClientMessage::Ping);
            self.keep_alive.heard(now);
        }
    }

    /// The socket that was to be opened could not be.
    pub(crate) fn open_failed(&mut self, now: Moment, error: Error) {
        match self.phase {
            Phase::Opening { failures, .. } => self.opening_failed(now, failures, error),
            Phase::Recovering { window_ends, .. } => self.recovery_failed(now, window_ends),
            _ => {}
        }
    }

    fn opening_failed(&mut self, now: Moment, failures: u32, error: Error) {
        if let Some(ticket) = self.start.take() {
            self.fail_calls();
            self.phase = Phase::Stopped;
            self.identity = None;
            self.out.complete(ticket, Err(error));
            return;
        }
        match self.options.reconnect_retry.delay_before(failures + 1) {
            Some(delay) => self.phase = Phase::Waiting { failures: failures + 1, until: now + delay },
            None => self.stopped(Some(error)),
        }
    }

    /// The service's greeting: of a new session, or a refreshed token of one that goes on.
    pub(super) fn greeted(
        &mut self,
        now: Moment,
        connection_id: String,
        user_id: Option<String>,
        reconnection_token: Option<String>,
    ) {
        if let (Some(identity), false) = (&mut self.identity, matches!(self.phase, Phase::Opening { .. })) {
            identity.reconnection_token = reconnection_token.or(identity.reconnection_token.take());
            return;
        }
        if !matches!(self.phase, Phase::Opening { .. }) {
            return;
        }
        self.identity =
            Some(Identity { connection_id, user_id, reconnection_token, began: now, announced: false });
        self.keep_alive.opened(now);
        self.restore(now);
    }

    fn restore(&mut self, now: Moment) {
        if self.options.auto_rejoin_groups {
            let requests = &mut self.requests;
            self.groups.restore(&*self.options.codec, || requests.next_ack_id(), &mut self.out);
        }
        if self.groups.is_restoring() {
            self.phase = Phase::Restoring { deadline: now + self.options.connect_timeout };
        } else {
            self.announce(now);
        }
    }

    pub(super) fn announce(&mut self, now: Moment) {
        self.phase = Phase::Connected;
        let rejoined_groups = self.groups.take_rejoined();
        if let Some(identity) = &mut self.identity {
            identity.announced = true;
            self.out.event(Event::Connected(Connected {
                connection_id: identity.connection_id.clone(),
                user_id: identity.user_id.clone(),
                previous_connection_id: self.previous_connection_id.take(),
                rejoined_groups,
            }));
        }
        if let Some(ticket) = self.start.take() {
            self.out.complete(ticket, Ok(Completion::Done));
        }
        self.resume(now);
    }

    /// Writes what has waited for a connection, in the order of the calls.
    fn resume(&mut self, now: Moment) {
        self.requests.write_queued(now, &self.options, &mut self.out);
        self.invocations.write_queued(&mut self.out);
        self.streams.flush(&*self.options.codec, &mut self.out);
    }

    /// The socket ended.
    pub(crate) fn closed(&mut self, now: Moment, closure: Closure) {
        self.keep_alive.closed();
        match self.phase {
            Phase::Opening { failures, .. } => {
                let reason = format!("the service closed the socket before its greeting: {closure}");
                self.opening_failed(now, failures, Error::connect(reason));
            }
            Phase::Connected | Phase::Restoring { .. } => self.dropped(now, closure),
            Phase::Recovering { .. } if closure.code == Some(POLICY_VIOLATION) => {
                self.lost(now, closure);
            }
            Phase::Recovering { window_ends, .. } => self.recovery_failed(now, window_ends),
            Phase::Stopping { .. } => {
                self.last_closure = Some(closure);
                self.stopped(None);
            }
            Phase::Stopped | Phase::Waiting { .. } => {}
        }
    }

    fn dropped(&mut self, now: Moment, closure: Closure) {
        self.requests.socket_lost(&closure, &mut self.out);
        self.invocations.socket_lost(&closure, &mut self.out);
        self.streams.socket_lost(&mut self.out);
        self.groups.cancel();
        self.last_closure = Some(closure.clone());
        let recoverable = self.options.codec.is_reliable() && closure.code != Some(POLICY_VIOLATION);
        if !recoverable || self.recovery_target().is_none() {
            self.lost(now, closure);
            return;
        }
        if let Some(identity) = self.identity.as_ref().filter(|identity| identity.announced) {
            let connection_id = identity.connection_id.clone();
            self.out.event(Event::Recovering(Recovering { connection_id, closure }));
        }
        self.recover(now, now + self.options.recovery_window);
    }

    fn recovery_target(&self) -> Option<Target> {
        let identity = self.identity.as_ref()?;
        Some(Target::Recovery {
            connection_id: identity.connection_id.clone(),
            reconnection_token: identity.reconnection_token.clone()?,
        })
    }

    fn recover(&mut self, now: Moment, window_ends: Moment) {
        let Some(target) = self.recovery_target() else { return };
        let deadline = now + self.options.connect_timeout;
        self.phase = Phase::Recovering { attempt: Attempt::Opening { deadline }, window_ends };
        self.out.push(Output::Open(target));
    }

    fn recovery_failed(&mut self, now: Moment, window_ends: Moment) {
        let until = now + self.options.recovery_delay;
        if until >= window_ends {
            let reason = "the session was not recovered in time";
            self.lost(now, Closure::without_frame(reason));
        } else {
            self.phase = Phase::Recovering { attempt: Attempt::Waiting { until }, window_ends };
        }
    }

    pub(super) fn recovery_confirmed(&mut self, now: Moment) {
        self.keep_alive.opened(now);
        let Some(identity) = self.identity.as_ref() else { return };
        if !identity.announced {
            self.restore(now);
            return;
        }
        self.phase = Phase::Connected;
        let connection_id = identity.connection_id.clone();
        self.out.event(Event::Recovered(Recovered { connection_id }));
        self.resume(now);
    }

    /// The session is lost.
    fn lost(&mut self, now: Moment, closure: Closure) {
        self.last_closure = Some(closure.clone());
        self.streams.session_lost(&mut self.out);
        self.requests.session_lost(&closure, &self.options, &mut self.out);
        let identity = self.identity.take();
        let short_lived = identity.as_ref().is_some_and(|identity| {
            let least = self.options.reconnect_retry.delay_before(1).unwrap_or_default();
            now.saturating_sub(identity.began) < least
        });
        self.tell_disconnected(identity, closure.clone());
        if self.start.is_some() {
            let reason = format!("the session was lost before it was complete: {closure}");
            self.opening_failed(now, 0, Error::connect(reason));
        } else if !self.options.auto_reconnect {
            self.stopped(None);
        } else if short_lived {
            // A service that greets and closes must not be asked in a tight loop.
            self.opening_failed(now, 0, Error::connect(closure.to_string()));
        } else {
            self.open_new(now, 0);
        }
    }

    fn tell_disconnected(&mut self, identity: Option<Identity>, closure: Closure) {
        let Some(Identity { connection_id, announced: true, .. }) = identity else { return };
        self.previous_connection_id = Some(connection_id.clone());
        let message = self.last_message.take();
        self.out.event(Event::Disconnected(Disconnected { connection_id, closure, message }));
    }

    /// The application wants no connection any more. A graceful end tells the service that the session is over.
    pub(crate) fn stop(&mut self, now: Moment, ticket: Option<Ticket>) {
        self.stops.extend(ticket);
        match self.phase {
            Phase::Stopped => self.answer_stops(),
            Phase::Stopping { .. } => {}
            Phase::Connected
            | Phase::Restoring { .. }
            | Phase::Recovering { attempt: Attempt::Unconfirmed { .. }, .. } => {
                self.out.push(Output::Close);
                self.phase = Phase::Stopping { deadline: now + CLOSE_TIMEOUT };
            }
            Phase::Opening { .. } | Phase::Waiting { .. } | Phase::Recovering { .. } => {
                self.out.push(Output::Abandon);
                self.last_closure = None;
                self.stopped(None);
            }
        }
    }

    fn stopped(&mut self, error: Option<Error>) {
        let by_application = matches!(self.phase, Phase::Stopping { .. }) || !self.stops.is_empty();
        let closure = self.last_closure.take();
        self.keep_alive.closed();
        self.phase = Phase::Stopped;
        let identity = self.identity.take();
        let ended = closure.clone().unwrap_or_else(|| Closure::without_frame("the client was stopped"));
        self.tell_disconnected(identity, ended);
        self.fail_calls();
        if let Some(ticket) = self.start.take() {
            self.out.complete(ticket, Err(Error::Stopped { ack_id: None }));
        }
        let closure = closure.filter(|_| !by_application);
        self.out.event(Event::Stopped(Stopped { closure, error }));
        self.answer_stops();
    }

    fn fail_calls(&mut self) {
        self.requests.stop(&mut self.out);
        self.invocations.stop(&mut self.out);
        self.streams.stop(&mut self.out);
        self.groups.cancel();
    }

    fn answer_stops(&mut self) {
        for ticket in std::mem::take(&mut self.stops) {
            self.out.complete(ticket, Ok(Completion::Done));
        }
    }

    pub(super) fn tick_phase(&mut self, now: Moment) {
        if self.phase.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.phase {
            Phase::Opening { failures, .. } => {
                self.out.push(Output::Abandon);
                self.keep_alive.closed();
                self.opening_failed(
                    now,
                    failures,
                    Error::connect("it took longer than the connect time-out"),
                );
            }
            Phase::Waiting { failures, .. } => self.open_new(now, failures),
            Phase::Restoring { .. } => {
                self.groups.give_up(&mut self.out);
                self.announce(now);
            }
            Phase::Recovering { attempt: Attempt::Waiting { .. }, window_ends } => {
                self.recover(now, window_ends);
            }
            Phase::Recovering { window_ends, .. } => {
                self.out.push(Output::Abandon);
                self.recovery_failed(now, window_ends);
            }
            Phase::Stopping { .. } => {
                self.out.push(Output::Abandon);
                self.stopped(None);
            }
            Phase::Stopped | Phase::Connected => {}
        }
    }
}
