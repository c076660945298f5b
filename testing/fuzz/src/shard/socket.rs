use bytes::Bytes;
use hubwire_hub::{Limits, Outbox};

/// What a shard's reliable outboxes may hold beyond their bounds, in frames, and the farewell of two frames that always fits.
const SPARE_FRAMES_MAX: usize = 32 + 2;
/// The same in bytes; a farewell is well below a kibibyte.
const SPARE_BYTES_MAX: usize = (64 << 10) + 1024;

/// One socket, as far as the shard can tell.
#[derive(Default)]
pub(crate) struct Socket {
    /// The frame that is with the kernel in part.
    started: Option<Bytes>,
    /// The sequence id that was last written.
    sequence_id: u64,
}

/// What a write led to.
#[derive(PartialEq, Eq)]
pub(crate) enum Written {
    Open,
    /// The last frame is out and the shard wants the socket closed.
    Closed,
}

impl Socket {
    /// Writes the first frames of an outbox, and perhaps a part of the next one, after checking all that waits.
    pub(crate) fn write(
        &mut self,
        outbox: &mut Outbox,
        limits: &Limits,
        frames: usize,
        partly: bool,
    ) -> Written {
        self.check(outbox, limits);
        let frames = frames.min(outbox.len());
        let partly = partly && frames < outbox.len();
        for frame in outbox.frames().take(frames) {
            self.sequence_id = self.sequence_id.max(frame.sequence_id);
        }
        if frames > 0 || partly {
            self.started = outbox.frames().nth(frames).filter(|_| partly).map(|frame| frame.bytes.clone());
        }
        let started = self.started.is_some();
        outbox.written(frames, started);
        if outbox.is_closing() && outbox.is_empty() { Written::Closed } else { Written::Open }
    }

    fn check(&self, outbox: &Outbox, limits: &Limits) {
        let bytes: usize = outbox.frames().map(|frame| frame.bytes.len()).sum();
        assert_eq!(bytes, outbox.bytes(), "an outbox miscounts its bytes");
        assert_eq!(outbox.frames().count(), outbox.len(), "an outbox miscounts its frames");
        assert_eq!(outbox.is_empty(), outbox.len() == 0, "an outbox contradicts itself");
        assert!(
            outbox.len() <= limits.outbox_messages_max + SPARE_FRAMES_MAX,
            "an outbox of {} frames",
            outbox.len()
        );
        assert!(bytes <= limits.outbox_bytes_max + SPARE_BYTES_MAX, "an outbox of {bytes} bytes");
        if let Some(started) = &self.started {
            let first = outbox.frames().next().map(|frame| &frame.bytes);
            assert_eq!(first, Some(started), "a frame that was written in part is not finished");
        }
        let mut last = self.sequence_id;
        for frame in outbox.frames().filter(|frame| frame.sequence_id != 0) {
            // The frame that was begun counts as not written yet, so every id is new.
            assert!(frame.sequence_id > last, "sequence id {} follows {last}", frame.sequence_id);
            last = frame.sequence_id;
        }
    }
}
