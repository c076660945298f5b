use super::decode::DecodeError;
use super::mask::unmask;

/// How much of a frame is unmasked at a time to look at its text; what is kept of the frame stays as it came.
const PIECE_BYTES: usize = 1 << 10;

/// What is known of the text in a frame of which only a part has arrived, so that no byte is looked at for each piece that comes after it.
#[derive(Debug, Default)]
pub(super) struct OpenText {
    /// Bytes of the frame's payload that are whole characters, together with what was begun before it. A message is far shorter than 4 GiB.
    checked_bytes: u32,
}

impl OpenText {
    /// Checks what has arrived of a frame's payload since the last call. `begun` is the beginning of a character that the fragment before ended in.
    ///
    /// # Errors
    /// [`DecodeError::InvalidUtf8`] if no further bytes can make it text.
    pub(super) fn check(&mut self, begun: &[u8], masked: &[u8], mask: [u8; 4]) -> Result<(), DecodeError> {
        let mut piece = [0; PIECE_BYTES];
        loop {
            let checked = self.checked_bytes as usize;
            let begun = if checked == 0 { begun } else { &[] };
            let unchecked = &masked[checked..];
            let taken = &unchecked[..unchecked.len().min(PIECE_BYTES - begun.len())];
            let end = begun.len() + taken.len();
            piece[..begun.len()].copy_from_slice(begun);
            piece[begun.len()..end].copy_from_slice(taken);
            let turned = std::array::from_fn(|index| mask[(index + checked) % 4]);
            unmask(&mut piece[begun.len()..end], turned);
            // Nothing, or only the beginning of a character is left.
            let Some(progress) =
                whole_characters(&piece[..end])?.checked_sub(begun.len()).filter(|&bytes| bytes > 0)
            else {
                return Ok(());
            };
            self.checked_bytes = u32::try_from(checked + progress).map_err(|_| DecodeError::TooLarge)?;
        }
    }
}

/// How many bytes are whole characters; behind them is at most the beginning of one.
///
/// # Errors
/// [`DecodeError::InvalidUtf8`] if no further bytes can make it text.
pub(super) fn whole_characters(bytes: &[u8]) -> Result<usize, DecodeError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(_) => Err(DecodeError::InvalidUtf8),
    }
}
