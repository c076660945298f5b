use std::sync::Arc;

use bytes::Bytes;

/// The number of an entry: later entries have greater ones. It is good until the entry is delivered or dropped.
pub type Serial = u64;

/// Something that is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where to.
    pub destination: Arc<str>,
    /// Its lane: entries of one lane and destination are delivered one after the other, in the order in which they were appended.
    pub lane: u128,
    /// When it was raised, in milliseconds since 1970.
    pub raised_ms: u64,
    /// What is to be delivered.
    pub body: Bytes,
    /// Whether it begins or ends a life.
    pub life: Life,
}

/// Whether an entry begins or ends something of which the end must be told, whatever happens to this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Life {
    /// Neither.
    #[default]
    None,
    /// It begins. The entry itself is the end, and is not delivered now: only if the process dies before the end, at the next start and behind
    /// everything that the lane still holds. In memory this does nothing.
    Begins,
    /// The entry is the end.
    Ends,
    /// It goes on in another process, which will tell its end. The entry itself is never delivered.
    Moves,
}

impl Life {
    /// Whether the entry is delivered, as soon as its lane comes to it.
    pub(crate) fn is_delivered(&self) -> bool {
        !matches!(self, Self::Begins | Self::Moves)
    }
}

/// What an entry adds to the bound in bytes.
pub(crate) fn entry_bytes(body_bytes: usize) -> usize {
    /// The fixed part, in memory and on disk, generously rounded.
    const OVERHEAD_BYTES: usize = 256;
    OVERHEAD_BYTES + body_bytes
}
