//! Reads compressed messages (RFC 7692), each by itself.

use anyhow::{Result, ensure};
use flate2::{Decompress, FlushDecompress, Status};

/// What a compressed message leaves out of its end (RFC 7692 §7.2.2).
const TRAILER: [u8; 4] = [0, 0, 0xff, 0xff];
/// Room that most messages fit into.
const STEP_BYTES: usize = 16 << 10;
/// Larger than any payload that the generator publishes, with what stands around it.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// A decompressor, and the message that it has read last.
#[derive(Default)]
pub(crate) struct Inflate {
    /// Made with the first message.
    inflate: Option<Decompress>,
    message: Vec<u8>,
}

impl Inflate {
    /// The message in a compressed payload.
    pub(crate) fn read(&mut self, payload: &[u8]) -> Result<&[u8]> {
        let inflate = self.inflate.get_or_insert_with(|| Decompress::new(false));
        inflate.reset(false);
        self.message.clear();
        self.message.reserve(STEP_BYTES);
        for input in [payload, &TRAILER] {
            let start = inflate.total_in();
            loop {
                let taken = (inflate.total_in() - start) as usize;
                let status =
                    inflate.decompress_vec(&input[taken..], &mut self.message, FlushDecompress::Sync)?;
                if self.message.len() < self.message.capacity() || status == Status::StreamEnd {
                    break;
                }
                ensure!(self.message.len() < MESSAGE_BYTES_MAX, "a message above {MESSAGE_BYTES_MAX} bytes");
                self.message.reserve(self.message.len());
            }
        }
        Ok(&self.message)
    }
}
