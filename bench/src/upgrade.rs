//! The WebSocket opening handshake, from both ends.

use crate::frame;
use crate::scenario::Protocol;
use crate::wire::Handler;
use anyhow::{Result, bail, ensure};
use std::fmt;

/// The nonce and answer of RFC 6455 section 1.3; a fixed nonce is enough for a generator that talks to itself.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The server answered an upgrade with something else.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: Option<u16>,
    text: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the upgrade was refused: {}", self.text.trim_end())
    }
}

impl std::error::Error for Refused {}

/// Asks for compressed messages in the way that every browser does.
pub(crate) const COMPRESSION: &str =
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// The request that opens a client connection; `extensions` is a header line of it, or nothing.
pub(crate) fn request(host: &str, target: &str, protocol: Protocol, extensions: &str) -> String {
    let mut request = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{extensions}"
    );
    if let Some(name) = protocol.subprotocol() {
        request.push_str(&format!("Sec-WebSocket-Protocol: {name}\r\n"));
    }
    request.push_str("\r\n");
    request
}

/// The answer to a request with the fixed nonce.
pub(crate) fn answer(protocol: Protocol) -> String {
    let mut answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n"
    );
    if let Some(name) = protocol.subprotocol() {
        answer.push_str(&format!("Sec-WebSocket-Protocol: {name}\r\n"));
    }
    answer.push_str("\r\n");
    answer
}

/// Length of a complete, positive answer; `None` while it is incomplete.
pub(crate) fn read_answer(bytes: &[u8], protocol: Protocol) -> Result<Option<usize>> {
    let Some(head_bytes) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..head_bytes]);
    if !head.starts_with("HTTP/1.1 101") {
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
        bail!(Refused { status, text });
    }
    ensure!(head.contains(ACCEPT), "the upgrade was accepted without the right key: {head}");
    if let Some(name) = protocol.subprotocol() {
        ensure!(head.contains(name), "the upgrade did not select {name}: {head}");
    }
    Ok(Some(head_bytes + 4))
}

/// The peers of a batch; earlier peers are open and only need their pings answered.
pub(crate) struct Upgrades {
    pub(crate) first: usize,
    /// What each asked for; emptied when the answer has come.
    pub(crate) waiting: Vec<Option<Protocol>>,
    pub(crate) open: usize,
}

impl Handler for Upgrades {
    fn receive(&mut self, peer: usize, bytes: &[u8], replies: &mut Vec<u8>) -> Result<usize> {
        let waiting = peer.checked_sub(self.first).and_then(|index| self.waiting.get_mut(index));
        let Some(waiting @ &mut Some(protocol)) = waiting else {
            return frame::read_all(bytes, replies, |_, _| Ok(()));
        };
        let Some(consumed) = read_answer(bytes, protocol)? else {
            return Ok(0);
        };
        *waiting = None;
        self.open += 1;
        Ok(consumed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_must_be_complete_positive_and_of_the_subprotocol_asked_for() {
        let text = answer(Protocol::Json);
        assert_eq!(read_answer(text.as_bytes(), Protocol::Json).unwrap(), Some(text.len()));
        assert_eq!(read_answer(&text.as_bytes()[..text.len() - 1], Protocol::Json).unwrap(), None);
        assert!(read_answer(text.as_bytes(), Protocol::Reliable).is_err());
        assert!(read_answer(b"HTTP/1.1 401 Unauthorized\r\n\r\n", Protocol::Json).is_err());
        assert!(request("h", "/", Protocol::Simple, "").ends_with("==\r\n\r\n"));
    }
}
