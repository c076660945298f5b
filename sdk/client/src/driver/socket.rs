//! One open WebSocket, read and written by one task.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::Sink;
use tokio_websockets::{CloseCode, Message, WebSocketStream};

use super::connector::Transport;
use crate::{event::Closure, wire::Frame};

/// How many frames may wait to be written before the driver takes no further calls.
const OUTBOUND_MAX: usize = 256;

pub(super) struct Socket {
    stream: WebSocketStream<Transport>,
    outbound: VecDeque<Message>,
    unflushed: bool,
}

/// What happened on a socket.
#[derive(Debug)]
pub(super) enum SocketEvent {
    Frame(Frame),
    /// A WebSocket ping or pong. The library has answered it.
    Heard,
    Closed(Closure),
}

impl Socket {
    pub(super) fn new(stream: WebSocketStream<Transport>) -> Self {
        Self { stream, outbound: VecDeque::new(), unflushed: false }
    }

    pub(super) fn has_room(&self) -> bool {
        self.outbound.len() < OUTBOUND_MAX
    }

    pub(super) fn write(&mut self, frame: Frame) {
        self.outbound.push_back(match frame {
            Frame::Text(bytes) => Message::text(bytes),
            Frame::Binary(bytes) => Message::binary(bytes),
        });
    }

    /// Closes with code 1000, which ends the session at once.
    pub(super) fn close(&mut self) {
        self.outbound.push_back(Message::close(Some(CloseCode::NORMAL_CLOSURE), ""));
    }

    /// Writes what can be written, and reads if there is something to read and somebody to read it for.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, reading: bool) -> Poll<SocketEvent> {
        if let Poll::Ready(Err(error)) = self.poll_write(context) {
            // The service may have said why before it closed: its close frame is worth more than the failure to write.
            let closure = self.last_words(context);
            return Poll::Ready(SocketEvent::Closed(closure.unwrap_or_else(|| broken(&error))));
        }
        if !reading {
            return Poll::Pending;
        }
        match ready!(Pin::new(&mut self.stream).poll_next(context)) {
            Some(Ok(message)) => self.message(context, message),
            Some(Err(error)) => Poll::Ready(SocketEvent::Closed(broken(&error))),
            None => Poll::Ready(SocketEvent::Closed(ended())),
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), tokio_websockets::Error>> {
        while !self.outbound.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_ready(context))?;
            if let Some(message) = self.outbound.pop_front() {
                Pin::new(&mut self.stream).start_send(message)?;
                self.unflushed = true;
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn message(&mut self, context: &mut Context<'_>, message: Message) -> Poll<SocketEvent> {
        if let Some(closure) = closure(&message) {
            // Another poll sends the answer to the close frame; whether it can be sent makes no difference any more.
            _ = Pin::new(&mut self.stream).poll_next(context);
            return Poll::Ready(SocketEvent::Closed(closure));
        }
        let (is_text, is_binary) = (message.is_text(), message.is_binary());
        let bytes = Bytes::from(message.into_payload());
        Poll::Ready(match (is_text, is_binary) {
            (true, _) => SocketEvent::Frame(Frame::Text(bytes)),
            (_, true) => SocketEvent::Frame(Frame::Binary(bytes)),
            _ => SocketEvent::Heard,
        })
    }

    fn last_words(&mut self, context: &mut Context<'_>) -> Option<Closure> {
        // What came before the close frame comes again after a recovery.
        while let Poll::Ready(Some(Ok(message))) = Pin::new(&mut self.stream).poll_next(context) {
            if let Some(closure) = closure(&message) {
                return Some(closure);
            }
        }
        None
    }
}

fn closure(message: &Message) -> Option<Closure> {
    let (code, reason) = message.as_close()?;
    Some(Closure { code: Some(code.into()), reason: reason.to_owned() })
}

fn broken(error: &tokio_websockets::Error) -> Closure {
    Closure::without_frame(format!("the socket broke: {error}"))
}

fn ended() -> Closure {
    Closure::without_frame("the socket ended without a close frame")
}
