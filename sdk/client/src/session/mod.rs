//! The session: what a client of the service is, without a socket, a clock or a task.
//!
//! Calls of the application, frames, the fate of sockets and the time go in; what is to be done comes out, to be taken with
//! [`Session::poll_output`]. The driver around it does the rest, and a test can play every course of events.
//!
//! It must never know about tokio, sockets, or who waits for an answer.

mod command;
mod connection;
mod frames;
mod groups;
mod invocations;
mod keep_alive;
#[cfg(test)]
mod model;
mod outbound_stream;
mod outbound_streams;
mod output;
mod phase;
mod requests;
mod sequence;

pub(crate) use command::{AckId, Command, Invoke, Request};
pub(crate) use output::{Completion, Moment, Output, Target, Ticket};
pub use phase::State;

use groups::Groups;
use invocations::Invocations;
use keep_alive::KeepAlive;
use outbound_stream::OutboundStream;
use outbound_streams::OutboundStreams;
use output::Outputs;
use phase::Phase;
use requests::{Requests, WAITING_MAX};
use sequence::Sequence;

use crate::{error::Error, event::Closure, options::Options, wire::Codec};

#[derive(Debug)]
pub(crate) struct Session {
    options: Options,
    phase: Phase,
    /// The session at the service, from its greeting until it is lost.
    identity: Option<Identity>,
    /// The connection id of the session before.
    previous_connection_id: Option<String>,
    last_closure: Option<Closure>,
    /// The last `system/disconnected`.
    last_message: Option<String>,
    start: Option<Ticket>,
    stops: Vec<Ticket>,
    requests: Requests,
    invocations: Invocations,
    streams: OutboundStreams,
    groups: Groups,
    sequence: Sequence,
    keep_alive: KeepAlive,
    out: Outputs,
}

#[derive(Clone, Debug)]
struct Identity {
    connection_id: String,
    user_id: Option<String>,
    reconnection_token: Option<String>,
    began: Moment,
    /// Whether the application has been told of it.
    announced: bool,
}

impl Session {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            keep_alive: KeepAlive::new(options.keep_alive_interval, options.keep_alive_timeout),
            options,
            phase: Phase::Stopped,
            identity: None,
            previous_connection_id: None,
            last_closure: None,
            last_message: None,
            start: None,
            stops: Vec::new(),
            requests: Requests::new(),
            invocations: Invocations::default(),
            streams: OutboundStreams::default(),
            groups: Groups::default(),
            sequence: Sequence::default(),
            out: Outputs::default(),
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    pub(crate) fn state(&self) -> State {
        self.phase.state()
    }

    /// The connection id and the user of the present session.
    pub(crate) fn connection(&self) -> Option<(&str, Option<&str>)> {
        let identity = self.identity.as_ref()?;
        Some((&identity.connection_id, identity.user_id.as_deref()))
    }

    fn codec(&self) -> &dyn Codec {
        &*self.options.codec
    }

    /// Whether another call may be submitted. If not, callers wait.
    pub(crate) fn has_room(&self) -> bool {
        self.requests.has_room() && self.invocations.len() < WAITING_MAX
    }

    /// Takes a call of the application.
    pub(crate) fn submit(&mut self, now: Moment, ticket: Ticket, command: Command) {
        match command {
            Command::Start => return self.start(now, ticket),
            Command::Stop => return self.stop(now, Some(ticket)),
            _ if matches!(self.phase, Phase::Stopped | Phase::Stopping { .. }) => {
                return self.out.complete(ticket, Err(Error::Stopped { ack_id: None }));
            }
            _ => {}
        }
        let connected = self.is_connected();
        let codec = self.options.codec.clone();
        match command {
            Command::Request(request) => {
                match self.requests.add(ticket, request, &self.options) {
                    Ok(()) if connected => self.requests.write(ticket, now, &self.options, &mut self.out),
                    Ok(()) => {}
                    Err(error) => self.out.complete(ticket, Err(error)),
                }
                return;
            }
            Command::Invoke(invoke) => {
                if let Err(error) = self.invocations.add(ticket, invoke, &*codec) {
                    self.out.complete(ticket, Err(error));
                }
            }
            Command::OpenStream { stream_id, writer, start } => {
                let stream = OutboundStream::new(stream_id, writer, ticket);
                self.streams.open(ticket, stream, &start, &*codec, &mut self.out);
            }
            Command::WriteStream { stream_id, data } => {
                self.streams.write(ticket, &stream_id, data, &*codec, &mut self.out);
            }
            Command::EndStream { stream_id, error } => {
                self.streams.end(ticket, &stream_id, error, &mut self.out);
            }
            Command::KeepStreamAlive { stream_id } => {
                self.streams.keep_alive(ticket, &stream_id, connected, &*codec, &mut self.out);
            }
            Command::WatchStream { stream_id } => self.streams.watch(ticket, &stream_id, &mut self.out),
            Command::Start | Command::Stop => {}
        }
        if connected {
            self.invocations.write_queued(&mut self.out);
            self.streams.flush(&*codec, &mut self.out);
        }
    }

    /// The application does not wait for the answer of a call any more.
    pub(crate) fn abandon(&mut self, ticket: Ticket) {
        let connected = self.is_connected();
        if !self.requests.abandon(ticket) {
            self.invocations.abandon(ticket, connected, &*self.options.codec, &mut self.out);
            self.streams.abandon(ticket, connected, &*self.options.codec, &mut self.out);
        }
    }

    /// The application has dropped the writer of a stream.
    pub(crate) fn abandon_stream(&mut self, stream_id: &str, writer: u64) {
        let connected = self.is_connected();
        self.streams.abandon_writer(stream_id, writer, connected, &*self.options.codec, &mut self.out);
    }

    /// Whether an answer is being waited for that would come over the present socket.
    pub(crate) fn waits_for_answers(&self) -> bool {
        self.requests.has_written() || self.invocations.has_written() || self.streams.has_waiting()
    }

    /// The socket has not been read for too long, since the application does not take its events. Answers will not come before it does.
    pub(crate) fn stalled(&mut self) {
        self.requests.fail_written(&mut self.out);
        self.invocations.fail_written(&mut self.out, || Error::EventsNotTaken { ack_id: None });
        self.streams.fail_waiting(&mut self.out);
    }

    /// Whether the socket is being read.
    pub(crate) fn set_reading(&mut self, now: Moment, reading: bool) {
        self.keep_alive.set_reading(now, reading);
    }

    fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Moment) {
        self.tick_phase(now);
        if !matches!(self.phase, Phase::Connected | Phase::Restoring { .. }) {
            return;
        }
        if let Some(silence) = self.keep_alive.silence(now) {
            self.out.push(Output::Abandon);
            let reason = format!("nothing was heard from the service for {} ms", silence.as_millis());
            self.closed(now, Closure::without_frame(reason));
            return;
        }
        if self.keep_alive.take_ping(now) {
            self.out.send(&*self.options.codec, &crate::wire::ClientMessage::Ping);
        }
        self.acknowledge_sequence(now);
        if self.is_connected() {
            self.requests.tick(now, &self.options, &mut self.out);
            self.streams.tick(now, &*self.options.codec, &mut self.out);
        }
    }

    /// When [`tick`](Self::tick) has something to do, if nothing else happens before.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let always = [self.phase.deadline()];
        let while_open = match self.phase {
            Phase::Connected | Phase::Restoring { .. } => {
                let sequence = self.sequence.deadline().filter(|_| self.options.codec.is_reliable());
                [self.keep_alive.deadline(), sequence]
            }
            _ => [None, None],
        };
        let while_connected = match self.phase {
            Phase::Connected => [self.requests.deadline(), self.streams.deadline()],
            _ => [None, None],
        };
        always.into_iter().chain(while_open).chain(while_connected).flatten().min()
    }
}
