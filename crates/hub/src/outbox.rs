use bytes::Bytes;
use hubwire_protocol::Head;

use crate::frame_queue::FrameQueue;

/// One frame that waits for a socket.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// The bytes that recipients share: a whole frame, or all of a sequenced message but its head.
    pub bytes: Bytes,
    /// What stands in front of `bytes`, with the recipient's sequence id in it.
    pub head: Head,
    /// How many bytes `bytes` had before it was compressed, where a head of its own has to know; 0 in all other cases.
    pub plain_bytes: u32,
    /// The recipient's sequence id. Of a whole frame, which does not show it: its number among the messages of its outbox, or 0 if it
    /// holds none.
    pub sequence_id: u64,
    /// When the frame is no longer worth sending, on the shard's clock in milliseconds; 0 is never.
    pub deadline_ms: u64,
}

impl Outbound {
    /// A frame that is complete and never too late.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self { bytes, head: Head::None, plain_bytes: 0, sequence_id: 0, deadline_ms: 0 }
    }

    /// Appends what stands in front of the shared bytes.
    pub fn write_head(&self, out: &mut Vec<u8>) {
        match self.plain_bytes {
            0 => self.head.write(out, self.sequence_id, self.bytes.len()),
            plain_bytes => {
                self.head.write_compressed(out, self.sequence_id, plain_bytes as usize, self.bytes.len());
            }
        }
    }

    fn is_late(&self, now_ms: u64) -> bool {
        self.deadline_ms != 0 && self.deadline_ms <= now_ms
    }
}

/// What waits to be written to one connection's socket, in order. An empty outbox owns no memory, and one frame needs
/// none of its own.
#[derive(Debug, Default)]
pub struct Outbox {
    frames: FrameQueue,
    bytes: usize,
    /// Whether part of the first frame is with the kernel already: then it must be finished, whatever happens.
    started: bool,
    closing: bool,
    /// The number of the newest frame that holds a message without a sequence id.
    last_number: u32,
    /// The earliest deadline among the frames, or earlier; 0 while none has one.
    deadline_ms: u64,
}

impl Outbox {
    /// Frames in their order, for a vectored write.
    pub fn frames(&self) -> impl Iterator<Item = &Outbound> {
        self.frames.iter()
    }

    /// The number of waiting frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// The frame that waits, if it is the only one.
    pub fn single(&self) -> Option<&Outbound> {
        self.frames.single()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The bytes that wait, without heads.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the socket is to be closed once all has been written.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Takes the first frames away, which are completely written; `started` says whether the next one is written in part.
    pub fn written(&mut self, frames: usize, started: bool) {
        for frame in (0..frames).map_while(|_| self.frames.pop_front()) {
            self.bytes -= frame.bytes.len();
        }
        self.started = started;
    }

    /// Whether a frame may have come too late: a quick test before [`Outbox::drop_late`].
    pub(crate) fn may_be_late(&self, now_ms: u64) -> bool {
        self.deadline_ms != 0 && self.deadline_ms <= now_ms
    }

    /// Drops frames that came too late to be worth sending, and answers their sequence ids.
    pub(crate) fn drop_late(&mut self, now_ms: u64) -> Vec<u64> {
        let mut dropped = Vec::new();
        let mut index = 0;
        let started = self.started;
        let bytes = &mut self.bytes;
        self.frames.retain(|frame| {
            let keep = !frame.is_late(now_ms) || (index == 0 && started);
            index += 1;
            if !keep {
                *bytes -= frame.bytes.len();
                dropped.push(frame.sequence_id);
            }
            keep
        });
        let deadlines = self.frames.iter().map(|frame| frame.deadline_ms);
        self.deadline_ms = deadlines.filter(|deadline_ms| *deadline_ms > now_ms).min().unwrap_or(0);
        dropped
    }

    /// A number for the next message without a sequence id: by it a recording finds the message again.
    pub(crate) fn next_number(&mut self) -> u32 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }

    /// The number that was given last.
    pub(crate) fn last_number(&self) -> u32 {
        self.last_number
    }

    /// The number of the first message without a sequence id that waits.
    pub(crate) fn first_number(&self) -> Option<u32> {
        let numbered = |frame: &&Outbound| frame.head == Head::None && frame.sequence_id != 0;
        self.frames.iter().find(numbered).map(|frame| frame.sequence_id as u32)
    }

    /// Appends a frame, unless the outbox would exceed its bounds.
    pub(crate) fn push(&mut self, frame: Outbound, messages_max: usize, bytes_max: usize) -> bool {
        if self.frames.len() >= messages_max || self.bytes + frame.bytes.len() > bytes_max {
            return false;
        }
        self.bytes += frame.bytes.len();
        if frame.deadline_ms != 0 && (self.deadline_ms == 0 || frame.deadline_ms < self.deadline_ms) {
            self.deadline_ms = frame.deadline_ms;
        }
        self.frames.push_back(frame);
        true
    }

    /// Appends the last frames that the connection will ever get, beyond any bound.
    pub(crate) fn finish(&mut self, frames: impl IntoIterator<Item = Bytes>) {
        for bytes in frames {
            self.bytes += bytes.len();
            self.frames.push_back(Outbound::whole(bytes));
        }
        self.closing = true;
    }

    /// Forgets all that waits, but for a frame that is written in part.
    pub(crate) fn truncate(&mut self) {
        let keep = usize::from(self.started && !self.frames.is_empty());
        self.frames.truncate(keep);
        self.bytes = self.frames.iter().map(|frame| frame.bytes.len()).sum();
    }

    /// Forgets everything, since the socket is gone.
    pub(crate) fn clear(&mut self) {
        *self = Self { last_number: self.last_number, ..Self::default() };
    }
}
