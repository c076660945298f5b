//! An event handler that answers what it is sent, with as little work as that takes: what remains is the cost of HTTP itself.

use crate::peer::{Peer, Reading};
use anyhow::{Context, Result};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::io::ErrorKind;

const LISTENER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;
/// The answer to a validation.
const ALLOWED: &[u8] = b"HTTP/1.1 200 OK\r\nwebhook-allowed-origin: *\r\ncontent-length: 0\r\n\r\n";

/// Serves until the process is ended.
pub(crate) fn serve(listen: &str) -> Result<()> {
    let (mut poll, mut listener) = (Poll::new()?, TcpListener::bind(listen.parse()?)?);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("Endpoint=http://{};AccessKey=echo;Version=1.0;", listener.local_addr()?);
    let (mut peers, mut buffer, mut answers) = (Slab::<Peer>::new(), Vec::new(), Vec::new());
    let mut events = Events::with_capacity(EVENTS);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut peers)?;
                continue;
            }
            let key = event.token().0;
            let Some(peer) = peers.get_mut(key) else { continue };
            let reading = peer.receive(&mut buffer, |bytes| answer(bytes, &mut answers))?;
            let sent = peer.send(&answers).and_then(|()| peer.flush());
            answers.clear();
            if reading == Reading::Ended || sent.is_err() {
                peers.remove(key);
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, peers: &mut Slab<Peer>) -> Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        stream.set_nodelay(true)?;
        let entry = peers.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(entry.key()), interest)?;
        entry.insert(Peer::new(stream));
    }
}

/// Answers every whole request at the start of a read buffer, and returns how many bytes they took.
fn answer(bytes: &[u8], answers: &mut Vec<u8>) -> Result<usize> {
    let mut used = 0;
    while let Some((head, body)) = request(&bytes[used..])? {
        used += head.len() + 4 + body.len();
        if head.starts_with(b"OPTIONS ") {
            answers.extend_from_slice(ALLOWED);
            continue;
        }
        answers.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ");
        answers.extend_from_slice(body.len().to_string().as_bytes());
        answers.extend_from_slice(b"\r\n\r\n");
        answers.extend_from_slice(body);
    }
    Ok(used)
}

/// The head, without its empty line, and the body of the first request; `None` while it is incomplete.
fn request(bytes: &[u8]) -> Result<Option<(&[u8], &[u8])>> {
    let Some(head_bytes) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..head_bytes]).context("a request's head is not text")?;
    let fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let length = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).last();
    let length: usize = length.map_or(Ok(0), |(_, value)| value.trim().parse())?;
    let body = bytes.get(head_bytes + 4..head_bytes + 4 + length);
    Ok(body.map(|body| (&bytes[..head_bytes], body)))
}
