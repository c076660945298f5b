use hubwire_hub::{Outbound, Outbox};
use hubwire_protocol::websocket::Decoder;

use crate::pipe::Pipe;

/// Frames that one write takes at most.
const FRAMES_PER_WRITE: usize = 64;

/// A worker's end of a wire.
pub(crate) struct ServerSocket {
    pub(crate) wire: usize,
    pub(crate) session: usize,
    /// What is with the pipe already of the first frame in the outbox.
    written_bytes: usize,
    pub(crate) decoder: Decoder,
    pub(crate) partial: Vec<u8>,
    pub(crate) blocked: bool,
    /// Until when the client has to answer the closing handshake.
    pub(crate) closing_due_ms: Option<u64>,
}

impl ServerSocket {
    pub(crate) fn new(wire: usize, session: usize) -> Self {
        Self {
            wire,
            session,
            written_bytes: 0,
            decoder: Decoder::default(),
            partial: Vec::new(),
            blocked: false,
            closing_due_ms: None,
        }
    }

    /// Writes until the outbox is empty, which it then tells, or the pipe is full.
    pub(crate) fn write_all(&mut self, outbox: &mut Outbox, pipe: &mut Pipe, now_ms: u64) -> bool {
        while !outbox.is_empty() {
            let mut bytes = Vec::new();
            for frame in outbox.frames().take(FRAMES_PER_WRITE) {
                write_frame(&mut bytes, frame);
            }
            let written = pipe.write(&bytes[self.written_bytes..], now_ms);
            if written == 0 {
                return false;
            }
            self.settle(outbox, self.written_bytes + written);
        }
        true
    }

    /// Takes the frames away that are completely written.
    fn settle(&mut self, outbox: &mut Outbox, mut bytes: usize) {
        let mut frames = 0;
        for frame in outbox.frames() {
            let mut whole = Vec::new();
            write_frame(&mut whole, frame);
            if bytes < whole.len() {
                break;
            }
            bytes -= whole.len();
            frames += 1;
        }
        self.written_bytes = bytes;
        outbox.written(frames, bytes > 0);
    }
}

fn write_frame(out: &mut Vec<u8>, frame: &Outbound) {
    frame.write_head(out);
    out.extend_from_slice(&frame.bytes);
}
