use std::fmt;

/// The identity of one logical connection: 128 bits, written as 32 lower-case hexadecimal digits.
///
/// Clients and applications treat it as opaque text. The service also finds the owner of a connection in it: the low byte names the
/// worker that holds its session, and in a cluster the four bytes above that name the node, so that a command or a recovering socket goes
/// straight there. All other bits are random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u128);

impl ConnectionId {
    /// The number of digits in the text form.
    pub const TEXT_LENGTH: usize = 32;

    /// Makes an id from random bits and the worker that will own the connection.
    pub fn new(random: u128, worker: u8) -> Self {
        Self(random & !0xff | u128::from(worker))
    }

    /// Makes an id from random bits, of which 88 are left, and the node and worker that will own the connection.
    pub fn on_node(random: u128, node: u32, worker: u8) -> Self {
        Self(random & !0xff_ffff_ffff | u128::from(node) << 8 | u128::from(worker))
    }

    /// The node that owns the connection, in a cluster. Elsewhere these bits are random.
    pub fn node(self) -> u32 {
        (self.0 >> 8) as u32
    }

    /// The worker whose shard owns the connection.
    pub fn worker(self) -> u8 {
        self.0.to_le_bytes()[0]
    }

    /// The id as a number.
    pub fn bits(self) -> u128 {
        self.0
    }

    /// The id that a number is: one that [`ConnectionId::bits`] gave.
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Reads the text form; `None` for any text that no connection can have (ids compare case-sensitively).
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != Self::TEXT_LENGTH || !text.bytes().all(canonical) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(Self)
    }

    /// The text form on the stack, for comparisons that must not allocate.
    pub fn digits(self) -> Digits {
        let mut digits = [0; Self::TEXT_LENGTH];
        for (index, digit) in digits.iter_mut().enumerate() {
            let nibble = (self.0 >> (4 * (Self::TEXT_LENGTH - 1 - index))) as u8 & 0xf;
            *digit = b"0123456789abcdef"[usize::from(nibble)];
        }
        Digits(digits)
    }
}

/// The 32 hexadecimal digits of a [`ConnectionId`].
#[derive(Clone, Copy)]
pub struct Digits([u8; ConnectionId::TEXT_LENGTH]);

impl Digits {
    /// The digits as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits().as_str())
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
