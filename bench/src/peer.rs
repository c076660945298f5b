//! One non-blocking socket with what is read but incomplete and what is written but unsent.

use crate::socket::Socket;
use anyhow::{Result, ensure};
use std::io::{ErrorKind, Read, Write};

/// One read takes at least this much when it is there, so that a loaded peer is drained in few calls.
pub(crate) const READ_BYTES: usize = 256 << 10;
/// The other end has stopped reading long before this much is pending.
const UNSENT_BYTES_MAX: usize = 64 << 20;

/// Whether the other end still sends.
#[derive(PartialEq, Eq)]
pub(crate) enum Reading {
    Open,
    Ended,
}

/// A socket registered edge-triggered for both directions.
pub(crate) struct Peer {
    pub(crate) socket: Socket,
    partial: Vec<u8>,
    unsent: Vec<u8>,
}

impl Peer {
    pub(crate) fn new(socket: impl Into<Socket>) -> Self {
        Self { socket: socket.into(), partial: Vec::new(), unsent: Vec::new() }
    }

    /// Reads all there is into the shared buffer. `take` returns how many bytes it used; the rest comes back to it
    /// in front of what arrives next.
    pub(crate) fn receive(
        &mut self,
        buffer: &mut Vec<u8>,
        mut take: impl FnMut(&[u8]) -> Result<usize>,
    ) -> Result<Reading> {
        loop {
            let kept = self.partial.len();
            if buffer.len() < kept + READ_BYTES {
                buffer.resize(kept + READ_BYTES, 0);
            }
            buffer[..kept].copy_from_slice(&self.partial);
            let room = buffer.len() - kept;
            let read = match self.socket.read(&mut buffer[kept..]) {
                Ok(0) => return Ok(Reading::Ended),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Reading::Open),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if is_reset(error.kind()) => return Ok(Reading::Ended),
                Err(error) => return Err(error.into()),
            };
            let used = take(&buffer[..kept + read])?;
            self.partial.clear();
            self.partial.extend_from_slice(&buffer[used..kept + read]);
            // A read that leaves room has drained the socket, and new bytes give a new edge.
            if read < room && self.socket.reads_all_at_once() {
                return Ok(Reading::Open);
            }
        }
    }

    /// Adds bytes for the next flush.
    pub(crate) fn queue(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
    }

    /// Writes at once unless earlier bytes are pending; what the socket refuses stays pending. An error or too
    /// much pending means that the connection is of no more use.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let sent = if self.unsent.is_empty() { write(&mut self.socket, bytes)? } else { 0 };
        self.unsent.extend_from_slice(&bytes[sent..]);
        ensure!(
            self.unsent.len() <= UNSENT_BYTES_MAX,
            "{} bytes are pending for one socket",
            self.unsent.len()
        );
        Ok(())
    }

    /// Writes what is pending as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> Result<()> {
        while !self.unsent.is_empty() {
            let sent = write(&mut self.socket, &self.unsent)?;
            if sent == 0 {
                break;
            }
            self.unsent.drain(..sent);
        }
        match self.socket.flush() {
            Err(error) if !is_pause(error.kind()) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// One write; 0 when the socket would block.
fn write(socket: &mut Socket, bytes: &[u8]) -> Result<usize> {
    loop {
        match socket.write(bytes) {
            Ok(sent) => return Ok(sent),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Nothing is wrong: the socket goes on when it is ready again.
fn is_pause(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// The other end is gone; over TLS, without having said so.
fn is_reset(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}
