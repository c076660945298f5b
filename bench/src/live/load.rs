//! What is asked of a live run.

use crate::affinity;
use crate::scenario::{Fanout, Protocol, PublishPath, Speed};
use crate::stamp::{GROUPS_MAX, STAMP_BYTES};
use anyhow::Result;
use thiserror::Error;

/// Largest message that the service takes (1 MiB), less what the JSON around a payload needs.
const PAYLOAD_BYTES_MAX: usize = (1 << 20) - 1024;
/// Deliveries a second that no one thread can count.
const RATE_MAX: u64 = 100_000_000;
/// A day: tokens and series are made for no longer.
const SECONDS_MAX: u64 = 86_400;
/// More than one process holds open anywhere; what the system allows is asked afterwards.
const CONNECTIONS_MAX: usize = 1 << 20;
/// The service closes a client for which 1000 messages wait.
const WINDOW_MAX: u64 = 900;

/// An endpoint and what it is loaded with.
#[derive(Clone, Debug)]
pub struct Load {
    /// Whether the endpoint is `https`.
    pub secure: bool,
    /// The endpoint's host, with a port if it is not the scheme's own.
    pub authority: String,
    /// The access key that tokens are signed with.
    pub access_key: String,
    /// The hub that clients connect to.
    pub hub: String,
    /// Subscribers in each group.
    pub subscribers: usize,
    /// Groups; publishes go to them in turn.
    pub groups: usize,
    /// Bytes of each payload, at least 33 for the stamp that messages are told apart by.
    pub payload_bytes: usize,
    /// Deliveries a second; none is as fast as the window allows.
    pub rate: Option<u64>,
    /// Messages that may be in flight at full speed, at most 900.
    pub window: u64,
    /// How messages are published.
    pub path: PublishPath,
    /// Publisher connections; none is the path's usual number.
    pub publishers: Option<u8>,
    /// Subprotocol of the subscribers.
    pub protocol: Protocol,
    /// For how long messages are published.
    pub seconds: u64,
}

/// A load that cannot be asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A number is outside its bounds.
    #[error("{name} must be between {min} and {max}, not {value}")]
    OutOfBounds {
        /// The option's name.
        name: &'static str,
        /// What was asked for.
        value: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// The descriptor limit of this process is below the connections asked for.
    #[error("{0}; raise it with `ulimit -n`, or ask for fewer subscribers")]
    Descriptors(String),
}

impl Load {
    /// Checks the bounds, and raises the soft descriptor limit to the hard one.
    ///
    /// # Errors
    /// If a number is out of bounds, or there are more connections than descriptors.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        let bounds = [
            ("--subscribers", self.subscribers as u64, 1, CONNECTIONS_MAX as u64),
            ("--groups", self.groups as u64, 1, GROUPS_MAX as u64),
            ("--payload-bytes", self.payload_bytes as u64, STAMP_BYTES as u64, PAYLOAD_BYTES_MAX as u64),
            ("--rate", self.rate.unwrap_or(1), 1, RATE_MAX),
            ("--window", self.window, 1, WINDOW_MAX),
            ("--publishers", u64::from(self.publishers.unwrap_or(1)), 1, u64::from(u8::MAX)),
            ("--seconds", self.seconds, 1, SECONDS_MAX),
            (
                "--subscribers x --groups",
                (self.subscribers as u64).saturating_mul(self.groups as u64),
                1,
                CONNECTIONS_MAX as u64,
            ),
        ];
        for (name, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                return Err(LoadError::OutOfBounds { name, value, min, max });
            }
        }
        let fanout = self.fanout();
        let descriptors = affinity::raise_descriptor_limit()
            .and_then(|()| affinity::require_descriptors(fanout.connections() + fanout.publishers));
        descriptors.map_err(|error| LoadError::Descriptors(error.to_string()))
    }

    pub(super) fn fanout(&self) -> Fanout {
        Fanout {
            compression: false,
            // The live generator opens its sockets itself.
            tls: false,
            subscribers: self.subscribers,
            groups: self.groups,
            groups_each: 1,
            payload_bytes: self.payload_bytes,
            speed: self.rate.map_or(Speed::Full { window: self.window }, Speed::Rate),
            path: self.path,
            publishers: usize::from(self.publishers.unwrap_or(self.path.default_publishers())),
            protocol: self.protocol,
            fire_and_forget: false,
            awaits_answers: false,
            viewers: 0,
        }
    }
}
