use std::io::{ErrorKind, IoSlice};

use hubwire_hub::{ConnectionKey, Ending, Exchange, Outbox};
use hubwire_protocol::Head;
use hubwire_protocol::codes::Close;
use hubwire_protocol::websocket::{CloseFrame, Opcode, close_frame, control_frame};

use crate::stream::Stream;
use crate::worker::State;

/// Frames that one write takes at most; each is one piece, or two with a head of its own. Beyond some tens of frames a write costs what
/// its bytes cost, so more would gain nothing.
const FRAMES_PER_WRITE: usize = 64;

/// Up to so many bytes, copying frames behind one another costs less than a vectored write of their pieces.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// What a write was given, and what the kernel took of it.
struct Attempt {
    frames: usize,
    bytes: usize,
    written: usize,
}

/// How a flush ended.
enum Flushed {
    /// Everything is with the kernel.
    All,
    /// The socket would block.
    Blocked,
    /// The socket is dead.
    Dead,
}

impl<E: Exchange> State<E> {
    /// Writes what waits in a connection's outbox, in as few writes as can be, until all is written or the socket would block.
    pub(crate) fn flush(&mut self, key: ConnectionKey) {
        let Some(socket) = self.sockets.get_mut(key.index()).and_then(Option::as_mut) else {
            return;
        };
        let Some(outbox) = self.shard.outbox(key, self.now_ms) else {
            return;
        };
        let sent_bytes = &mut self.measures.sent_bytes;
        let flushed =
            write_all(&mut socket.stream, outbox, &mut socket.written_bytes, &mut self.heads, sent_bytes);
        match flushed {
            // The last words are written, and no answer of this peer could be understood: it need not be waited for. Only the way to it ends, since
            // closing a socket with unread input would take the last words back.
            Flushed::All if socket.deaf => socket.stream.finish(),
            Flushed::All => {}
            Flushed::Blocked => self.shard.set_blocked(key, true),
            Flushed::Dead => self.drop_socket(key, Ending::Lost),
        }
    }

    /// Answers a client's close frame with its own code, unless this side began, or has something unfinished on the socket.
    pub(crate) fn echo(&mut self, key: ConnectionKey, close: CloseFrame) {
        let unfinished = self
            .shard
            .outbox(key, self.now_ms)
            .is_none_or(|outbox| outbox.is_closing() || !outbox.is_empty());
        let Some(socket) = self.socket(key).filter(|_| !unfinished) else {
            return;
        };
        let frame = match close.code {
            Some(code) => close_frame(&Close { code, reason: close.reason.into() }),
            None => control_frame(Opcode::Close, &[]),
        };
        // The client is leaving: whether it still hears the answer is its affair.
        let _heard = socket.stream.write(&frame);
    }
}

fn write_all(
    stream: &mut Stream,
    outbox: &mut Outbox,
    written_bytes: &mut usize,
    heads: &mut Vec<u8>,
    sent_bytes: &mut u64,
) -> Flushed {
    while !outbox.is_empty() {
        let attempt = match write_some(stream, outbox, *written_bytes, heads) {
            Ok(Attempt { written: 0, .. }) => return Flushed::Dead,
            Ok(attempt) => attempt,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Flushed::Blocked,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return Flushed::Dead,
        };
        *sent_bytes += attempt.written as u64;
        if attempt.written == attempt.bytes {
            *written_bytes = 0;
            outbox.written(attempt.frames, false);
        } else {
            settle(outbox, written_bytes, *written_bytes + attempt.written, heads);
        }
    }
    match stream.flush() {
        Ok(()) => Flushed::All,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Flushed::Blocked
        }
        Err(_) => Flushed::Dead,
    }
}

/// One write of the outbox's first frames, without the bytes of the first that were written before.
fn write_some(
    stream: &mut Stream,
    outbox: &Outbox,
    skip: usize,
    heads: &mut Vec<u8>,
) -> std::io::Result<Attempt> {
    heads.clear();
    let frames = outbox.len().min(FRAMES_PER_WRITE);
    if let Some(frame) = outbox.single()
        && frame.head == Head::None
    {
        // The usual case: one whole frame.
        let piece = &frame.bytes[skip..];
        return Ok(Attempt { frames, bytes: piece.len(), written: stream.write(piece)? });
    }
    let tails_bytes: usize = outbox.frames().take(FRAMES_PER_WRITE).map(|frame| frame.bytes.len()).sum();
    if tails_bytes <= COPIED_BYTES_MAX {
        for frame in outbox.frames().take(FRAMES_PER_WRITE) {
            frame.write_head(heads);
            heads.extend_from_slice(&frame.bytes);
        }
        let pieces = &heads[skip..];
        return Ok(Attempt { frames, bytes: pieces.len(), written: stream.write(pieces)? });
    }
    let mut head_ends = [0; FRAMES_PER_WRITE];
    for (frame, end) in outbox.frames().zip(&mut head_ends) {
        frame.write_head(heads);
        *end = heads.len();
    }
    let mut pieces = [IoSlice::new(&[]); 2 * FRAMES_PER_WRITE];
    let (mut count, mut head_start) = (0, 0);
    for (frame, head_end) in outbox.frames().zip(head_ends) {
        for piece in [&heads[head_start..head_end], &frame.bytes[..]] {
            if !piece.is_empty() {
                pieces[count] = IoSlice::new(piece);
                count += 1;
            }
        }
        head_start = head_end;
    }
    let mut pieces = &mut pieces[..count];
    IoSlice::advance_slices(&mut pieces, skip);
    let bytes = pieces.iter().map(|piece| piece.len()).sum();
    Ok(Attempt { frames, bytes, written: stream.write_vectored(pieces)? })
}

/// Takes the frames away that are completely written, when not all were.
fn settle(outbox: &mut Outbox, written_bytes: &mut usize, mut bytes: usize, head: &mut Vec<u8>) {
    let mut frames = 0;
    for frame in outbox.frames() {
        head.clear();
        frame.write_head(head);
        let frame_bytes = head.len() + frame.bytes.len();
        if bytes < frame_bytes {
            break;
        }
        bytes -= frame_bytes;
        frames += 1;
    }
    *written_bytes = bytes;
    outbox.written(frames, bytes > 0);
}
