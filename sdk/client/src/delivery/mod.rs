//! From the session to those who listen.

mod events;
mod queue;

pub use events::Events;
pub(crate) use queue::{Bounds, Receiver, Room, Sender, queue};

use std::sync::Arc;

use crate::{
    event::Event,
    session::Moment,
    stream::{GroupStreams, GroupStreamsOptions, Readers},
};

/// How many events that come without a frame (disconnected, recovering, …) fit into a full queue before the client stops opening sockets.
/// What still comes then is one for each time that the application stops the client, and one for each thing in a group that the session
/// under way could not restore.
const RESERVE: usize = 64;

/// Everyone who listens to a client.
#[derive(Debug)]
pub(crate) struct Delivery {
    subscribers: Vec<Subscriber>,
    readers: Vec<Readers>,
    bounds: Bounds,
    room: Arc<Room>,
}

#[derive(Debug)]
struct Subscriber {
    wants: fn(&Event) -> bool,
    queue: Sender<Event>,
}

impl Delivery {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { subscribers: Vec::new(), readers: Vec::new(), bounds, room: Arc::default() }
    }

    pub(crate) fn room(&self) -> Arc<Room> {
        self.room.clone()
    }

    pub(crate) fn subscribe(&mut self, wants: fn(&Event) -> bool) -> Events {
        let (queue, receiver) = queue(self.bounds, &self.room);
        self.subscribers.push(Subscriber { wants, queue });
        Events::new(receiver)
    }

    pub(crate) fn read_streams(&mut self, options: GroupStreamsOptions) -> GroupStreams {
        let (readers, streams) = Readers::new(options, self.bounds, &self.room);
        self.readers.push(readers);
        streams
    }

    /// Whether another frame may be read: everybody has room for what it brings.
    pub(crate) fn has_room(&self) -> bool {
        !self.subscribers.iter().any(|subscriber| subscriber.queue.is_full())
            && !self.readers.iter().any(Readers::is_full)
    }

    /// Whether another socket may be opened.
    pub(crate) fn has_reserve(&self) -> bool {
        !self.subscribers.iter().any(|subscriber| subscriber.queue.exceeds(RESERVE))
    }

    pub(crate) fn deliver(&mut self, now: Moment, event: Event) {
        self.readers.retain(|readers| !readers.is_abandoned());
        for readers in &mut self.readers {
            readers.event(now, &event);
        }
        self.subscribers.retain(|subscriber| !subscriber.queue.is_abandoned());
        let bytes = event.bytes();
        let mut wanting = self.subscribers.iter().filter(|subscriber| (subscriber.wants)(&event)).peekable();
        // The last one gets the event itself, so that a single listener costs no copy.
        while let Some(subscriber) = wanting.next() {
            if wanting.peek().is_none() {
                drop(wanting);
                subscriber.queue.push(event, bytes);
                return;
            }
            subscriber.queue.push(event.clone(), bytes);
        }
    }

    /// The socket is being read again. Nothing could arrive meanwhile, so streams were not idle.
    pub(crate) fn resumed(&mut self, now: Moment) {
        for readers in &mut self.readers {
            readers.resumed(now);
        }
    }

    pub(crate) fn tick(&mut self, now: Moment) {
        for readers in &mut self.readers {
            readers.tick(now);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.readers.iter().filter_map(Readers::deadline).min()
    }
}
