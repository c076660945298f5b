use bytes::Bytes;

use super::close::CLOSE_REASON_BYTES_MAX;
use crate::codes::Close;

/// The longest header of a frame that the service sends: two bytes and a 64-bit length; servers do not mask.
pub const FRAME_HEADER_BYTES_MAX: usize = 10;
/// Set on the last frame of a message. The service never fragments.
const FIN: u8 = 0x80;

/// The kinds of frames that the service sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// A text message.
    Text = 0x1,
    /// A binary message.
    Binary = 0x2,
    /// The closing handshake.
    Close = 0x8,
    /// A liveness check.
    Ping = 0x9,
    /// The answer to one.
    Pong = 0xa,
}

/// Appends the header of an unfragmented, unmasked frame.
pub fn write_frame_header(out: &mut Vec<u8>, opcode: Opcode, payload_bytes: usize) {
    out.push(FIN | opcode as u8);
    write_payload_length(out, payload_bytes);
}

/// Appends a frame's length, as short as it can be.
pub(super) fn write_payload_length(out: &mut Vec<u8>, payload_bytes: usize) {
    match (u8::try_from(payload_bytes), u16::try_from(payload_bytes)) {
        (Ok(short), _) if short < 126 => out.push(short),
        (_, Ok(medium)) => {
            out.push(126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
}

/// Builds one frame in place: the payload is written first, after room for the header that its length decides.
pub struct FrameBuilder(Vec<u8>);

impl FrameBuilder {
    /// A builder with room for so many bytes of payload.
    pub fn with_capacity(payload_bytes: usize) -> Self {
        let mut buffer = Vec::with_capacity(FRAME_HEADER_BYTES_MAX + payload_bytes);
        buffer.resize(FRAME_HEADER_BYTES_MAX, 0);
        Self(buffer)
    }

    /// Where the payload is appended.
    pub fn payload(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// Puts the header in front of the payload.
    pub fn finish(mut self, opcode: Opcode) -> Bytes {
        let mut header = Vec::with_capacity(FRAME_HEADER_BYTES_MAX);
        write_frame_header(&mut header, opcode, self.0.len() - FRAME_HEADER_BYTES_MAX);
        let start = FRAME_HEADER_BYTES_MAX - header.len();
        self.0[start..FRAME_HEADER_BYTES_MAX].copy_from_slice(&header);
        Bytes::from(self.0).slice(start..)
    }
}

/// A message that is sent as it is, the way simple clients see it.
pub fn data_frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut frame = FrameBuilder::with_capacity(payload.len());
    frame.payload().extend_from_slice(payload);
    frame.finish(opcode)
}

/// A ping or a pong. RFC 6455 §5.5 bounds its payload at 125 bytes; more is cut off.
pub fn control_frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    /// RFC 6455 §5.5.
    const PAYLOAD_BYTES_MAX: usize = 125;
    data_frame(opcode, &payload[..payload.len().min(PAYLOAD_BYTES_MAX)])
}

/// The frame that begins or answers the closing handshake. Reasons that are too long are cut at a character.
pub fn close_frame(close: &Close) -> Bytes {
    let mut end = close.reason.len().min(CLOSE_REASON_BYTES_MAX);
    while !close.reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = Vec::with_capacity(2 + end);
    payload.extend_from_slice(&close.code.to_be_bytes());
    payload.extend_from_slice(&close.reason.as_bytes()[..end]);
    control_frame(Opcode::Close, &payload)
}
