//! The generator's event loop: all peers, one epoll, and never a sleep.

use crate::clock::Clock;
use crate::peer::{Peer, Reading};
use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::ErrorKind;
use std::time::Duration;

/// Events taken by one poll.
const EVENTS: usize = 4096;

/// Looks at what peers receive.
pub(crate) trait Handler {
    /// Uses complete frames at the start of `bytes` and returns their length; `replies` go to the same peer.
    fn receive(&mut self, peer: usize, bytes: &[u8], replies: &mut Vec<u8>) -> Result<usize>;
}

/// The peers, numbered in the order in which they were added.
pub(crate) struct Wire {
    poll: Poll,
    events: Events,
    peers: Vec<Peer>,
    buffer: Vec<u8>,
    replies: Vec<u8>,
    clock: Clock,
    busy_ns: u64,
}

impl Wire {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            peers: Vec::new(),
            buffer: Vec::new(),
            replies: Vec::new(),
            clock: Clock::start(),
            busy_ns: 0,
        })
    }

    /// Registers a connected, non-blocking socket and returns its number.
    pub(crate) fn add(&mut self, mut stream: TcpStream) -> Result<usize> {
        let number = self.peers.len();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(number), interest)?;
        self.peers.push(Peer::new(stream));
        Ok(number)
    }

    pub(crate) fn peer(&mut self, number: usize) -> &mut Peer {
        &mut self.peers[number]
    }

    /// Handles whatever is ready now, without waiting; true when something was received.
    pub(crate) fn poll(&mut self, handler: &mut impl Handler) -> Result<bool> {
        self.poll_for(handler, Duration::ZERO)
    }

    /// Handles whatever is ready, waiting for it so long at most; true when something was received. For generators that leave their CPU to
    /// others.
    pub(crate) fn poll_for(&mut self, handler: &mut impl Handler, patience: Duration) -> Result<bool> {
        let started_ns = self.clock.now_ns();
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(false),
            result => result?,
        }
        let mut received = false;
        for event in &self.events {
            let number = event.token().0;
            let peer = &mut self.peers[number];
            if event.is_writable() {
                peer.flush()?;
            }
            if event.is_readable() {
                received = true;
                receive(peer, number, &mut self.buffer, &mut self.replies, handler)
                    .with_context(|| format!("connection {number}"))?;
            }
        }
        if received {
            self.busy_ns += self.clock.now_ns() - started_ns;
        }
        Ok(received)
    }

    /// Nanoseconds spent in polls that received something.
    pub(crate) fn busy_ns(&self) -> u64 {
        self.busy_ns
    }
}

fn receive(
    peer: &mut Peer,
    number: usize,
    buffer: &mut Vec<u8>,
    replies: &mut Vec<u8>,
    handler: &mut impl Handler,
) -> Result<()> {
    let reading = peer.receive(buffer, |bytes| handler.receive(number, bytes, replies))?;
    if !replies.is_empty() {
        peer.send(replies)?;
        replies.clear();
    }
    if reading == Reading::Ended {
        bail!("the server ended the connection");
    }
    Ok(())
}
