//! What every payload begins with, so that loss, duplication, order and latency can be told from it.

use crate::filler;

/// Length of an encoded stamp: marker, publisher (2 hex digits), group (5), number (8), time (16), end marker.
pub(crate) const STAMP_BYTES: usize = 33;
/// As many groups as five hex digits tell apart.
pub(crate) const GROUPS_MAX: usize = 1 << 20;

const MARKER: u8 = b'@';
const END: u8 = b'#';

/// A message's identity within its group, and when it was published (or was due).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) publisher: u8,
    pub(crate) group: u32,
    /// Counts up from 0 for each publisher and group.
    pub(crate) number: u32,
    pub(crate) sent_ns: u64,
}

impl Stamp {
    /// Appends a payload of `payload_bytes` (at least `STAMP_BYTES`) that begins with the stamp.
    pub(crate) fn write_payload(self, out: &mut Vec<u8>, payload_bytes: usize) {
        out.push(MARKER);
        write_hex(out, u64::from(self.publisher), 2);
        write_hex(out, u64::from(self.group), 5);
        write_hex(out, u64::from(self.number), 8);
        write_hex(out, self.sent_ns, 16);
        out.push(END);
        filler::fill(out, self.number, payload_bytes.saturating_sub(STAMP_BYTES));
    }

    /// Finds the stamp in a frame. `offset_hint` is where the last one was, which is nearly always right again.
    pub(crate) fn find(frame: &[u8], offset_hint: &mut usize) -> Option<Self> {
        if let Some(stamp) = frame.get(*offset_hint..).and_then(Self::read) {
            return Some(stamp);
        }
        memchr::memchr_iter(MARKER, frame).find_map(|offset| {
            let stamp = Self::read(&frame[offset..])?;
            *offset_hint = offset;
            Some(stamp)
        })
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..STAMP_BYTES)?;
        if bytes[0] != MARKER || bytes[STAMP_BYTES - 1] != END {
            return None;
        }
        Some(Self {
            publisher: u8::try_from(read_hex(&bytes[1..3])?).ok()?,
            group: u32::try_from(read_hex(&bytes[3..8])?).ok()?,
            number: u32::try_from(read_hex(&bytes[8..16])?).ok()?,
            sent_ns: read_hex(&bytes[16..32])?,
        })
    }
}

fn write_hex(out: &mut Vec<u8>, value: u64, digits: u32) {
    for digit in (0..digits).rev() {
        let nibble = (value >> (digit * 4)) & 0xf;
        out.push(b"0123456789abcdef"[nibble as usize]);
    }
}

fn read_hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((value << 4) | u64::from(nibble))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { publisher: 7, group: 99_999, number: 123_456, sent_ns: 9_876_543_210 };

    #[test]
    fn a_stamp_is_found_wherever_the_frame_holds_it() {
        let mut hint = 0;
        for head in ["", r#"{"fromUserId":"a@b","data":""#, "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"] {
            let mut frame = head.as_bytes().to_vec();
            STAMP.write_payload(&mut frame, 64);
            assert_eq!(Stamp::find(&frame, &mut hint), Some(STAMP));
            assert_eq!(hint, head.len());
        }
    }

    #[test]
    fn a_payload_has_the_size_asked_for_and_other_frames_hold_no_stamp() {
        let mut payload = Vec::new();
        STAMP.write_payload(&mut payload, 1024);
        assert_eq!(payload.len(), 1024);
        assert_eq!(Stamp::find(&payload[..STAMP_BYTES - 1], &mut 0), None);
        assert_eq!(Stamp::find(br#"{"type":"system","event":"connected"}"#, &mut 3), None);
    }
}
