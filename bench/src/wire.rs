//! The generator's event loop: all peers, one epoll, and never a sleep.

use crate::clock::Clock;
use crate::peer::{Peer, Reading};
use crate::socket::Socket;
use anyhow::{Result, anyhow};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::ErrorKind;
use std::time::Duration;

/// Events taken by one poll.
const EVENTS: usize = 4096;

/// What connecting causes is over long before that many of the quiet times that are waited for.
pub(crate) const SETTLE_QUIET_TIMES_MAX: u64 = 10;

/// Looks at what peers receive.
pub(crate) trait Handler {
    /// Uses complete frames at the start of `bytes` and returns their length; `replies` go to the same peer.
    fn receive(&mut self, peer: usize, bytes: &[u8], replies: &mut Vec<u8>) -> Result<usize>;

    /// A peer is of no more use: its socket failed or was ended, or `receive` failed. An error ends the run.
    fn failed(&mut self, peer: usize, error: anyhow::Error) -> Result<()> {
        Err(error.context(format!("connection {peer}")))
    }
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
    pub(crate) fn add(&mut self, socket: impl Into<Socket>) -> Result<usize> {
        let mut socket = socket.into();
        let number = self.peers.len();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(socket.tcp(), Token(number), interest)?;
        self.peers.push(Peer::new(socket));
        Ok(number)
    }

    /// How many peers there are.
    pub(crate) fn peers(&self) -> usize {
        self.peers.len()
    }

    /// Puts a new socket in an earlier one's place, which ends with that.
    pub(crate) fn replace(&mut self, number: usize, socket: impl Into<Socket>) -> Result<()> {
        let mut socket = socket.into();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(socket.tcp(), Token(number), interest)?;
        self.peers[number] = Peer::new(socket);
        Ok(())
    }

    /// Ends all peers, after a last look at the socket of each.
    pub(crate) fn clear(&mut self, last: impl Fn(&TcpStream) -> Result<()>) -> Result<()> {
        self.peers.iter_mut().try_for_each(|peer| last(peer.socket.tcp()))?;
        self.peers.clear();
        Ok(())
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
            received |= event.is_readable();
            let flushed = if event.is_writable() { peer.flush() } else { Ok(()) };
            let served = flushed.and_then(|()| match event.is_readable() {
                true => receive(peer, number, &mut self.buffer, &mut self.replies, handler),
                false => Ok(()),
            });
            if let Err(error) = served {
                self.replies.clear();
                handler.failed(number, error)?;
            }
        }
        if received {
            self.busy_ns += self.clock.now_ns() - started_ns;
        }
        Ok(received)
    }

    /// Handles what comes until nothing has come for a while. Among very many clients somebody is pinged all the time, so it ends in any
    /// case after a few times as long.
    pub(crate) fn settle(&mut self, handler: &mut impl Handler, quiet_ns: u64) -> Result<()> {
        let end_ns = self.clock.now_ns() + SETTLE_QUIET_TIMES_MAX * quiet_ns;
        let mut quiet_since_ns = self.clock.now_ns();
        while self.clock.now_ns() < end_ns.min(quiet_since_ns + quiet_ns) {
            if self.poll(handler)? {
                quiet_since_ns = self.clock.now_ns();
            }
        }
        Ok(())
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
    } else if !peer.socket.reads_all_at_once() {
        // What was read may have been the end of the handshake that everything waits for.
        peer.flush()?;
    }
    if reading == Reading::Ended {
        return Err(anyhow!("the server ended the connection"));
    }
    Ok(())
}
