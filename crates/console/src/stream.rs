use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Interval;

use crate::desk::Desk;
use crate::entry::Entry;

/// What one piece of the stream holds at most, in bytes, so that a viewer never takes a worker's time for long.
const PIECE_BYTES_MAX: usize = 32 << 10;
/// How often a viewer is told how things stand, if anything has changed, in milliseconds.
const STATUS_INTERVAL_MS: u64 = 1_000;
/// After so many intervals without news it is told all the same, so that a dead connection is noticed.
const QUIET_INTERVALS_MAX: u32 = 15;

/// The events that one viewer is sent, as the body of an answer.
pub(crate) struct Stream {
    desk: Arc<Desk>,
    number: u64,
    /// What is sent before anything new. It is put into words piece by piece, so that a worker is never held up by it.
    backlog: VecDeque<Arc<Entry>>,
    frames: mpsc::Receiver<Bytes>,
    dropped: Arc<AtomicU64>,
    status: Interval,
    told: Value,
    quiet: u32,
}

impl Stream {
    pub(crate) fn new(
        desk: Arc<Desk>,
        number: u64,
        backlog: VecDeque<Arc<Entry>>,
        frames: mpsc::Receiver<Bytes>,
        dropped: Arc<AtomicU64>,
    ) -> Self {
        let status = tokio::time::interval(Duration::from_millis(STATUS_INTERVAL_MS));
        Self { desk, number, backlog, frames, dropped, status, told: Value::Null, quiet: 0 }
    }

    /// How things stand, if the viewer is to be told.
    fn news(&mut self) -> Option<String> {
        let status = json!({
            "dropped": self.dropped.load(Ordering::Relaxed),
            "sourceDropped": self.desk.lost(),
            "viewers": self.desk.viewers(),
            "recording": self.desk.recording(),
            "lastSeq": self.desk.last_seq(),
        });
        if status == self.told && self.quiet < QUIET_INTERVALS_MAX {
            self.quiet += 1;
            return None;
        }
        self.quiet = 0;
        let frame = format!("event: status\ndata: {status}\n\n");
        self.told = status;
        Some(frame)
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut piece = BytesMut::new();
        if self.status.poll_tick(context).is_ready()
            && let Some(news) = self.news()
        {
            piece.extend_from_slice(news.as_bytes());
        }
        while piece.len() < PIECE_BYTES_MAX {
            if let Some(entry) = self.backlog.pop_front() {
                piece.extend_from_slice(&entry.frame());
                continue;
            }
            match self.frames.poll_recv(context) {
                Poll::Ready(Some(frame)) => piece.extend_from_slice(&frame),
                Poll::Ready(None) if piece.is_empty() => return Poll::Ready(None),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        if !piece.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(piece.freeze()))));
        }
        // A tick that had nothing to tell has been taken: the next one must wake this task.
        if self.status.poll_tick(context).is_ready() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.desk.leave(self.number);
    }
}
