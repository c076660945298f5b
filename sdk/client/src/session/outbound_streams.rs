//! The streams that this client sends to groups.

use std::collections::BTreeMap;

use super::{
    outbound_stream::{OutboundStream, completed, ended},
    output::{Completion, Moment, Outputs, Ticket},
};
use crate::{
    data::Data,
    error::{Error, ErrorDetail},
    wire::{ClientMessage, Codec, Frame, StreamEndError},
};

#[derive(Debug, Default)]
pub(crate) struct OutboundStreams {
    streams: BTreeMap<String, OutboundStream>,
    /// Starts that are to be written when the client is connected.
    starts: Vec<(String, Frame)>,
    /// Streams that may have been opened although their start was never answered; they are ended over the next socket.
    unanswered: Vec<String>,
    /// How streams ended whose writers are still there, to be told upon their next call.
    over: BTreeMap<String, Over>,
}

#[derive(Debug)]
struct Over {
    writer: u64,
    error: Option<Error>,
}

impl OutboundStreams {
    pub(crate) fn open(
        &mut self,
        ticket: Ticket,
        stream: OutboundStream,
        start: &ClientMessage,
        codec: &dyn Codec,
        out: &mut Outputs,
    ) {
        let id = stream.id.clone();
        if self.streams.contains_key(&id) {
            out.complete(ticket, Err(Error::StreamIdInUse(id)));
            return;
        }
        self.over.remove(&id);
        self.starts.push((id.clone(), codec.encode(start)));
        self.streams.insert(id, stream);
    }

    pub(crate) fn write(
        &mut self,
        ticket: Ticket,
        id: &str,
        data: Data,
        codec: &dyn Codec,
        out: &mut Outputs,
    ) {
        if let Some(stream) = self.writable(ticket, id, out) {
            stream.write(ticket, data, codec, out);
        }
    }

    pub(crate) fn end(&mut self, ticket: Ticket, id: &str, error: Option<StreamEndError>, out: &mut Outputs) {
        if let Some(stream) = self.writable(ticket, id, out) {
            stream.end(ticket, error);
        }
    }

    pub(crate) fn keep_alive(
        &mut self,
        ticket: Ticket,
        id: &str,
        connected: bool,
        codec: &dyn Codec,
        out: &mut Outputs,
    ) {
        if self.writable(ticket, id, out).is_some() {
            // Without a connection there is nobody to tell; the next fragment or sign of life will do.
            if connected {
                out.send(codec, &ClientMessage::StreamKeepAlive { stream_id: id.to_owned() });
            }
            out.complete(ticket, Ok(Completion::Done));
        }
    }

    fn writable(&mut self, ticket: Ticket, id: &str, out: &mut Outputs) -> Option<&mut OutboundStream> {
        let stream = self.streams.get_mut(id).filter(|stream| stream.ending.is_none());
        if stream.is_none() {
            let error = self.over.get(id).and_then(|over| over.error.clone());
            out.complete(ticket, Err(error.unwrap_or_else(|| completed(id))));
        }
        stream
    }

    /// Answers when the stream is over.
    pub(crate) fn watch(&mut self, ticket: Ticket, id: &str, out: &mut Outputs) {
        match self.streams.get_mut(id) {
            Some(stream) => stream.watching.push(ticket),
            None => {
                let error = self.over.get(id).and_then(|over| over.error.clone());
                out.complete(ticket, error.map_or(Ok(Completion::Done), Err));
            }
        }
    }

    /// Sends what may be sent.
    pub(crate) fn flush(&mut self, codec: &dyn Codec, out: &mut Outputs) {
        for stream_id in self.unanswered.drain(..) {
            let message = Some("The publisher has given up.".to_owned());
            let error = Some(StreamEndError { message, user_error_code: None });
            out.send(codec, &ClientMessage::StreamEnd { stream_id, error });
        }
        for (_, start) in self.starts.drain(..) {
            out.write(start);
        }
        for stream in self.streams.values_mut() {
            stream.flush(codec, out);
        }
    }

    pub(crate) fn accepted(&mut self, id: &str, expected: u64, codec: &dyn Codec, out: &mut Outputs) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        match stream.accepted(expected, codec, out) {
            Ok(()) => stream.flush(codec, out),
            Err(error) => self.violated(id, error, codec, out),
        }
    }

    pub(crate) fn refused(
        &mut self,
        now: Moment,
        id: &str,
        expected: u64,
        error: ErrorDetail,
        codec: &dyn Codec,
        out: &mut Outputs,
    ) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let outcome = stream.accepted(expected, codec, out).and_then(|()| stream.refused(now, error));
        if let Err(error) = outcome {
            self.violated(id, error, codec, out);
        }
    }

    fn violated(&mut self, id: &str, error: ErrorDetail, codec: &dyn Codec, out: &mut Outputs) {
        let end_error = StreamEndError {
            message: Some(error.message.clone()),
            user_error_code: Some("ProtocolViolation".to_owned()),
        };
        out.send(codec, &ClientMessage::StreamEnd { stream_id: id.to_owned(), error: Some(end_error) });
        self.close(id, Some(error), out);
    }

    /// The service says that a stream is over.
    pub(crate) fn closed(&mut self, id: &str, error: Option<ErrorDetail>, out: &mut Outputs) {
        let Some(stream) = self.streams.get(id) else { return };
        // After a recovery the end is written again, and the service may have forgotten the stream upon the first one.
        let forgotten = error.as_ref().is_some_and(|error| error.name == "StreamNotFound");
        let error = error.filter(|_| !(forgotten && stream.had_ended()));
        self.close(id, error, out);
    }

    fn close(&mut self, id: &str, error: Option<ErrorDetail>, out: &mut Outputs) {
        let Some(stream) = self.streams.remove(id) else { return };
        self.starts.retain(|(starting, _)| starting != id);
        let error = error.map(|error| ended(id, error));
        if stream.opening.is_none() && !stream.orphaned {
            self.over.insert(id.to_owned(), Over { writer: stream.writer, error: error.clone() });
        }
        stream.close(error.as_ref(), out);
    }

    /// The socket is gone. What was not opened yet fails, since nobody can know whether it was.
    pub(crate) fn socket_lost(&mut self, out: &mut Outputs) {
        let mut opening = Vec::new();
        for (id, stream) in &mut self.streams {
            stream.rewind();
            let started = !self.starts.iter().any(|(starting, _)| starting == id);
            if stream.opening.is_some() && started {
                opening.push(id.clone());
            }
        }
        for id in opening {
            let lost = "The connection was lost before the stream was open.";
            self.close(&id, Some(ErrorDetail::new("ConnectionLost", lost)), out);
            self.unanswered.push(id);
        }
    }

    /// The session is gone, and its streams with it. Those that were never started wait for the next.
    pub(crate) fn session_lost(&mut self, out: &mut Outputs) {
        self.unanswered.clear();
        let error = ErrorDetail::new("ConnectionLost", "The session was lost.");
        self.close_all(&error, false, out);
    }

    pub(crate) fn stop(&mut self, out: &mut Outputs) {
        self.unanswered.clear();
        self.close_all(&ErrorDetail::new("Stopped", "The client is stopped."), true, out);
    }

    fn close_all(&mut self, error: &ErrorDetail, with_starts: bool, out: &mut Outputs) {
        let waits = |id: &String| !with_starts && self.starts.iter().any(|(starting, _)| starting == id);
        let ids: Vec<String> = self.streams.keys().filter(|id| !waits(id)).cloned().collect();
        for id in ids {
            self.close(&id, Some(error.clone()), out);
        }
    }

    /// The application does not want the answer of a call any more.
    pub(crate) fn abandon(&mut self, ticket: Ticket, connected: bool, codec: &dyn Codec, out: &mut Outputs) {
        let opening = self.streams.values().find(|stream| stream.opening == Some(ticket));
        if let Some(id) = opening.map(|stream| stream.id.clone()) {
            self.abandon_stream(&id, connected, codec, out);
            return;
        }
        for stream in self.streams.values_mut() {
            stream.watching.retain(|watching| *watching != ticket);
            stream.writing.take_if(|(writing, _)| *writing == ticket);
            if let Some(ending) = &mut stream.ending {
                ending.ticket.take_if(|ending| *ending == ticket);
            }
        }
    }

    /// The writer of a stream was dropped. Unless it has ended the stream, those who receive it are told that nothing more comes.
    pub(crate) fn abandon_writer(
        &mut self,
        id: &str,
        writer: u64,
        connected: bool,
        codec: &dyn Codec,
        out: &mut Outputs,
    ) {
        if self.over.get(id).is_some_and(|over| over.writer == writer) {
            self.over.remove(id);
        }
        let Some(stream) = self.streams.get_mut(id).filter(|stream| stream.writer == writer) else { return };
        stream.orphaned = true;
        if stream.ending.is_none() {
            self.abandon_stream(id, connected, codec, out);
        }
    }

    fn abandon_stream(&mut self, id: &str, connected: bool, codec: &dyn Codec, out: &mut Outputs) {
        let never_started = self.starts.iter().any(|(starting, _)| starting == id);
        self.close(id, Some(ErrorDetail::new("Abandoned", "The writer was dropped.")), out);
        if !never_started {
            self.unanswered.push(id.to_owned());
            if connected {
                self.flush(codec, out);
            }
        }
    }

    /// Whether a call waits for the service.
    pub(crate) fn has_waiting(&self) -> bool {
        self.streams.values().any(|stream| {
            stream.opening.is_some()
                || stream.writing.is_some()
                || stream.ending.as_ref().is_some_and(|ending| ending.ticket.is_some())
        })
    }

    /// Gives up the calls that wait, because the answers cannot be read. Streams that are open go on.
    pub(crate) fn fail_waiting(&mut self, out: &mut Outputs) {
        let opening = self.streams.values().filter(|stream| stream.opening.is_some());
        let opening: Vec<String> = opening.map(|stream| stream.id.clone()).collect();
        for id in opening {
            let error = Error::EventsNotTaken { ack_id: None };
            self.close(&id, Some(ErrorDetail::new("EventsNotTaken", error.to_string())), out);
            self.unanswered.push(id);
        }
        for stream in self.streams.values_mut() {
            let writing = stream.writing.take().map(|(ticket, _)| ticket);
            let ending = stream.ending.as_mut().and_then(|ending| ending.ticket.take());
            for ticket in [writing, ending].into_iter().flatten() {
                out.complete(ticket, Err(Error::EventsNotTaken { ack_id: None }));
            }
        }
    }

    pub(crate) fn tick(&mut self, now: Moment, codec: &dyn Codec, out: &mut Outputs) {
        for stream in self.streams.values_mut() {
            if stream.release(now) {
                stream.flush(codec, out);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.streams.values().filter_map(OutboundStream::hold_until).min()
    }
}
