use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::DecodeError;
use super::encode::{FRAME_HEADER_BYTES_MAX, write_payload_length};

/// What the handshake's answer says where compression is agreed on. Neither side keeps a window from one message to the next: so an
/// idle connection costs nothing, and a message is compressed once for all of its recipients.
pub const COMPRESSION_ANSWER: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

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

/// Whether an offer of extensions, all lines of `Sec-WebSocket-Extensions`, has one that [`COMPRESSION_ANSWER`] answers: `permessage-deflate`
/// with parameters that RFC 7692 §7.1 knows. One that wants a smaller window of the server is passed over, since its messages could not
/// be shared with others.
pub fn accepts_compression<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    lines.flat_map(|line| line.split(',')).any(is_acceptable)
}

fn is_acceptable(offer: &str) -> bool {
    let mut parts = offer.split(';').map(str::trim);
    if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case("permessage-deflate")) {
        return false;
    }
    let mut seen = Vec::new();
    parts.all(|parameter| {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (parameter, None),
        };
        let name = name.to_ascii_lowercase();
        let known = match (&*name, value) {
            (
                "server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits",
                None,
            ) => true,
            ("client_max_window_bits", Some(bits)) => bits.parse().is_ok_and(|bits| (8..=15).contains(&bits)),
            _ => false,
        };
        let repeated = seen.contains(&name);
        seen.push(name);
        known && !repeated
    })
}

/// Compresses messages, each by itself. Takes its memory, about 300 KB, with the first one.
#[derive(Default)]
pub struct Deflater(Option<Compress>);

impl Deflater {
    /// A message's deflated form without the trailer; `None` where it would not be shorter.
    fn deflate(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        if payload.len() < COMPRESSED_BYTES_MIN {
            return None;
        }
        let deflate = self.0.get_or_insert_with(|| Compress::new(Compression::fast(), false));
        deflate.reset();
        // Room for the worst, nine bits for each byte: a stream that is left in the middle leaves something behind that a reset does not clear,
        // until the compressor's own buffer overflows.
        let mut out = Vec::with_capacity(payload.len() + payload.len() / 8 + DEFLATE_EXTRA_BYTES);
        let compressed = deflate.compress_vec(payload, &mut out, FlushCompress::Sync);
        let whole = deflate.total_in() == payload.len() as u64 && out.len() < out.capacity();
        if compressed.is_err() || !whole {
            self.0 = None;
            return None;
        }
        out.truncate(out.len().saturating_sub(TRAILER.len()));
        (out.len() < payload.len()).then_some(out)
    }

    /// The shared part of a numbered frame, compressed; [`compress_head`] makes what stands in front of it. `None` where it would not
    /// be shorter.
    pub fn tail(&mut self, tail: &[u8]) -> Option<Bytes> {
        let deflated = self.deflate(tail)?;
        (deflated.len() + STORED_HEADER_BYTES < tail.len()).then(|| deflated.into())
    }
}

/// A whole frame of this service with its payload compressed; `None` where it would not be shorter.
pub fn compress_frame(frame: &[u8], deflater: &mut Deflater) -> Option<Bytes> {
    let (first, payload) = split(frame)?;
    let deflated = deflater.deflate(payload)?;
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
