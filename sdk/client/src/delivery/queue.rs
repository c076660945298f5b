//! A bounded queue between the driver and one reader.
//!
//! The driver never waits for a queue: it looks whether there is room before it reads a frame, whose event then always fits. Once full, a
//! queue has room again when half of it is taken, so that driver and reader work in batches.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use tokio::sync::Notify;

/// Tells the driver that readers have taken something.
#[derive(Debug, Default)]
pub(crate) struct Room {
    changed: Notify,
    taken: AtomicU64,
}

impl Room {
    /// Waits until a full queue has room.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How much was ever taken from all queues.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub items: usize,
    pub bytes: usize,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    bounds: Bounds,
    room: Arc<Room>,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    full: bool,
    ended: bool,
    reader_gone: bool,
    reader: Option<Waker>,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic while the lock is held would leave the state whole: no statement under it can panic half way.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A queue with room.
pub(crate) fn queue<T>(bounds: Bounds, room: &Arc<Room>) -> (Sender<T>, Receiver<T>) {
    let state = State {
        items: VecDeque::new(),
        bytes: 0,
        full: false,
        ended: false,
        reader_gone: false,
        reader: None,
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), bounds, room: room.clone() });
    (Sender(shared.clone()), Receiver(shared))
}

/// The driver's end. Dropping it ends the queue after what is in it.
#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Shared<T>>);

impl<T> Sender<T> {
    pub(crate) fn push(&self, item: T, bytes: usize) {
        let mut state = self.0.lock();
        if state.reader_gone {
            return;
        }
        state.items.push_back((item, bytes));
        state.bytes += bytes;
        state.full |= state.items.len() >= self.0.bounds.items || state.bytes >= self.0.bounds.bytes;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.lock().full
    }

    /// Whether there is no room even for the few events that come without a frame.
    pub(crate) fn exceeds(&self, reserve: usize) -> bool {
        self.0.lock().items.len() >= self.0.bounds.items + reserve
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.lock().reader_gone
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ended = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The reader's end. Dropping it makes room.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

impl<T> Receiver<T> {
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.lock();
        let Some((item, bytes)) = state.items.pop_front() else {
            if state.ended {
                return Poll::Ready(None);
            }
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        state.bytes -= bytes;
        let Bounds { items: items_max, bytes: bytes_max } = self.0.bounds;
        let half_empty = state.items.len() <= items_max / 2 && state.bytes <= bytes_max / 2;
        let has_room_again = state.full && half_empty;
        state.full &= !half_empty;
        drop(state);
        self.0.room.taken.fetch_add(1, Ordering::Relaxed);
        if has_room_again {
            self.0.room.changed.notify_one();
        }
        Poll::Ready(Some(item))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.reader_gone = true;
        state.full = false;
        let items = std::mem::take(&mut state.items);
        drop(state);
        drop(items);
        self.0.room.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take<T>(receiver: &mut Receiver<T>) -> Poll<Option<T>> {
        receiver.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_full_queue_has_room_again_when_half_of_it_is_taken() {
        let (sender, mut receiver) = queue(Bounds { items: 4, bytes: 100 }, &Arc::default());
        for item in 0..4 {
            assert!(!sender.is_full());
            sender.push(item, 1);
        }
        assert!(sender.is_full());
        assert_eq!(take(&mut receiver), Poll::Ready(Some(0)));
        assert!(sender.is_full());
        assert_eq!(take(&mut receiver), Poll::Ready(Some(1)));
        assert!(!sender.is_full());
    }

    #[test]
    fn bytes_count_as_well_as_items() {
        let (sender, mut receiver) = queue(Bounds { items: 100, bytes: 10 }, &Arc::default());
        sender.push("big", 11);
        assert!(sender.is_full());
        assert_eq!(take(&mut receiver), Poll::Ready(Some("big")));
        assert!(!sender.is_full());
    }

    #[test]
    fn what_is_in_a_queue_that_ended_can_still_be_taken() {
        let (sender, mut receiver) = queue(Bounds { items: 4, bytes: 100 }, &Arc::default());
        sender.push(1, 1);
        drop(sender);
        assert_eq!(take(&mut receiver), Poll::Ready(Some(1)));
        assert_eq!(take(&mut receiver), Poll::Ready(None));
    }

    #[test]
    fn a_reader_that_is_gone_takes_no_room() {
        let (sender, receiver) = queue(Bounds { items: 1, bytes: 100 }, &Arc::default());
        sender.push(1, 1);
        drop(receiver);
        assert!(sender.is_abandoned() && !sender.is_full());
        sender.push(2, 1);
        assert!(!sender.is_full());
    }
}
