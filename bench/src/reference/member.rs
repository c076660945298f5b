//! One accepted socket of the reference server.

use super::publish::{self, Publish};
use crate::frame;
use crate::peer::{Peer, Reading};
use crate::scenario::Protocol;
use crate::socket::Socket;
use crate::upgrade;
use anyhow::Result;

const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Nothing but HTTP so far: not upgraded, or a REST publisher.
    Http,
    Subscriber,
    Publisher,
}

/// A socket, and what its first bytes said about it.
pub(super) struct Member {
    pub(super) peer: Peer,
    /// The `g=` of its URL; publishers have none.
    pub(super) group: Option<usize>,
    pub(super) protocol: Protocol,
    role: Role,
}

impl Member {
    pub(super) fn new(socket: Socket) -> Self {
        Self { peer: Peer::new(socket), group: None, protocol: Protocol::Simple, role: Role::Http }
    }

    /// Reads what has come, answers HTTP, and adds what is to be delivered to `publishes`.
    pub(super) fn receive(&mut self, buffer: &mut Vec<u8>, publishes: &mut Vec<Publish>) -> Result<Reading> {
        let Self { peer, group, protocol, role } = self;
        let mut replies: Vec<u8> = Vec::new();
        let reading = peer.receive(buffer, |bytes| match *role {
            // Acknowledgements and pongs of subscribers change nothing here.
            Role::Subscriber => Ok(bytes.len()),
            Role::Publisher => read_frames(bytes, publishes),
            Role::Http if bytes.starts_with(b"POST ") => read_requests(bytes, publishes, &mut replies),
            Role::Http => {
                let Some(head_bytes) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
                    return Ok(0);
                };
                let head = &bytes[..head_bytes];
                *group = publish::number_after(head, b"&g=");
                *role = if group.is_some() { Role::Subscriber } else { Role::Publisher };
                *protocol = offered_protocol(head);
                replies.extend_from_slice(upgrade::answer(*protocol).as_bytes());
                Ok(head_bytes + 4)
            }
        })?;
        if !replies.is_empty() {
            peer.send(&replies)?;
        } else if !peer.socket.reads_all_at_once() {
            // What was read may have been a part of the handshake that is to be answered.
            peer.flush()?;
        }
        Ok(reading)
    }
}

fn offered_protocol(head: &[u8]) -> Protocol {
    let offers = |protocol: &Protocol| {
        protocol.subprotocol().is_some_and(|name| memchr::memmem::find(head, name.as_bytes()).is_some())
    };
    [Protocol::Json, Protocol::Reliable, Protocol::Protobuf, Protocol::ReliableProtobuf]
        .into_iter()
        .find(offers)
        .unwrap_or(Protocol::Simple)
}

fn read_frames(bytes: &[u8], publishes: &mut Vec<Publish>) -> Result<usize> {
    let mut used = 0;
    while let Some(frame) = frame::read(&bytes[used..])? {
        used += frame.consumed;
        if frame.opcode == frame::TEXT {
            publishes.push(publish::read_frame(frame.payload)?);
        }
    }
    Ok(used)
}

fn read_requests(bytes: &[u8], publishes: &mut Vec<Publish>, replies: &mut Vec<u8>) -> Result<usize> {
    let mut used = 0;
    while let Some((publish, length)) = publish::read_request(&bytes[used..])? {
        used += length;
        publishes.push(publish);
        replies.extend_from_slice(ACCEPTED);
    }
    Ok(used)
}
