use rand::Rng;
use rand::rngs::StdRng;

use crate::pipe::Pipe;

/// One socket between a client and a worker.
pub(crate) struct Wire {
    pub(crate) to_client: Pipe,
    pub(crate) to_server: Pipe,
    /// Whether the client still holds its end.
    pub(crate) client_open: bool,
    /// Whether the worker still holds its end.
    pub(crate) server_open: bool,
    /// When the worker is told that the client's end is gone; it may write into the void until then.
    pub(crate) loss_noticed_ms: u64,
}

impl Wire {
    pub(crate) fn new(rng: &mut StdRng) -> Self {
        // Small enough that writes often block and often end in the middle of a frame.
        let bytes_max = [200, 1000, 8000, 100_000][rng.random_range(0..4)];
        let latency_ms = rng.random_range(1..60);
        Self {
            to_client: Pipe::new(bytes_max, latency_ms),
            to_server: Pipe::new(64_000, latency_ms),
            client_open: true,
            server_open: true,
            loss_noticed_ms: 0,
        }
    }

    /// The client's end goes away. What it sent may be lost from any byte on; what it was sent is lost.
    pub(crate) fn cut(&mut self, rng: &mut StdRng, now_ms: u64, late_ms_max: u64) {
        let kept = rng.random_range(0..=self.to_server.bytes());
        self.to_server.lose_all_but(kept);
        self.hang_up(now_ms + rng.random_range(0..=late_ms_max));
    }

    /// The client's end is closed in good order: all that it sent arrives.
    pub(crate) fn hang_up(&mut self, loss_noticed_ms: u64) {
        self.client_open = false;
        self.loss_noticed_ms = loss_noticed_ms;
    }

    /// Whether a worker that reads now is told that the socket is dead.
    pub(crate) fn is_dead_to_server(&self, now_ms: u64) -> bool {
        !self.client_open && self.to_server.is_empty() && self.loss_noticed_ms <= now_ms
    }
}
