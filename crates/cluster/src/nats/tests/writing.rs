//! A node's way to the log and back: entries that are too large go there in pieces, and a node may die between two of them.

use std::collections::VecDeque;
use std::task::Poll;

use bytes::Bytes;
use hubwire_hub::{Author, Busy};
use rand::Rng;
use rand::rngs::StdRng;

use super::memory_streams::MemoryStreams;
use super::node::context;
use crate::nats::backlog::Item;
use crate::nats::ledger::{Append, Waiter};
use crate::nats::pieces::{self, Line, Pieces, Taken};

/// What the log takes at once, in bytes: less than the largest messages of a course.
const PAYLOAD_BYTES_MAX: usize = 1024;

/// What a node has on its way to the log.
#[derive(Default)]
pub(super) struct Writing {
    waiting: VecDeque<(u64, Append)>,
    /// The pieces of the first entry that are left, and the positions of those that are stored.
    pieces: Option<(VecDeque<Bytes>, Vec<u64>)>,
    /// Requests that were refused.
    pub(super) refused: Vec<Author>,
    /// Parts of streams that nobody said of in time that they are stored.
    pub(super) unstored: u64,
}

impl Writing {
    /// Has an entry sent, not before a time and behind all others.
    pub(super) fn push(&mut self, due_ms: u64, append: Append) {
        let due_ms = self.waiting.back().map_or(due_ms, |(last, _)| due_ms.max(*last));
        self.waiting.push_back((due_ms, append));
    }

    /// What is due gets to the log, in order; a piece may be refused, and with it the whole.
    pub(super) fn write(&mut self, streams: &MemoryStreams, rng: &mut StdRng, now_ms: u64) -> Vec<Item> {
        let mut items = Vec::new();
        while self.waiting.front().is_some_and(|(due_ms, _)| *due_ms <= now_ms) {
            if self.pieces.is_none() && self.is_repeated_by_its_node() && rng.random_bool(0.05) {
                // It may be there all the same.
                while rng.random_bool(0.5) && self.advance(streams).is_none() {}
                self.pieces = None;
                self.unstored += 1;
                items.extend(self.refuse());
            } else if self.pieces.is_some() && rng.random_bool(0.02) {
                self.pieces = None;
                items.extend(self.refuse());
            } else if let Some(first) = self.advance(streams) {
                items.extend(self.waiting.pop_front().map(|(_, Append { bytes, waiter, .. })| {
                    Item::Appended { waiter, bytes: bytes.len(), outcome: Ok(first) }
                }));
            } else if rng.random_bool(0.5) {
                // Others come in between.
                break;
            }
        }
        items
    }

    /// Whether the first entry, if it is not stored, is appended again by its node, so that its client does not have to.
    fn is_repeated_by_its_node(&self) -> bool {
        self.waiting.front().is_some_and(|(_, append)| match &append.waiter {
            Waiter::Client(author) => author.stream.is_some_and(|opened| opened > 0),
            waiter => matches!(waiter, Waiter::Farewell { .. }),
        })
    }

    /// Sends one message of the first entry. With the last one the entry stands there; answers where, if it did before.
    fn advance(&mut self, streams: &MemoryStreams) -> Option<Option<u64>> {
        let (_, append) = self.waiting.front()?;
        let (rest, stored) = self.pieces.get_or_insert_with(|| {
            (pieces::split(&append.bytes, PAYLOAD_BYTES_MAX).expect("it can be split").into(), Vec::new())
        });
        if let Some(piece) = rest.pop_front() {
            assert!(piece.len() <= PAYLOAD_BYTES_MAX);
            stored.push(streams.append(piece, None).0);
            return None;
        }
        let stored = std::mem::take(stored);
        let message = if stored.is_empty() { append.bytes.clone() } else { pieces::bind(stored) };
        let (position, duplicate) = streams.append(message, Some(&append.message_id));
        self.pieces = None;
        Some(duplicate.then_some(position))
    }

    /// The connection is gone. Some of what was sent may have got there all the same, from the first on.
    pub(super) fn give_up(&mut self, streams: &MemoryStreams, rng: &mut StdRng) -> Vec<Item> {
        let mut items = Vec::new();
        for _ in 0..rng.random_range(0..=2 * self.waiting.len()) {
            if self.advance(streams).is_some() {
                items.extend(self.refuse());
            }
        }
        self.pieces = None;
        while !self.waiting.is_empty() {
            items.extend(self.refuse());
        }
        items
    }

    /// Nobody has said that the first entry is stored.
    fn refuse(&mut self) -> Option<Item> {
        let (_, Append { bytes, waiter, .. }) = self.waiting.pop_front()?;
        if let Waiter::Client(author) = &waiter {
            self.refused.push(*author);
        }
        Some(Item::Appended { waiter, bytes: bytes.len(), outcome: Err(Busy::Log) })
    }
}

/// What a node has read of the log.
pub(super) struct Reading {
    position: u64,
    pieces: Pieces,
}

impl Reading {
    pub(super) fn behind(position: u64) -> Self {
        Self { position, pieces: Pieces::default() }
    }

    /// The next line, if there is one.
    pub(super) fn next(&mut self, streams: &MemoryStreams) -> Option<(u64, Line)> {
        let position = self.position + 1;
        let payload = (position <= streams.last_position()).then(|| streams.entry(position)).flatten()?;
        self.position = position;
        let line = match self.pieces.take(position, payload) {
            Taken::Line(line) => line,
            Taken::Incomplete(pieces) => {
                let complete = std::pin::pin!(self.pieces.complete(streams, pieces));
                let Poll::Ready(Ok(line)) = complete.poll(&mut context()) else {
                    panic!("the log in memory answers at once");
                };
                line
            }
        };
        Some((position, line))
    }
}
