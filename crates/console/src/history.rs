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
/// What events, and what messages, may take in memory, in bytes; the oldest are forgotten first.
const HISTORY_BYTES_MAX: usize = 16 << 20;

/// The latest events and messages, and who follows them.
#[derive(Default)]
pub(crate) struct History {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    messages: VecDeque<Kept>,
    messages_bytes: usize,
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
        if let Some(message) = &entry.message {
            self.keep_message(message.clone());
        }
        self.bytes += entry.kept_bytes();
        self.entries.push_back(entry);
        while self.entries.len() > ENTRIES_MAX || self.bytes > HISTORY_BYTES_MAX {
            let Some(forgotten) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= forgotten.kept_bytes();
        }
    }

    /// A message outlives its event, with bounds of its own.
    fn keep_message(&mut self, message: Arc<Message>) {
        self.messages_bytes += message.kept_bytes();
        self.messages.push_back(Kept { message, delivered: Delivered::default() });
        while self.messages.len() > MESSAGES_MAX || self.messages_bytes > HISTORY_BYTES_MAX {
            let Some(forgotten) = self.messages.pop_front() else {
                break;
            };
            self.messages_bytes -= forgotten.message.kept_bytes();
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
