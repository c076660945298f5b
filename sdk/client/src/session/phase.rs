//! Where a session's connection stands.

use super::output::Moment;

/// What a client is doing about its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Nothing. The only state in which it can be started.
    #[default]
    Stopped,
    /// It opens a new session.
    Connecting,
    /// It has a session and a socket.
    Connected,
    /// It has a session, and opens another socket for it.
    Recovering,
    /// It has no session, and waits before it tries to open another.
    Disconnected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Stopped,
    /// URL, socket and greeting of a new session.
    Opening {
        failures: u32,
        deadline: Moment,
    },
    /// The wait before another attempt at a new session.
    Waiting {
        failures: u32,
        until: Moment,
    },
    /// The groups of the session before are being joined.
    Restoring {
        deadline: Moment,
    },
    Connected,
    /// A socket for a session that lost its own. It is confirmed by the first frame: a refusal comes only after the upgrade.
    Recovering {
        attempt: Attempt,
        window_ends: Moment,
    },
    Stopping {
        deadline: Moment,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Waiting { until: Moment },
    Opening { deadline: Moment },
    Unconfirmed { deadline: Moment },
}

impl Phase {
    pub(super) fn state(self) -> State {
        match self {
            Self::Stopped => State::Stopped,
            Self::Opening { .. } | Self::Restoring { .. } => State::Connecting,
            Self::Waiting { .. } => State::Disconnected,
            Self::Connected | Self::Stopping { .. } => State::Connected,
            Self::Recovering { .. } => State::Recovering,
        }
    }

    pub(super) fn deadline(self) -> Option<Moment> {
        match self {
            Self::Stopped | Self::Connected => None,
            Self::Opening { deadline, .. } | Self::Restoring { deadline } | Self::Stopping { deadline } => {
                Some(deadline)
            }
            Self::Waiting { until, .. } => Some(until),
            Self::Recovering { attempt, window_ends } => Some(match attempt {
                Attempt::Waiting { until } => until,
                Attempt::Opening { deadline } | Attempt::Unconfirmed { deadline } => {
                    deadline.min(window_ends)
                }
            }),
        }
    }
}
