use hubwire_protocol::codes::{self, Close};

use crate::Party;

/// Why connections end, by the names of the managed service's dimension `ConnectionCloseCategory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCategory {
    /// The client ended it, or its socket ended.
    Normal,
    /// The application closed it.
    ClosedByAppServer,
    /// Its client did not take, or not acknowledge, what it was sent.
    SlowClient,
    /// Its client broke the protocol.
    BadRequest,
    /// The event handler of a simple client failed, or there is none.
    SendEventFailed,
    /// Its client did what it may not do.
    Unauthorized,
    /// The service stops.
    ServiceReload,
    /// Nothing was heard of its client.
    PingTimeout,
}

impl CloseCategory {
    /// All of them, in their order.
    pub const ALL: [Self; 8] = [
        Self::Normal,
        Self::ClosedByAppServer,
        Self::SlowClient,
        Self::BadRequest,
        Self::SendEventFailed,
        Self::Unauthorized,
        Self::ServiceReload,
        Self::PingTimeout,
    ];

    /// The value of the dimension.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::ClosedByAppServer => "ClosedByAppServer",
            Self::SlowClient => "SlowClient",
            Self::BadRequest => "BadRequest",
            Self::SendEventFailed => "SendEventFailed",
            Self::Unauthorized => "Unauthorized",
            Self::ServiceReload => "ServiceReload",
            Self::PingTimeout => "PingTimeout",
        }
    }

    /// The category of an end: by whom it was wanted, and with which close frame.
    pub(crate) fn of(by: Party, close: Option<(u16, &str)>) -> Self {
        let Some((code, reason)) = close.filter(|_| by == Party::Service) else {
            return if by == Party::Application { Self::ClosedByAppServer } else { Self::Normal };
        };
        match code {
            codes::GOING_AWAY => Self::ServiceReload,
            codes::INTERNAL_ERROR => Self::SendEventFailed,
            codes::POLICY if reason == Close::SEND_NOT_AUTHORIZED.reason => Self::Unauthorized,
            codes::POLICY => Self::SlowClient,
            _ => Self::BadRequest,
        }
    }
}
