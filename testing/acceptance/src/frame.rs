/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A further piece of a message.
    pub const CONTINUATION: Self = Self(0x0);
    /// Text.
    pub const TEXT: Self = Self(0x1);
    /// Bytes.
    pub const BINARY: Self = Self(0x2);
    /// The closing handshake.
    pub const CLOSE: Self = Self(0x8);
    /// A sign of life is asked for.
    pub const PING: Self = Self(0x9);
    /// A sign of life.
    pub const PONG: Self = Self(0xa);
}

/// A WebSocket frame (RFC 6455 §5.2), valid or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub opcode: Opcode,
    /// Whether it ends its message.
    pub fin: bool,
    /// The reserved bits, where they stand in the first byte.
    pub reserved: u8,
    /// Whether it is masked, as a client's must be.
    pub masked: bool,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

/// The mask of every frame: any will do, as long as its bytes differ.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

impl Frame {
    /// A valid frame of a client.
    pub fn new(opcode: Opcode, payload: impl AsRef<[u8]>) -> Self {
        Self { opcode, fin: true, reserved: 0, masked: true, payload: payload.as_ref().to_vec() }
    }

    /// A text message.
    pub fn text(payload: impl AsRef<[u8]>) -> Self {
        Self::new(Opcode::TEXT, payload)
    }

    /// The beginning of the closing handshake.
    pub fn close(code: u16) -> Self {
        Self::new(Opcode::CLOSE, code.to_be_bytes())
    }

    /// Leaves the message unfinished.
    #[must_use]
    pub fn unfinished(mut self) -> Self {
        self.fin = false;
        self
    }

    /// Leaves the mask out.
    #[must_use]
    pub fn unmasked(mut self) -> Self {
        self.masked = false;
        self
    }

    /// Sets reserved bits.
    #[must_use]
    pub fn reserved(mut self, bits: u8) -> Self {
        self.reserved = bits;
        self
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mask_bit = u8::from(self.masked) << 7;
        let mut bytes = vec![u8::from(self.fin) << 7 | self.reserved | self.opcode.0];
        match self.payload.len() {
            length @ 0..126 => bytes.push(mask_bit | length as u8),
            length @ 126..0x1_0000 => {
                bytes.push(mask_bit | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                bytes.push(mask_bit | 127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        if self.masked {
            bytes.extend_from_slice(&MASK);
            bytes.extend(self.payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        } else {
            bytes.extend_from_slice(&self.payload);
        }
        bytes
    }

    /// Takes a server's frame, which is never masked, from the beginning of some bytes; `None` if it is not whole.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let [first, second, rest @ ..] = bytes else {
            return None;
        };
        let (length, length_bytes) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
            127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, 8),
            short => (usize::from(short), 0),
        };
        let payload = rest.get(length_bytes..length_bytes + length)?.to_vec();
        let frame = Self {
            opcode: Opcode(first & 0x0f),
            fin: first & 0x80 != 0,
            reserved: first & 0x70,
            masked: second & 0x80 != 0,
            payload,
        };
        Some((frame, 2 + length_bytes + length))
    }

    /// The payload as text.
    pub fn as_text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    /// Code and reason of a close frame; a frame without a code has 1005.
    pub fn as_close(&self) -> (u16, String) {
        match self.payload.split_first_chunk::<2>() {
            Some((code, reason)) => (u16::from_be_bytes(*code), String::from_utf8_lossy(reason).into_owned()),
            None => (1005, String::new()),
        }
    }
}
