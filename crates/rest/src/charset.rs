use bytes::Bytes;

use crate::error::Error;

/// The encodings in which text and JSON may arrive. Clients get UTF-8 in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    Utf8,
    Ascii,
    Latin1,
    /// Little-endian, unless a byte order mark says otherwise.
    Utf16,
    Utf16LittleEndian,
    Utf16BigEndian,
}

const KNOWN: [(&str, Charset); 6] = [
    ("utf-8", Charset::Utf8),
    ("us-ascii", Charset::Ascii),
    ("iso-8859-1", Charset::Latin1),
    ("utf-16", Charset::Utf16),
    ("utf-16le", Charset::Utf16LittleEndian),
    ("utf-16be", Charset::Utf16BigEndian),
];

impl Charset {
    /// Finds a charset by its registered name, in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, charset)| charset)
    }

    /// Turns a body into UTF-8. UTF-8 passes without a copy; Latin-1 at most doubles, so the body's limit still bounds the result.
    ///
    /// # Errors
    /// [`Error::Text`] if the body is not text of this charset.
    pub(crate) fn to_utf8(self, body: Bytes) -> Result<Bytes, Error> {
        let decoded = match self {
            Self::Utf8 => {
                return std::str::from_utf8(&body).is_ok().then_some(body).ok_or(self.error());
            }
            Self::Ascii => return body.is_ascii().then_some(body).ok_or(self.error()),
            Self::Latin1 => Some(body.iter().copied().map(char::from).collect()),
            Self::Utf16LittleEndian => utf16(&body, u16::from_le_bytes),
            Self::Utf16BigEndian => utf16(&body, u16::from_be_bytes),
            Self::Utf16 => match body.strip_prefix(b"\xfe\xff") {
                Some(rest) => utf16(rest, u16::from_be_bytes),
                None => utf16(body.strip_prefix(b"\xff\xfe").unwrap_or(&body), u16::from_le_bytes),
            },
        };
        decoded.map(Bytes::from).ok_or(self.error())
    }

    fn error(self) -> Error {
        let name = KNOWN.iter().find(|(_, charset)| *charset == self).map_or("", |(name, _)| name);
        Error::Text { charset: name }
    }
}

fn utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = body.as_chunks::<2>();
    let decoded = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<_, _>>().ok()?;
    rest.is_empty().then_some(decoded)
}
