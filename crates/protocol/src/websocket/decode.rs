use std::borrow::Cow;

use super::close::CloseFrame;
use super::mask::unmask;
use super::text::{OpenText, whole_characters};

/// What a peer's bytes hold, one at a time.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole message; fragments have been joined.
    Message(MessageKind, Payload<'a>),
    /// A whole message that its peer has compressed, for an [`Inflater`](super::Inflater).
    Compressed(MessageKind, Payload<'a>),
    /// A piece of a message that is not whole yet: nothing to do but to read on.
    Fragment,
    /// A ping, to be answered with the same payload.
    Ping(&'a [u8]),
    /// A pong; it counts as a sign of life.
    Pong,
    /// The closing handshake.
    Close(CloseFrame),
}

/// A message's bytes: in the read buffer, unless they were joined from fragments.
pub type Payload<'a> = Cow<'a, [u8]>;

/// The two kinds of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8 text; its receiver must check that. What cannot become text is refused before, if it comes in pieces.
    Text,
    /// Bytes.
    Binary,
}

/// Why a peer's bytes are refused. Each one ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A rule of RFC 6455 is broken: close code 1002.
    #[error("{0}")]
    Protocol(&'static str),
    /// A close reason, or a part of a text message that is not whole yet, is not UTF-8: close code 1007.
    #[error("text that is not UTF-8")]
    InvalidUtf8,
    /// A compressed message is not deflated as RFC 7692 asks: close code 1002.
    #[error("a compressed message that is not one")]
    Inflation,
    /// A message exceeds the limit: close code 1009.
    #[error("a message larger than the limit")]
    TooLarge,
}

/// Reads one peer's frames. Idle it holds nothing: only a fragmented message is kept.
#[derive(Debug, Default)]
pub struct Decoder {
    fragments: Option<Box<Fragments>>,
    compression: bool,
    /// What is known of the text in the frame that is not whole yet.
    open: OpenText,
}

#[derive(Debug)]
struct Fragments {
    kind: MessageKind,
    compressed: bool,
    payload: Vec<u8>,
    /// How many bytes of the payload are whole characters, if it is text.
    checked_bytes: usize,
}

struct Header {
    fin: bool,
    /// RSV1, by which a message says that it is compressed (RFC 7692 §6).
    compressed: bool,
    opcode: u8,
    mask: [u8; 4],
    header_bytes: usize,
    payload_bytes: usize,
}

impl Decoder {
    /// A decoder; with `compression` its peer may compress messages, as both have agreed in the handshake.
    pub fn new(compression: bool) -> Self {
        Self { fragments: None, compression, open: OpenText::default() }
    }

    /// Takes the first frame from `input`, and says how many bytes it took. `None` means that the frame is not whole yet: call again with
    /// the same bytes and more.
    ///
    /// Messages of at most `message_bytes_max` pass; a larger one is refused as soon as its header is seen, so that nobody needs to
    /// hold more than that. So is text as soon as it cannot become UTF-8 any more (RFC 6455 §8.1), each byte being looked at a bounded number
    /// of times, in however many pieces it comes.
    ///
    /// # Errors
    /// [`DecodeError`] ends the connection; nothing may be decoded after it.
    pub fn decode<'a>(
        &mut self,
        input: &'a mut [u8],
        message_bytes_max: usize,
    ) -> Result<Option<(Frame<'a>, usize)>, DecodeError> {
        let Some(header) = Header::decode(input)? else {
            return Ok(None);
        };
        self.check(&header, message_bytes_max)?;
        let end = header.header_bytes + header.payload_bytes;
        if input.len() < end {
            self.check_open(&header, &input[header.header_bytes..])?;
            return Ok(None);
        }
        self.open = OpenText::default();
        let payload = &mut input[header.header_bytes..end];
        unmask(payload, header.mask);
        Ok(Some((self.accept(&header, payload)?, end)))
    }

    fn check(&self, header: &Header, message_bytes_max: usize) -> Result<(), DecodeError> {
        let joined = match (header.opcode, &self.fragments) {
            (0x0, None) => return Err(DecodeError::Protocol("a continuation of no message")),
            (0x0, Some(fragments)) => fragments.payload.len(),
            (0x1 | 0x2, Some(_)) => return Err(DecodeError::Protocol("a message within a message")),
            (0x1 | 0x2, None) => 0,
            (0x8..=0xa, _) if !header.fin => return Err(DecodeError::Protocol("a fragmented control frame")),
            (0x8..=0xa, _) if header.payload_bytes > 125 => {
                return Err(DecodeError::Protocol("a control frame over 125 bytes"));
            }
            (0x8..=0xa, _) => 0,
            _ => return Err(DecodeError::Protocol("a reserved opcode")),
        };
        if header.compressed && !(self.compression && matches!(header.opcode, 0x1 | 0x2)) {
            return Err(DecodeError::Protocol("a reserved bit without an extension"));
        }
        if header.payload_bytes > message_bytes_max.saturating_sub(joined) && header.opcode < 0x8 {
            return Err(DecodeError::TooLarge);
        }
        Ok(())
    }

    /// Checks the text in a frame that is not whole yet.
    fn check_open(&mut self, header: &Header, masked: &[u8]) -> Result<(), DecodeError> {
        match (header.opcode, &self.fragments) {
            (0x1, _) if !header.compressed => self.open.check(&[], masked, header.mask),
            (0x0, Some(fragments)) if fragments.is_text() => {
                self.open.check(&fragments.payload[fragments.checked_bytes..], masked, header.mask)
            }
            _ => Ok(()),
        }
    }

    fn accept<'a>(&mut self, header: &Header, payload: &'a [u8]) -> Result<Frame<'a>, DecodeError> {
        let kind = match header.opcode {
            0x8 => return CloseFrame::decode(payload).map(Frame::Close),
            0x9 => return Ok(Frame::Ping(payload)),
            0xa => return Ok(Frame::Pong),
            0x0 => return self.join(header.fin, payload),
            0x1 => MessageKind::Text,
            _ => MessageKind::Binary,
        };
        if header.fin {
            return Ok(Frame::message(kind, header.compressed, Cow::Borrowed(payload)));
        }
        let compressed = header.compressed;
        let mut fragments = Fragments { kind, compressed, payload: Vec::new(), checked_bytes: 0 };
        fragments.extend(payload)?;
        self.fragments = Some(Box::new(fragments));
        Ok(Frame::Fragment)
    }

    fn join<'a>(&mut self, fin: bool, payload: &[u8]) -> Result<Frame<'a>, DecodeError> {
        if let Some(fragments) = &mut self.fragments {
            fragments.extend(payload)?;
        }
        Ok(match self.fragments.take_if(|_| fin) {
            Some(whole) => Frame::message(whole.kind, whole.compressed, Cow::Owned(whole.payload)),
            None => Frame::Fragment,
        })
    }
}

impl Fragments {
    /// Whether the payload is the text itself.
    fn is_text(&self) -> bool {
        self.kind == MessageKind::Text && !self.compressed
    }

    fn extend(&mut self, payload: &[u8]) -> Result<(), DecodeError> {
        self.payload.extend_from_slice(payload);
        if self.is_text() {
            self.checked_bytes += whole_characters(&self.payload[self.checked_bytes..])?;
        }
        Ok(())
    }
}

impl<'a> Frame<'a> {
    fn message(kind: MessageKind, compressed: bool, payload: Payload<'a>) -> Self {
        if compressed { Self::Compressed(kind, payload) } else { Self::Message(kind, payload) }
    }
}

impl Header {
    fn decode(input: &[u8]) -> Result<Option<Self>, DecodeError> {
        let [first, second, rest @ ..] = input else {
            return Ok(None);
        };
        if first & 0x30 != 0 {
            return Err(DecodeError::Protocol("a reserved bit without an extension"));
        }
        if second & 0x80 == 0 {
            return Err(DecodeError::Protocol("an unmasked frame"));
        }
        let Some((payload_bytes, length_bytes)) = payload_bytes(second & 0x7f, rest)? else {
            return Ok(None);
        };
        let Some(mask) = rest.get(length_bytes..).and_then(|rest| rest.first_chunk::<4>()) else {
            return Ok(None);
        };
        let header_bytes = 2 + length_bytes + mask.len();
        Ok(Some(Self {
            fin: first & 0x80 != 0,
            compressed: first & 0x40 != 0,
            opcode: first & 0x0f,
            mask: *mask,
            header_bytes,
            payload_bytes,
        }))
    }
}

/// The payload's length, and how many bytes after the first two said so. Lengths must be written as short as they can be.
fn payload_bytes(short: u8, rest: &[u8]) -> Result<Option<(usize, usize)>, DecodeError> {
    let (length, length_bytes, least) = match short {
        126 => match rest.first_chunk::<2>() {
            Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 2, 126),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (u64::from_be_bytes(*bytes), 8, 0x1_0000),
            None => return Ok(None),
        },
        short => (u64::from(short), 0, 0),
    };
    if length < least || length > i64::MAX as u64 {
        return Err(DecodeError::Protocol("a length that is not written as RFC 6455 asks"));
    }
    Ok(Some((usize::try_from(length).unwrap_or(usize::MAX), length_bytes)))
}
