//! The one place where real time enters.

use tokio::time::Instant;

use crate::session::Moment;

/// Tells the time since it was started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> Moment {
        self.0.elapsed()
    }

    pub(super) fn at(self, moment: Moment) -> Instant {
        self.0 + moment
    }
}
