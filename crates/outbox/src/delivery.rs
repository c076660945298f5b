use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Serial;

/// An entry that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which entry it is: whoever delivers it says what came of it.
    pub serial: Serial,
    /// Where to.
    pub destination: Arc<str>,
    /// Its lane.
    pub lane: u128,
    /// When it was raised, in milliseconds since 1970.
    pub raised_ms: u64,
    /// Attempts before this one, in this process.
    pub attempts: u32,
    /// What is to be delivered.
    pub body: Bytes,
}

/// Why an entry was not delivered, for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The destination did not hear of it: the next entry would fare no better, whatever its lane.
    Away(String),
    /// The destination did not take this one.
    Refused(String),
}

/// An entry that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Which entry it is.
    pub serial: Serial,
    /// Where to.
    pub destination: String,
    /// Its lane, as 32 hexadecimal digits.
    pub lane: String,
    /// When it was raised, in milliseconds since 1970.
    pub raised_ms: u64,
    /// When it was given up, in milliseconds since 1970.
    pub parked_ms: u64,
    /// Attempts before that.
    pub attempts: u32,
    /// Why.
    pub reason: String,
}

/// The dead letters that are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// All.
    All,
    /// One.
    One(Serial),
    /// Those for a destination.
    Destination(String),
}

/// What an outbox holds, and has done since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Entries that wait, those under way included.
    pub pending: u64,
    /// Their bytes.
    pub pending_bytes: u64,
    /// Entries that are under way.
    pub in_flight: u64,
    /// Dead letters.
    pub dead: u64,
    /// Entries that were delivered.
    pub delivered: u64,
    /// Deliveries that failed for now.
    pub failed: u64,
    /// Entries that were given up.
    pub parked: u64,
    /// Entries that were not taken, since the outbox was full or could not write.
    pub refused: u64,
    /// Dead letters that were dropped to make room for newer ones.
    pub dropped: u64,
}

impl Failure {
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Away(reason) | Self::Refused(reason) => reason,
        }
    }
}
