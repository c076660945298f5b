use std::sync::Arc;

use hubwire_hub::{ConnectionKey, Exchange, Pace, SharedPace};

use crate::Limits;
use crate::worker::State;

/// How long a client that was too fast is not read before it is looked at again, in milliseconds. Small beside the second that a pace evens out.
const PAUSE_MS: u64 = 20;

/// How fast one connection is read. Only connections have it of which a bound asks.
pub(crate) struct Paces {
    frames: Pace,
    bytes: Pace,
    /// The pace of its hub, which all of its connections share.
    hub: Arc<SharedPace>,
}

impl Paces {
    fn are_open(&self, limits: &Limits, now_us: u64) -> bool {
        let open = |bound: Option<u64>, pace: Pace| bound.is_none() || pace.is_open(now_us);
        open(limits.frames_per_connection_per_s_max, self.frames)
            && open(limits.bytes_per_connection_per_s_max, self.bytes)
            && (limits.frames_per_hub_per_s_max.is_none() || self.hub.is_open(now_us))
    }

    fn pass(&mut self, limits: &Limits, bytes: u64, now_us: u64) {
        if let Some(per_s) = limits.frames_per_connection_per_s_max {
            self.frames = self.frames.pass(1, per_s, now_us);
        }
        if let Some(per_s) = limits.bytes_per_connection_per_s_max {
            self.bytes = self.bytes.pass(bytes, per_s, now_us);
        }
        if let Some(per_s) = limits.frames_per_hub_per_s_max {
            self.hub.pass(per_s, now_us);
        }
    }
}

fn are_bounded(limits: &Limits) -> bool {
    let bounds = [
        limits.frames_per_connection_per_s_max,
        limits.bytes_per_connection_per_s_max,
        limits.frames_per_hub_per_s_max,
    ];
    bounds.iter().any(Option::is_some)
}

impl<E: Exchange> State<E> {
    /// Whether a client may be read on. One that is too fast is not, for a moment: what it sends waits in its socket, and it itself waits once
    /// that is full. Nothing is lost.
    pub(crate) fn may_take(&mut self, key: ConnectionKey) -> bool {
        if !are_bounded(&self.settings.limits) {
            return true;
        }
        let Some(socket) = self.sockets.get_mut(key.index()).and_then(Option::as_mut) else {
            return false;
        };
        if socket.paces.is_none() {
            let Some(hub) = self.shard.hub(key) else {
                // Its connection has ended, and what it still sends is of no account.
                return true;
            };
            let (frames, bytes) = (Pace::default(), Pace::default());
            socket.paces = Some(Box::new(Paces { frames, bytes, hub: self.hub_paces.of(hub) }));
        }
        let (limits, now_us) = (&self.settings.limits, self.measures.now_us);
        if socket.paces.as_ref().is_none_or(|paces| paces.are_open(limits, now_us)) {
            return true;
        }
        socket.paused = true;
        metrics::counter!("webpubsub_paced_reads_total").increment(1);
        self.pauses.push(self.now_ms + PAUSE_MS, key, socket.serial);
        false
    }

    /// Counts a frame that was read.
    pub(crate) fn count_frame(&mut self, key: ConnectionKey, bytes: usize) {
        let socket = self.sockets.get_mut(key.index()).and_then(Option::as_mut);
        if let Some(paces) = socket.and_then(|socket| socket.paces.as_mut()) {
            paces.pass(&self.settings.limits, bytes as u64, self.measures.now_us);
        }
    }

    /// Has those read again who have waited.
    pub(crate) fn end_pauses(&mut self) {
        while let Some(timer) = self.pauses.pop_due(self.now_ms) {
            if let Some(socket) = self.socket(timer.key).filter(|socket| socket.serial == timer.serial) {
                socket.paused = false;
                self.read_on(timer.key);
            }
        }
    }
}
