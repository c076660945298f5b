//! Entries that are larger than the log takes at once.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::memory_streams::MemoryStreams;
use super::node::{LEASE_MS, Node, context};
use crate::nats::pieces::{self, Line, Pieces, Taken, TooLarge};
use crate::nats::schema::{Body, Datagram, Hello, VERSION};

fn entry(bytes: usize, seed: u8) -> Bytes {
    // It begins as an entry does: with a field that is no piece.
    let mut entry = vec![0x0a, 1, b'h'];
    entry.extend((0..bytes.saturating_sub(6)).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed)));
    let rest = entry.split_off(3);
    let mut field = vec![0x12];
    prost::encoding::encode_varint(rest.len() as u64, &mut field);
    entry.extend(field);
    entry.extend(rest);
    entry.into()
}

/// Writes an entry as a server that takes so many bytes wants it. Answers its position, and how many messages it took.
fn write(streams: &MemoryStreams, entry: &Bytes, payload_bytes_max: usize) -> (u64, usize) {
    let pieces = pieces::split(entry, payload_bytes_max).unwrap();
    assert!(pieces.iter().all(|piece| piece.len() <= payload_bytes_max));
    let count = pieces.len();
    let positions: Vec<_> = pieces.into_iter().map(|piece| streams.append(piece, None).0).collect();
    let message = if positions.is_empty() { entry.clone() } else { pieces::bind(positions) };
    assert!(message.len() <= payload_bytes_max);
    (streams.append(message, None).0, count + 1)
}

/// Reads what stands between two positions: whatever is not there is read again.
fn read(streams: &MemoryStreams, from: u64, until: u64) -> Vec<(u64, Line)> {
    let mut kept = Pieces::default();
    let mut lines = Vec::new();
    for position in from..=until {
        let line = match kept.take(position, streams.entry(position).unwrap()) {
            Taken::Line(line) => line,
            Taken::Incomplete(pieces) => match pin!(kept.complete(streams, pieces)).poll(&mut context()) {
                Poll::Ready(line) => line.unwrap(),
                Poll::Pending => panic!("the log in memory answers at once"),
            },
        };
        if line != Line::Piece {
            lines.push((position, line));
        }
    }
    lines
}

proptest! {
    #[test]
    fn entries_of_any_size_come_back_whole_wherever_the_reading_begins(
        sizes in prop::collection::vec(prop_oneof![3 => 6..700_usize, 1 => 700..40_000_usize], 1..12),
        payload_bytes_max in 1024..4096_usize,
        from in any::<prop::sample::Index>(),
    ) {
        let streams = MemoryStreams::new(1);
        let mut expected = Vec::new();
        for (index, size) in sizes.iter().enumerate() {
            let entry = entry(*size, index as u8);
            let (position, _) = write(&streams, &entry, payload_bytes_max);
            expected.push((position, Line::Entry(entry)));
        }
        let last = streams.last_position();
        let from = 1 + from.index(last as usize) as u64;
        expected.retain(|(position, _)| *position >= from);
        // What is not equal would take pages to show.
        prop_assert!(read(&streams, from, last) == expected, "from {from} to {last}");
    }

    #[test]
    fn an_entry_stays_in_one_message_if_it_fits(size in 6..3000_usize) {
        let (_, messages) = write(&MemoryStreams::new(1), &entry(size, 1), 4096);
        prop_assert_eq!(messages, 1);
    }
}

#[test]
fn pieces_that_nothing_binds_mean_nothing() {
    let streams = MemoryStreams::new(1);
    let large = entry(10_000, 1);
    for piece in pieces::split(&large, 1024).unwrap() {
        streams.append(piece, None);
    }
    let small = entry(10, 2);
    let (position, _) = write(&streams, &small, 1024);
    assert_eq!(read(&streams, 1, position), [(position, Line::Entry(small))]);
}

#[test]
fn an_entry_whose_pieces_are_gone_is_torn() {
    let streams = MemoryStreams::new(1);
    streams.append(pieces::bind(vec![70, 71]), None);
    assert_eq!(read(&streams, 1, 1), [(1, Line::Torn)]);
}

#[test]
fn more_pieces_are_kept_than_a_large_message_has_and_not_without_end() {
    let streams = MemoryStreams::new(1);
    let large = entry(40 << 20, 1);
    let (position, messages) = write(&streams, &large, 1 << 20);
    assert_eq!(messages, 42);
    assert_eq!(read(&streams, 1, position), [(position, Line::Entry(large))]);
}

#[test]
fn an_entry_of_more_pieces_than_can_be_bound_is_refused() {
    assert_eq!(pieces::split(&entry(1 << 20, 1), 1024), Err(TooLarge));
}

#[test]
fn nodes_that_do_not_know_pieces_get_none_while_they_are_there() {
    let mut node = Node::new(1, &Arc::default(), 1);
    let mut takes_pieces = |from: u32, version: u32| {
        let hello = Hello { version, version_least: 1, ..Hello::default() };
        let datagram = Datagram { from, body: Some(Body::Hello(hello)) };
        node.mesh.receive(datagram.encode_to_vec().into(), 1);
        node.backlog.takes_pieces.load(Ordering::Relaxed)
    };
    assert!(takes_pieces(2, VERSION));
    assert!(!takes_pieces(3, 1));
    assert!(!takes_pieces(4, VERSION));
    node.turn(Vec::new(), 2 * LEASE_MS);
    assert!(node.backlog.takes_pieces.load(Ordering::Relaxed), "it is gone");
}
