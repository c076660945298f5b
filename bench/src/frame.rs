//! The few WebSocket frames that the generator and the reference need (RFC 6455 section 5).

use anyhow::{Result, bail};
use std::fmt;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Longer frames than the service ever sends to this generator mean that the stream is out of step.
const FRAME_BYTES_MAX: usize = 4 << 20;

/// The server closed the connection.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) code: Option<u16>,
    pub(crate) reason: String,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server closed the connection: ")?;
        match self.code {
            Some(code) => write!(f, "{code} {:?}", self.reason),
            None => f.write_str("no code"),
        }
    }
}

impl std::error::Error for Closed {}

/// One complete frame inside a read buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    /// Whether the payload is compressed, as it is to peers that asked for it only.
    pub(crate) compressed: bool,
    pub(crate) payload: &'a [u8],
    /// Bytes of the buffer that the frame took.
    pub(crate) consumed: usize,
}

/// Reads the first frame, or `None` when it is incomplete. A mask must be zero, which is all that this crate sends.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Frame<'_>>> {
    let [first, second, ..] = *bytes else {
        return Ok(None);
    };
    if first & 0xb0 != 0x80 {
        bail!("a fragmented or extended frame (first byte {first:#04x}), which nobody asked for");
    }
    let Some((length, mut head)) = payload_length(second & 0x7f, bytes) else {
        return Ok(None);
    };
    if length > FRAME_BYTES_MAX {
        bail!("a frame of {length} bytes, above {FRAME_BYTES_MAX}");
    }
    if second & 0x80 != 0 {
        if bytes.get(head..head + 4).is_some_and(|mask| mask != [0; 4]) {
            bail!("a masked frame whose key is not zero");
        }
        head += 4;
    }
    let consumed = head + length;
    let (opcode, compressed) = (first & 0x0f, first & 0x40 != 0);
    Ok(bytes.get(head..consumed).map(|payload| Frame { opcode, compressed, payload, consumed }))
}

/// The payload's length and where the mask or payload begins.
fn payload_length(short: u8, bytes: &[u8]) -> Option<(usize, usize)> {
    match short {
        126 => Some((usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4)),
        127 => Some((usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10)),
        length => Some((usize::from(length), 2)),
    }
}

/// Appends the head of a frame; a client's frame is masked with the zero key, which leaves the payload as it is.
pub(crate) fn write_head(out: &mut Vec<u8>, opcode: u8, payload_bytes: usize, client: bool) {
    let mask_bit = if client { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match payload_bytes {
        0..126 => out.push(mask_bit | payload_bytes as u8),
        126..65_536 => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&(payload_bytes as u16).to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 127);
            out.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
    if client {
        out.extend_from_slice(&[0; 4]);
    }
}

/// Appends a whole client frame.
pub(crate) fn write_client(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    write_head(out, opcode, payload.len(), true);
    out.extend_from_slice(payload);
}

/// Hands every complete frame at the start of a client's read buffer to `look`, answers pings, and returns how many
/// bytes were used. A close frame is an error that carries the server's words.
pub(crate) fn read_all(
    bytes: &[u8],
    replies: &mut Vec<u8>,
    mut look: impl FnMut(&Frame<'_>, &mut Vec<u8>) -> Result<()>,
) -> Result<usize> {
    let mut used = 0;
    while let Some(frame) = read(&bytes[used..])? {
        used += frame.consumed;
        match frame.opcode {
            TEXT | BINARY => look(&frame, replies)?,
            PING => write_client(replies, PONG, frame.payload),
            PONG => {}
            CLOSE => bail!(closed(frame.payload)),
            opcode => bail!("a frame of opcode {opcode}, which nobody asked for"),
        }
    }
    Ok(used)
}

fn closed(payload: &[u8]) -> Closed {
    let (code, reason) = payload.split_first_chunk::<2>().unzip();
    let reason = String::from_utf8_lossy(reason.unwrap_or_default()).into_owned();
    Closed { code: code.map(|code| u16::from_be_bytes(*code)), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_form_come_back_whole_and_not_before() {
        for (length, client) in [(0, false), (125, true), (126, false), (65_535, true), (65_536, true)] {
            let mut bytes = Vec::new();
            write_head(&mut bytes, TEXT, length, client);
            bytes.resize(bytes.len() + length, b'x');
            let whole = bytes.len();
            assert_eq!(read(&bytes[..whole - 1]).unwrap(), None);
            let frame = read(&bytes).unwrap().unwrap();
            assert_eq!((frame.opcode, frame.payload.len(), frame.consumed), (TEXT, length, whole));
        }
    }

    #[test]
    fn pings_are_answered_and_a_close_is_an_error_with_its_reason() {
        let mut bytes = Vec::new();
        write_client(&mut bytes, PING, b"p");
        write_client(&mut bytes, TEXT, b"t");
        let (mut replies, mut texts) = (Vec::new(), 0);
        let used = read_all(&bytes, &mut replies, |frame, _| {
            texts += usize::from(frame.payload == b"t");
            Ok(())
        });
        assert_eq!((used.unwrap(), texts), (bytes.len(), 1));
        assert_eq!(
            read(&replies).unwrap().unwrap(),
            Frame { opcode: PONG, compressed: false, payload: b"p", consumed: 7 }
        );
        bytes.clear();
        write_client(&mut bytes, CLOSE, b"\x03\xf0slow");
        let error = read_all(&bytes, &mut replies, |_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("1008 \"slow\""), "{error}");
    }

    #[test]
    fn a_stream_out_of_step_is_an_error() {
        assert!(read(&[0x01, 0]).is_err(), "a fragment");
        assert!(read(&[0x82, 127, 1, 0, 0, 0, 0, 0, 0, 0]).is_err(), "an absurd length");
        assert!(read(&[0x81, 0x81, 1, 2, 3, 4, 0]).is_err(), "a mask key that is not zero");
    }
}
