use super::DecodeError;

/// The longest reason in a close frame: a control frame's 125 bytes without the code.
pub(super) const CLOSE_REASON_BYTES_MAX: usize = 123;

/// What a peer's close frame said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    /// The code, if the frame had one.
    pub code: Option<u16>,
    /// The reason; empty if there was none.
    pub reason: String,
}

impl CloseFrame {
    /// Reads a close frame's payload.
    pub(super) fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        match payload {
            [] => Ok(Self { code: None, reason: String::new() }),
            [_] => Err(DecodeError::Protocol("a close frame with half a code")),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !is_valid_close_code(code) {
                    return Err(DecodeError::Protocol("a close code that must not be sent"));
                }
                let reason = std::str::from_utf8(reason).map_err(|_| DecodeError::InvalidUtf8)?;
                Ok(Self { code: Some(code), reason: reason.to_owned() })
            }
        }
    }
}

/// Whether a peer may send this close code (RFC 6455 §7.4 and the registry that followed).
pub fn is_valid_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
