//! The receiving end of group streams.

use std::{
    collections::{HashMap, HashSet},
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;

use crate::{
    delivery::{Bounds, Receiver, Room, Sender, queue},
    event::{Event, GroupMessage, StreamError, StreamInfo},
    session::Moment,
};

/// How many streams one subscription follows at a time. Fragments of more are group messages only.
const ACTIVE_MAX: usize = 1024;

/// Which group streams are wanted, and how.
#[derive(Clone, Debug)]
pub struct GroupStreamsOptions {
    idle_timeout: Duration,
    from_start: bool,
    groups: Option<HashSet<String>>,
}

impl Default for GroupStreamsOptions {
    fn default() -> Self {
        Self { idle_timeout: Duration::from_secs(300), from_start: false, groups: None }
    }
}

impl GroupStreamsOptions {
    /// After how long without a fragment a stream is taken for dead, and ends with `IdleTimeout`. 300 seconds unless set.
    #[must_use]
    pub fn idle_timeout(self, idle_timeout: Duration) -> Self {
        Self { idle_timeout, ..self }
    }

    /// Passes over streams whose first fragment was missed. By default they are shown from where they were met.
    #[must_use]
    pub fn from_start(self) -> Self {
        Self { from_start: true, ..self }
    }

    /// Only streams to these groups. By default those to all groups.
    #[must_use]
    pub fn groups<G: Into<String>>(self, groups: impl IntoIterator<Item = G>) -> Self {
        Self { groups: Some(groups.into_iter().map(Into::into).collect()), ..self }
    }
}

/// The group streams that a client receives. It is a [`Stream`] of [`GroupStream`]s. Dropping it ends the subscription.
#[derive(Debug)]
pub struct GroupStreams(Receiver<GroupStream>);

impl GroupStreams {
    /// The next stream that begins; `None` when the client is gone.
    pub async fn next(&mut self) -> Option<GroupStream> {
        poll_fn(|context| self.0.poll_next(context)).await
    }
}

impl Stream for GroupStreams {
    type Item = GroupStream;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<GroupStream>> {
        self.0.poll_next(context)
    }
}

/// One group stream: the fragments in their order, then its end. An error is the last item of a stream that broke off.
#[derive(Debug)]
pub struct GroupStream {
    group: String,
    stream_id: String,
    from_user_id: Option<String>,
    fragments: Receiver<Result<GroupMessage, StreamError>>,
}

impl GroupStream {
    /// The group that it was sent to.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Its id.
    pub fn stream_id(&self) -> &str {
        &self.stream_id
    }

    /// The user who sends it, if there is one and the protocol tells.
    pub fn from_user_id(&self) -> Option<&str> {
        self.from_user_id.as_deref()
    }

    /// The next fragment; `None` after a success.
    pub async fn next(&mut self) -> Option<Result<GroupMessage, StreamError>> {
        poll_fn(|context| self.fragments.poll_next(context)).await
    }
}

impl Stream for GroupStream {
    type Item = Result<GroupMessage, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.fragments.poll_next(context)
    }
}

/// The driver's end of one subscription.
#[derive(Debug)]
pub(crate) struct Readers {
    options: GroupStreamsOptions,
    streams: Sender<GroupStream>,
    active: HashMap<Key, Active>,
    bounds: Bounds,
    room: Arc<Room>,
    /// No stream is idle before then.
    next_idle: Option<Moment>,
}

/// Ids are unique for each sender; the user is as much of the sender as a message tells.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    group: String,
    stream_id: String,
    from_user_id: Option<String>,
}

#[derive(Debug)]
struct Active {
    fragments: Sender<Result<GroupMessage, StreamError>>,
    idle_at: Moment,
}

impl Readers {
    pub(crate) fn new(
        options: GroupStreamsOptions,
        bounds: Bounds,
        room: &Arc<Room>,
    ) -> (Self, GroupStreams) {
        let (streams, receiver) = queue(bounds, room);
        let readers =
            Self { options, streams, active: HashMap::new(), bounds, room: room.clone(), next_idle: None };
        (readers, GroupStreams(receiver))
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.streams.is_abandoned() && self.active.values().all(|active| active.fragments.is_abandoned())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.streams.is_full() || self.active.values().any(|active| active.fragments.is_full())
    }

    pub(crate) fn event(&mut self, now: Moment, event: &Event) {
        match event {
            Event::GroupMessage(message) => {
                if let Some(info) = &message.stream {
                    self.fragment(now, message, info);
                }
            }
            Event::Disconnected(_) => self.fail_all("SessionLost", "The session was lost during the stream."),
            Event::Stopped(_) => self.fail_all("Stopped", "The client was stopped during the stream."),
            _ => {}
        }
    }

    fn fragment(&mut self, now: Moment, message: &GroupMessage, info: &StreamInfo) {
        if self.options.groups.as_ref().is_some_and(|groups| !groups.contains(&message.group)) {
            return;
        }
        let key = Key {
            group: message.group.clone(),
            stream_id: info.stream_id.clone(),
            from_user_id: message.from_user_id.clone(),
        };
        if !self.active.contains_key(&key) && !self.begin(&key, info) {
            return;
        }
        let Some(active) = self.active.get_mut(&key) else { return };
        active.idle_at = now + self.options.idle_timeout;
        self.next_idle = Some(self.next_idle.map_or(active.idle_at, |next| next.min(active.idle_at)));
        // The last message of a stream may have a payload of its own, or none, which travels as an empty text.
        if !info.end_of_stream || !message.data.as_bytes().is_empty() {
            let bytes = message.data.as_bytes().len();
            active.fragments.push(Ok(message.clone()), bytes);
        }
        if info.end_of_stream {
            if let Some(error) = &info.error {
                active.fragments.push(Err(error.clone()), 0);
            }
            self.active.remove(&key);
        }
    }

    fn begin(&mut self, key: &Key, info: &StreamInfo) -> bool {
        let missed = self.options.from_start && info.sequence_id != 1;
        if missed || self.streams.is_abandoned() {
            return false;
        }
        if self.active.len() >= ACTIVE_MAX {
            tracing::warn!(
                stream_id = key.stream_id,
                "too many group streams at a time; this one is not followed"
            );
            return false;
        }
        let (fragments, receiver) = queue(self.bounds, &self.room);
        let stream = GroupStream {
            group: key.group.clone(),
            stream_id: key.stream_id.clone(),
            from_user_id: key.from_user_id.clone(),
            fragments: receiver,
        };
        let key = Key {
            group: key.group.clone(),
            stream_id: key.stream_id.clone(),
            from_user_id: key.from_user_id.clone(),
        };
        self.active.insert(key, Active { fragments, idle_at: Moment::ZERO });
        self.streams.push(stream, 0);
        true
    }

    fn fail_all(&mut self, name: &str, message: &str) {
        for (_, active) in self.active.drain() {
            active.fail(name, message);
        }
    }

    pub(crate) fn resumed(&mut self, now: Moment) {
        for active in self.active.values_mut() {
            active.idle_at = now + self.options.idle_timeout;
        }
    }

    pub(crate) fn tick(&mut self, now: Moment) {
        if self.next_idle.is_none_or(|next| now < next) {
            return;
        }
        let idle = self.active.extract_if(|_, active| active.idle_at <= now);
        for (_, active) in idle {
            active.fail("IdleTimeout", "No fragment came within the idle time-out.");
        }
        self.next_idle = self.active.values().map(|active| active.idle_at).min();
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.next_idle
    }
}

impl Active {
    fn fail(self, name: &str, message: &str) {
        let error = StreamError { name: name.to_owned(), message: message.to_owned(), user_error_code: None };
        self.fragments.push(Err(error), 0);
    }
}
