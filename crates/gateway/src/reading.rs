use std::io::ErrorKind;
use std::ops::ControlFlow;

use bytes::Bytes;
use hubwire_hub::{ConnectionKey, Ending, Exchange};
use hubwire_protocol::codes::Close;
use hubwire_protocol::websocket::{CloseFrame, DecodeError, Frame, MessageKind, Opcode, control_frame};
use hubwire_protocol::{Request, json, protobuf};

use crate::log::{MESSAGING, MESSAGING_LOGS};
use crate::socket::Socket;
use crate::worker::State;

impl<E: Exchange> State<E> {
    /// Has a client read that was not read for a while, or never before, beginning with what it has sent already: behind its handshake, or
    /// before it was held.
    pub(crate) fn read_on(&mut self, key: ConnectionKey) {
        if let Some(socket) = self.socket(key) {
            socket.unread = true;
        }
        self.queue_read(key);
    }

    /// Reads one buffer full from a socket and does what the client asks. A socket that may have more goes to the end of the list; one that
    /// is held goes there when it is released.
    pub(crate) fn read(&mut self, key: ConnectionKey) {
        let Some(socket) = self.socket(key) else {
            return;
        };
        socket.in_read_queue = false;
        if socket.paused {
            return;
        }
        if std::mem::take(&mut socket.unread) && !socket.partial.is_empty() {
            self.consume(key, &mut []);
        }
        if self.shard.is_held(key) || self.socket(key).is_some_and(|socket| socket.paused) {
            return;
        }
        let mut buffer = std::mem::take(&mut self.read_buffer);
        self.read_socket(key, &mut buffer);
        self.read_buffer = buffer;
    }

    fn read_socket(&mut self, key: ConnectionKey, buffer: &mut [u8]) {
        let now_ms = self.now_ms;
        let Some(socket) = self.socket(key) else {
            return;
        };
        match socket.stream.read(buffer) {
            Ok(0) => self.drop_socket(key, Ending::Lost),
            Ok(read) => {
                self.measures.received_bytes += read as u64;
                if let Some(socket) = self.socket(key).filter(|socket| !socket.deaf) {
                    socket.heard_ms = now_ms;
                    self.consume(key, &mut buffer[..read]);
                }
                // A short read has emptied the socket; the next byte is a new event.
                let goes_on = |socket: &mut Socket| socket.ended || socket.stream.has_more();
                if read == buffer.len() || self.socket(key).is_some_and(goes_on) {
                    self.queue_read(key);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => self.queue_read(key),
            Err(_) => self.drop_socket(key, Ending::Lost),
        }
    }

    /// Takes every whole frame from what a client sent, and keeps the rest until there is more.
    pub(crate) fn consume(&mut self, key: ConnectionKey, arrived: &mut [u8]) {
        let Some(socket) = self.socket(key) else {
            return;
        };
        let mut joined = std::mem::take(&mut socket.partial);
        let goes_on = !joined.is_empty();
        joined.extend_from_slice(if goes_on { arrived } else { &[] });
        let input = if goes_on { &mut joined[..] } else { &mut *arrived };
        let (mut taken, input_bytes) = (0, input.len());
        let message_bytes_max = self.settings.limits.message_bytes_max;
        while !self.shard.is_held(key)
            && self.may_take(key)
            && let Some(socket) = self.socket(key)
        {
            match socket.decoder.decode(&mut input[taken..], message_bytes_max) {
                Ok(None) => break,
                Ok(Some((frame, bytes))) => {
                    taken += bytes;
                    self.count_frame(key, bytes);
                    if self.accept(key, frame, taken < input_bytes).is_break() {
                        return;
                    }
                    self.relieve();
                }
                Err(error) => return self.refuse_frame(key, error),
            }
        }
        // A long message that arrives in many pieces grows in place; it is not copied for each of them.
        let rest = if goes_on {
            joined.drain(..taken);
            if joined.is_empty() { Vec::new() } else { joined }
        } else {
            arrived[taken..].to_vec()
        };
        if let Some(socket) = self.socket(key) {
            socket.partial = rest;
        }
    }

    /// Does what one frame asks, behind which the client may already have sent more. Breaks if the socket is gone.
    fn accept(&mut self, key: ConnectionKey, frame: Frame<'_>, has_more: bool) -> ControlFlow<()> {
        match frame {
            Frame::Fragment | Frame::Pong => {}
            Frame::Ping(payload) => self.shard.answer_ping(key, control_frame(Opcode::Pong, payload)),
            Frame::Close(close) => {
                self.finish(key, close, has_more);
                return ControlFlow::Break(());
            }
            Frame::Message(kind, payload) => self.accept_message(key, kind, &payload),
            Frame::Compressed(kind, payload) => {
                match self.inflater.inflate(&payload, self.settings.limits.message_bytes_max) {
                    Ok(payload) => self.accept_message(key, kind, &payload),
                    Err(error) => {
                        self.refuse_frame(key, error);
                        return ControlFlow::Break(());
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn accept_message(&mut self, key: ConnectionKey, kind: MessageKind, payload: &[u8]) {
        if kind == MessageKind::Text && std::str::from_utf8(payload).is_err() {
            return self.fail(key, &Close::INVALID_UTF8);
        }
        let Some(subprotocol) = self.shard.subprotocol(key) else {
            let payload = Bytes::copy_from_slice(payload);
            let now_ms = self.now_ms;
            return self
                .traced(key, ("message", None), |shard| shard.simple_message(key, kind, payload, now_ms));
        };
        let decoded = match (subprotocol.is_protobuf(), kind) {
            (true, MessageKind::Binary) => {
                protobuf::decode(payload).map_err(|error| (Close::INVALID_PROTOBUF, error.to_string()))
            }
            (true, MessageKind::Text) => Err((Close::BINARY_REQUIRED, "a text frame".to_owned())),
            (false, MessageKind::Text) => decode_json(payload, &Close::INVALID_JSON),
            // JSON in a binary frame is understood; a binary frame that holds no JSON is a frame of the wrong type.
            (false, MessageKind::Binary) => decode_json(payload, &Close::TEXT_REQUIRED),
        };
        match decoded {
            Ok(request) if !self.measures.collects_spans || request.is_housekeeping() => {
                self.shard.request(key, request, self.now_ms);
            }
            Ok(request) => {
                let (name, group) = request.named();
                let (group, now_ms) = (group.cloned(), self.now_ms);
                self.traced(key, (name, group), |shard| shard.request(key, request, now_ms));
            }
            Err((close, error)) => {
                let (category, connection) = (MESSAGING_LOGS, self.shard.connection_id(key));
                tracing::debug!(target: MESSAGING, category, ?connection, error, "a client message is invalid");
                self.fail(key, &close);
            }
        }
    }

    /// The client has ended the connection, or has answered that we did: the handshake is completed and the socket closed. If the client goes on
    /// all the same, that is done with care, or it would not get to see the answer.
    fn finish(&mut self, key: ConnectionKey, close: CloseFrame, goes_on: bool) {
        self.flush(key);
        let ending = match &close {
            CloseFrame { code: Some(hubwire_protocol::codes::NORMAL), reason } => {
                Ending::Normal(reason.clone())
            }
            _ => Ending::Lost,
        };
        self.echo(key, close);
        if goes_on {
            self.linger_on(key);
        }
        self.drop_socket(key, ending);
    }

    fn refuse_frame(&mut self, key: ConnectionKey, error: DecodeError) {
        // A peer that is past its closing handshake and still breaks rules is not told again.
        if self.shard.connection_id(key).is_none() {
            return self.drop_socket(key, Ending::Lost);
        }
        let (category, connection) = (MESSAGING_LOGS, self.shard.connection_id(key));
        tracing::debug!(target: MESSAGING, category, ?connection, %error, "a client frame is invalid");
        let close = match error {
            DecodeError::TooLarge => Close::MESSAGE_TOO_LARGE,
            DecodeError::InvalidUtf8 => Close::INVALID_UTF8,
            _ => Close::INVALID_FRAME,
        };
        self.fail(key, &close);
        if let Some(socket) = self.socket(key) {
            socket.deaf = true;
        }
    }
}

fn decode_json(payload: &[u8], refusal: &Close) -> Result<Request, (Close, String)> {
    let text = std::str::from_utf8(payload).map_err(|error| (refusal.clone(), error.to_string()))?;
    json::decode(text).map_err(|error| (refusal.clone(), error.to_string()))
}
