use std::collections::VecDeque;
use std::sync::Arc;

use hubwire_hub::{Delivered, MessageId};

use crate::entry::Entry;
use crate::message::Message;
use crate::viewer::Viewer;

/// Events that are kept for viewers who come later; the oldest is forgotten first.
pub(crate) const ENTRIES_MAX: usize = 2_000;
/// Messages that are kept, so that their fate can be explained; the oldest is forgotten first.
const MESSAGES_MAX: usize = 4_096;
/// What events and messages may take together, in bytes: less than a worker's own sockets.
const HISTORY_BYTES_MAX: usize = 16 << 20;

/// The latest events and messages, and who follows them.
#[derive(Default)]
pub(crate) struct History {
    entries: VecDeque<Arc<Entry>>,
    messages: VecDeque<Kept>,
    bytes: usize,
    pub(crate) viewers: Vec<Viewer>,
}

/// A message, and what the workers have said of it so far.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) message: Arc<Message>,
    pub(crate) delivered: Delivered,
}

impl History {
    pub(crate) fn keep(&mut self, entry: Arc<Entry>) {
        self.bytes += entry.kept_bytes();
        if let Some(message) = &entry.message {
            self.messages.push_back(Kept { message: message.clone(), delivered: Delivered::default() });
        }
        self.entries.push_back(entry);
        while self.entries.len() > ENTRIES_MAX || self.bytes > HISTORY_BYTES_MAX {
            let Some(forgotten) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= forgotten.kept_bytes();
        }
        // A message outlives its event, with its own bound.
        let kept =
            |messages: &VecDeque<Kept>| messages.iter().map(|kept| kept.message.kept_bytes()).sum::<usize>();
        if self.messages.len() > MESSAGES_MAX {
            self.messages.pop_front();
        }
        if self.messages.len().is_multiple_of(64) {
            while kept(&self.messages) > HISTORY_BYTES_MAX {
                self.messages.pop_front();
            }
        }
    }

    /// Adds what one worker has done with a message.
    pub(crate) fn delivered(&mut self, part: &Delivered) {
        if let Some(kept) = self.messages.iter_mut().rev().find(|kept| kept.message.id == part.message) {
            let whole = &mut kept.delivered;
            whole.recipients += part.recipients;
            whole.delivered += part.delivered;
            whole.excluded += part.excluded;
            whole.filtered += part.filtered;
            whole.skipped += part.skipped;
            whole.overflowed += part.overflowed;
        }
    }

    /// Events, newest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter().rev()
    }

    /// Messages, newest first.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Kept> {
        self.messages.iter().rev()
    }

    pub(crate) fn message(&self, id: MessageId) -> Option<&Kept> {
        self.messages().find(|kept| kept.message.id == id)
    }
}
