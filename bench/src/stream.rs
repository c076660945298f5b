//! The messages of one publisher to one group that are still on their way.

use std::collections::VecDeque;

/// What became of a message when one more subscriber received it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Other subscribers still lack it.
    Pending,
    /// This was the last subscriber.
    Complete,
    /// It was never published, or it was complete already.
    Unknown,
}

/// Counts, for each published message, the subscribers that lack it.
#[derive(Default)]
pub(crate) struct Stream {
    /// Number of the oldest message that is kept.
    oldest: u32,
    lacking: VecDeque<u32>,
}

impl Stream {
    /// Adds a message that `subscribers` must receive and returns its number.
    pub(crate) fn publish(&mut self, subscribers: u32) -> u32 {
        let number = self.oldest + self.lacking.len() as u32;
        self.lacking.push_back(subscribers);
        self.forget_complete();
        number
    }

    /// Notes that one subscriber received a message for the first time.
    pub(crate) fn receive(&mut self, number: u32) -> Progress {
        let index = number.wrapping_sub(self.oldest) as usize;
        let Some(lacking) = self.lacking.get_mut(index).filter(|lacking| **lacking > 0) else {
            return Progress::Unknown;
        };
        *lacking -= 1;
        if *lacking > 0 {
            return Progress::Pending;
        }
        self.forget_complete();
        Progress::Complete
    }

    /// Takes a message back; `None` when it was never published, or is complete.
    pub(crate) fn cancel(&mut self, number: u32) -> Option<u32> {
        let index = number.wrapping_sub(self.oldest) as usize;
        let lacking = self.lacking.get_mut(index).filter(|lacking| **lacking > 0)?;
        let lacked = std::mem::take(lacking);
        self.forget_complete();
        Some(lacked)
    }

    /// The messages that somebody lacks.
    pub(crate) fn pending(&self) -> impl Iterator<Item = u32> {
        (self.oldest..).zip(&self.lacking).filter(|(_, lacking)| **lacking > 0).map(|(number, _)| number)
    }

    fn forget_complete(&mut self) {
        while self.lacking.front() == Some(&0) {
            self.lacking.pop_front();
            self.oldest += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_complete_when_its_last_subscriber_has_it() {
        let mut stream = Stream::default();
        assert_eq!((stream.publish(2), stream.publish(1)), (0, 1));
        assert_eq!(stream.receive(0), Progress::Pending);
        assert_eq!(stream.receive(1), Progress::Complete, "completion does not wait for older messages");
        assert_eq!(stream.receive(0), Progress::Complete);
        assert_eq!(stream.receive(0), Progress::Unknown);
        assert_eq!(stream.receive(5), Progress::Unknown);
        assert!(stream.lacking.is_empty(), "complete messages are forgotten");
        assert_eq!(stream.publish(1), 2, "numbers go on");
    }
}
