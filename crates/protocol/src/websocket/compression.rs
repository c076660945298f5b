use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::DecodeError;
use super::encode::{FRAME_HEADER_BYTES_MAX, write_payload_length};

/// What a client and the service have agreed on about compression (RFC 7692 §7.1).
///
/// Neither side keeps anything from one message to the next (`…_no_context_takeover`): so an idle connection costs nothing, and a message is
/// compressed once for all of its recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// How far back the service's messages refer.
    pub window: DeflateWindow,
    /// What `Sec-WebSocket-Extensions` says in the handshake's answer.
    pub answer: &'static str,
}

/// How far back a compressed message refers at most, and so how much of it a client has to keep while it inflates it.
///
/// There are two, and not one for each number of bits that a client may ask for: whatever its recipients want, a message is compressed at most
/// twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeflateWindow {
    /// 2¹⁵ bytes, as RFC 7692 has it where nothing else is agreed on.
    Full,
    /// 2⁹ bytes, the least that the compressor can keep to: for clients that want less than 2¹⁵.
    Narrow,
}

/// RSV1 in a frame's first byte: the message is compressed (RFC 7692 §6).
const COMPRESSED: u8 = 0x40;
/// What every flushed deflate stream ends with, and what is left out on the wire (RFC 7692 §7.2.1).
const TRAILER: [u8; 4] = [0, 0, 0xff, 0xff];
/// The header of a stored block (RFC 1951 §3.2.4): type, length, and the length's complement.
const STORED_HEADER_BYTES: usize = 5;
/// So much is inflated before it is looked whether there is more: most messages take one step.
const INFLATE_STEP_BYTES: usize = 16 << 10;
/// What a stream may have beside nine bits for each byte: its blocks' beginnings and ends, the trailer, and one byte that stays free.
const DEFLATE_EXTRA_BYTES: usize = 64;
/// Shorter payloads are not worth it: without context there is nothing in them to repeat.
const COMPRESSED_BYTES_MIN: usize = 128;

/// What is agreed on by an offer of extensions, all lines of `Sec-WebSocket-Extensions`: the first that names `permessage-deflate` with parameters
/// that RFC 7692 §7.1 knows and that can be kept to. A window of 2⁸ bytes cannot: zlib-rs, like zlib, makes none.
///
/// A client that bounds its own window (`client_max_window_bits`) need not be answered about that, since whatever it uses is understood.
pub fn negotiate<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Agreement> {
    lines.flat_map(|line| line.split(',')).find_map(agreement)
}

fn agreement(offer: &str) -> Option<Agreement> {
    let mut parts = offer.split(';').map(str::trim);
    parts.next().filter(|name| name.eq_ignore_ascii_case("permessage-deflate"))?;
    let (mut seen, mut server_bits) = (Vec::new(), None);
    for parameter in parts {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (parameter, None),
        };
        let name = name.to_ascii_lowercase();
        match (&*name, value) {
            (
                "server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits",
                None,
            ) => {}
            ("client_max_window_bits", Some(value)) => drop(window_bits(value)?),
            ("server_max_window_bits", Some(value)) => server_bits = Some(window_bits(value)?),
            _ => return None,
        }
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
    }
    let (window, answer) = match server_bits {
        None => (
            DeflateWindow::Full,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        Some(15..) => (
            DeflateWindow::Full,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15",
        ),
        // RFC 7692 §7.1.2.1: the same or a smaller value.
        Some(9..15) => (
            DeflateWindow::Narrow,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9",
        ),
        Some(..9) => return None,
    };
    Some(Agreement { window, answer })
}

/// RFC 7692 §7.1.2: a decimal number from 8 to 15 without a leading zero, as a token or in quotes.
fn window_bits(value: &str) -> Option<u8> {
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match quoted.unwrap_or(value).as_bytes() {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

impl DeflateWindow {
    /// Its size, as the exponent of 2 bytes.
    const fn bits(self) -> u8 {
        match self {
            Self::Full => 15,
            Self::Narrow => 9,
        }
    }

    /// The window by which something of so many bytes is compressed for who wants this one: what fits into the window as a whole refers to nothing
    /// outside of it in any case, and can be shared with those who want a larger one.
    pub fn for_bytes(self, bytes: usize) -> Self {
        if bytes <= 1 << self.bits() { Self::Full } else { self }
    }
}

/// Compresses messages, each by itself. Takes its memory, about 320 KB for the full window and 200 KB for the narrow one, with the first that it
/// compresses so.
#[derive(Default)]
pub struct Deflater([Option<Compress>; 2]);

impl Deflater {
    /// A message's deflated form without the trailer; `None` where it would not be shorter.
    fn deflate(&mut self, payload: &[u8], window: DeflateWindow) -> Option<Vec<u8>> {
        if payload.len() < COMPRESSED_BYTES_MIN {
            return None;
        }
        let kept = &mut self.0[window as usize];
        let make = || Compress::new_with_window_bits(Compression::fast(), false, window.bits());
        let deflate = kept.get_or_insert_with(make);
        deflate.reset();
        // Room for the worst, nine bits for each byte: a stream that is left in the middle leaves something behind that a reset does not clear,
        // until the compressor's own buffer overflows.
        let mut out = Vec::with_capacity(payload.len() + payload.len() / 8 + DEFLATE_EXTRA_BYTES);
        let compressed = deflate.compress_vec(payload, &mut out, FlushCompress::Sync);
        let whole = deflate.total_in() == payload.len() as u64 && out.len() < out.capacity();
        if compressed.is_err() || !whole {
            *kept = None;
            return None;
        }
        out.truncate(out.len().saturating_sub(TRAILER.len()));
        (out.len() < payload.len()).then_some(out)
    }

    /// The shared part of a numbered frame, compressed; [`compress_head`] makes what stands in front of it. `None` where it would not
    /// be shorter.
    pub fn tail(&mut self, tail: &[u8], window: DeflateWindow) -> Option<Bytes> {
        let deflated = self.deflate(tail, window)?;
        (deflated.len() + STORED_HEADER_BYTES < tail.len()).then(|| deflated.into())
    }
}

/// A whole frame of this service with its payload compressed; `None` where it would not be shorter.
pub fn compress_frame(frame: &[u8], deflater: &mut Deflater, window: DeflateWindow) -> Option<Bytes> {
    let (first, payload) = split(frame)?;
    let deflated = deflater.deflate(payload, window)?;
    let mut out = Vec::with_capacity(FRAME_HEADER_BYTES_MAX + deflated.len());
    out.push(first | COMPRESSED);
    write_payload_length(&mut out, deflated.len());
    out.extend_from_slice(&deflated);
    (out.len() < frame.len()).then(|| out.into())
}

/// Makes the head of a numbered frame, which begins at `start` in `out`, one whose tail is compressed and has `tail_bytes` bytes.
///
/// The recipient's own bytes go into a stored block in front of the blocks that all recipients share. A stored block ends at a whole byte,
/// and the shared blocks refer to nothing before themselves, so the whole is one valid stream.
pub(crate) fn compress_head(out: &mut Vec<u8>, start: usize, tail_bytes: usize) {
    let Some((first, opening)) = split(&out[start..]) else {
        return;
    };
    let (end, opening_bytes) = (out.len(), opening.len());
    let length = opening_bytes as u16;
    out.push(first | COMPRESSED);
    write_payload_length(out, STORED_HEADER_BYTES + opening_bytes + tail_bytes);
    out.push(0);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_within(end - opening_bytes..end);
    out.drain(start..end);
}

/// A frame's first byte and what follows its header.
fn split(frame: &[u8]) -> Option<(u8, &[u8])> {
    let [first, length, ..] = frame else {
        return None;
    };
    let header_bytes = match length {
        127 => FRAME_HEADER_BYTES_MAX,
        126 => 4,
        _ => 2,
    };
    Some((*first, frame.get(header_bytes..)?))
}

/// Inflates messages, each by itself. Takes its memory, about 40 KB, with the first one.
#[derive(Default)]
pub struct Inflater(Option<Decompress>);

impl Inflater {
    /// A compressed message as it was.
    ///
    /// # Errors
    /// [`DecodeError::Inflation`] for what is not deflated as RFC 7692 §7.2.2 asks; [`DecodeError::TooLarge`] for what would have more than
    /// `message_bytes_max` bytes: it is inflated step by step, so that never much more than that is held.
    pub fn inflate(&mut self, payload: &[u8], message_bytes_max: usize) -> Result<Vec<u8>, DecodeError> {
        let inflate = self.0.get_or_insert_with(|| Decompress::new(false));
        inflate.reset(false);
        let mut out = Vec::new();
        for input in [payload, &TRAILER] {
            let mut rest = input;
            loop {
                out.reserve(INFLATE_STEP_BYTES);
                let (before, held) = (inflate.total_in(), out.len());
                let status = inflate
                    .decompress_vec(rest, &mut out, FlushDecompress::Sync)
                    .map_err(|_| DecodeError::Inflation)?;
                rest = &rest[(inflate.total_in() - before) as usize..];
                if out.len() > message_bytes_max {
                    return Err(DecodeError::TooLarge);
                }
                match status {
                    // A last block is allowed; what follows it belongs to no message.
                    Status::StreamEnd => return Ok(out),
                    _ if rest.is_empty() && out.len() < out.capacity() => break,
                    _ if out.len() == held && before == inflate.total_in() => {
                        return Err(DecodeError::Inflation);
                    }
                    _ => {}
                }
            }
        }
        Ok(out)
    }
}
