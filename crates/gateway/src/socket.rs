use hubwire_protocol::websocket::Decoder;

use crate::entrance::Place;
use crate::pacing::Paces;
use crate::stream::Stream;

/// A connection's socket and what is in the middle of crossing it. Small, since there is one for every idle connection.
pub(crate) struct Socket {
    pub(crate) stream: Stream,
    /// Bytes of a frame that is not whole yet.
    pub(crate) partial: Vec<u8>,
    pub(crate) decoder: Decoder,
    /// Bytes of the outbox's first frame that the kernel has taken.
    pub(crate) written_bytes: usize,
    /// When something last arrived, on the monotonic clock.
    pub(crate) heard_ms: u64,
    /// Tells this socket from others that the same connection key had or will have.
    pub(crate) serial: u64,
    /// What is in `partial` may be whole frames: its client was not read for a while.
    pub(crate) unread: bool,
    /// Its peer has ended its side: what is still in it must be read to the end, since there will be no further event.
    pub(crate) ended: bool,
    /// It stands in the list of sockets to read.
    pub(crate) in_read_queue: bool,
    /// Its closing handshake has begun from this side.
    pub(crate) closing: bool,
    /// Its peer broke the framing: what else it sends is dropped, since nobody can tell what it means.
    pub(crate) deaf: bool,
    /// How fast it is read, if that is bounded.
    pub(crate) paces: Option<Box<Paces>>,
    /// It is not read for a moment, since it was too fast.
    pub(crate) paused: bool,
    /// Its place among the process's connections.
    pub(crate) place: Place,
}

impl Socket {
    pub(crate) fn new(
        stream: Stream,
        early: Vec<u8>,
        compression: bool,
        place: Place,
        serial: u64,
        now_ms: u64,
    ) -> Self {
        Self {
            stream,
            partial: early,
            decoder: Decoder::new(compression),
            written_bytes: 0,
            heard_ms: now_ms,
            serial,
            unread: false,
            ended: false,
            in_read_queue: false,
            closing: false,
            deaf: false,
            paces: None,
            paused: false,
            place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The budget of docs/performance.md: there is one of these for every idle connection.
    #[test]
    fn a_socket_keeps_its_budget() {
        assert!(size_of::<Option<Socket>>() <= 120, "{} bytes", size_of::<Option<Socket>>());
    }
}
