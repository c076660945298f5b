use std::sync::Arc;

use hubwire_hub::Limits;
use rand::Rng;
use rand::rngs::StdRng;

/// Clients that a course has in all, those included that come in place of others.
const CLIENTS: usize = 16;

/// What a seed decides at the beginning.
pub(crate) struct Plan {
    pub(crate) workers: usize,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clients: usize,
    pub(crate) ticks: usize,
    /// How likely a client's socket is cut in one tick.
    pub(crate) cut_chance: f64,
    /// How likely a client asks for something in one tick.
    pub(crate) request_chance: f64,
    /// How likely the application does something in one tick.
    pub(crate) command_chance: f64,
    /// How long a worker takes at most to notice a dead socket.
    pub(crate) notice_ms_max: u64,
}

impl Plan {
    pub(crate) fn new(rng: &mut StdRng) -> Self {
        Self {
            workers: rng.random_range(1..=4),
            limits: Arc::new(limits(rng)),
            clients: rng.random_range(3..=CLIENTS),
            ticks: 400,
            cut_chance: [0.0, 0.003, 0.02][rng.random_range(0..3)],
            request_chance: [0.05, 0.2, 0.5][rng.random_range(0..3)],
            command_chance: [0.05, 0.3][rng.random_range(0..2)],
            notice_ms_max: [50, 2000][rng.random_range(0..2)],
        }
    }
}

/// Low bounds in most courses, so that they are reached.
fn limits(rng: &mut StdRng) -> Limits {
    let outbox_messages_max = [40, 200, 1000][rng.random_range(0..3)];
    Limits {
        outbox_messages_max,
        outbox_bytes_max: [8000, 1 << 20][rng.random_range(0..2)],
        // A reliable connection's outbox has room for a full window; the bounds keep that relation.
        window_messages_max: outbox_messages_max.min([20, 1000][rng.random_range(0..2)]),
        window_bytes_max: 8000,
        recovery_window_ms: rng.random_range(1000..6000),
        groups_per_connection_max: rng.random_range(2..8),
        ..Limits::default()
    }
}
