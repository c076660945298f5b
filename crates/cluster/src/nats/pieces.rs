//! Entries that are larger than NATS takes: they stand in the log in pieces, and where the last of these stands behind the others, as what binds
//! them. Sans-IO but for pieces that have to be read again.
//!
//! The entry has the position of its binding, since only that says that all pieces are there. Pieces that nothing binds mean nothing: a node died
//! between them, or one of them was refused, and with it the whole.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use prost::Message;

use super::decode::DecodeError;
use super::log_schema::LogPiece;
use super::streams::Streams;

/// Pieces that are kept for bindings that have not come, in bytes: those of a dozen messages of the usual bound. Others are read again.
const KEPT_BYTES_MAX: usize = 16 << 20;
/// What a message to the log has beside its payload, at most, in bytes: the header that names it, and the lengths of protobuf.
const OVERHEAD_BYTES: usize = 256;
/// The least piece, in bytes. Servers that take less than this are not of any use.
const PIECE_BYTES_MIN: usize = 512;
/// What a position takes in a binding, at most, in bytes.
const POSITION_BYTES: usize = 10;

/// What an entry is sent as to a server that takes so many bytes at once: nothing if it fits, and otherwise its pieces. `Err` if so many would
/// be needed that no binding could name them.
pub(crate) fn split(entry: &Bytes, payload_bytes_max: usize) -> Result<Vec<Bytes>, TooLarge> {
    let room = payload_bytes_max.saturating_sub(OVERHEAD_BYTES).max(PIECE_BYTES_MIN);
    if entry.len() <= room {
        return Ok(Vec::new());
    }
    let count = entry.len().div_ceil(room);
    if count * POSITION_BYTES > room {
        return Err(TooLarge);
    }
    let piece = |at: usize| {
        let piece = entry.slice(at * room..entry.len().min((at + 1) * room));
        LogPiece { piece, pieces: Vec::new() }.encode_to_vec().into()
    };
    Ok((0..count).map(piece).collect())
}

/// What says that pieces are an entry: their positions.
pub(crate) fn bind(pieces: Vec<u64>) -> Bytes {
    LogPiece { piece: Bytes::new(), pieces }.encode_to_vec().into()
}

/// An entry is too large even for pieces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// What stands at a position of the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// An entry, whole.
    Entry(Bytes),
    /// A piece of one, or something that is not understood and means nothing.
    Piece,
    /// The binding of an entry that the log has dropped pieces of: whoever reads it has missed something.
    Torn,
}

/// What is known of what stands at a position.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// All that there is to know.
    Line(Line),
    /// It binds pieces of which some have to be read again.
    Incomplete(Vec<u64>),
}

/// Pieces that have been read, until what binds them is.
#[derive(Default)]
pub(crate) struct Pieces {
    kept: BTreeMap<u64, Bytes>,
    bytes: usize,
}

impl Pieces {
    /// Takes in what stands at a position.
    pub(crate) fn take(&mut self, position: u64, payload: Bytes) -> Taken {
        let LogPiece { piece, pieces } = match LogPiece::decode(payload.clone()) {
            Ok(decoded) => decoded,
            Err(error) => {
                super::arrival::refuse(&DecodeError::from(error));
                return Taken::Line(Line::Piece);
            }
        };
        if !piece.is_empty() {
            self.keep(position, piece);
            return Taken::Line(Line::Piece);
        }
        if pieces.is_empty() {
            return Taken::Line(Line::Entry(payload));
        }
        if pieces.iter().any(|position| !self.kept.contains_key(position)) {
            return Taken::Incomplete(pieces);
        }
        let mut entry = BytesMut::new();
        pieces.iter().filter_map(|position| self.remove(*position)).for_each(|piece| entry.extend(piece));
        Taken::Line(Line::Entry(entry.freeze()))
    }

    fn keep(&mut self, position: u64, piece: Bytes) {
        self.bytes += piece.len();
        self.kept.insert(position, piece);
        while self.bytes > KEPT_BYTES_MAX
            && let Some((_, dropped)) = self.kept.pop_first()
        {
            self.bytes -= dropped.len();
        }
    }

    fn remove(&mut self, position: u64) -> Option<Bytes> {
        let piece = self.kept.remove(&position)?;
        self.bytes -= piece.len();
        Some(piece)
    }

    /// Puts an entry together whose pieces are not all here.
    pub(crate) async fn complete(
        &mut self,
        streams: &impl Streams,
        pieces: Vec<u64>,
    ) -> Result<Line, String> {
        let mut entry = BytesMut::new();
        for position in pieces {
            let piece = match self.remove(position) {
                Some(piece) => piece,
                None => match read_again(streams, position).await? {
                    Some(piece) => piece,
                    None => return Ok(Line::Torn),
                },
            };
            entry.extend(piece);
        }
        Ok(Line::Entry(entry.freeze()))
    }
}

async fn read_again(streams: &impl Streams, position: u64) -> Result<Option<Bytes>, String> {
    metrics::counter!("webpubsub_log_pieces_read_again_total").increment(1);
    let line = streams.line(position).await?;
    let piece = line.and_then(|line| LogPiece::decode(line).ok()).map(|decoded| decoded.piece);
    Ok(piece.filter(|piece| !piece.is_empty()))
}
