//! The numbers of received messages: what has been seen, and what the service has been told about it.
//!
//! json.reliable.webpubsub.azure.v1, "Sequence acks": acks are cumulative, and a message that comes again after a recovery
//! is dropped here.

use std::time::Duration;

use super::output::Moment;

/// An ack is sent this long after the first message that it covers.
const ACK_DELAY: Duration = Duration::from_secs(1);

/// An ack is sent at once when it covers more messages than this. The service ends a session with 1,000 unacknowledged messages.
const ACK_BACKLOG_MAX: u64 = 300;

#[derive(Debug, Default)]
pub(crate) struct Sequence {
    largest: u64,
    acknowledged: u64,
    ack_due: Option<Moment>,
}

impl Sequence {
    /// Takes the number of a message. False if it came before, so that the message must be dropped.
    pub(crate) fn accept(&mut self, now: Moment, id: u64) -> bool {
        // Also a repetition is acknowledged, or the service would repeat it for ever.
        self.ack_due.get_or_insert(now + ACK_DELAY);
        if id <= self.largest {
            return false;
        }
        self.largest = id;
        if self.largest - self.acknowledged > ACK_BACKLOG_MAX {
            self.ack_due = Some(now);
        }
        true
    }

    /// The ack that is to be sent now, if any.
    pub(crate) fn take_ack(&mut self, now: Moment) -> Option<u64> {
        self.ack_due.take_if(|due| *due <= now)?;
        self.acknowledged = self.largest;
        Some(self.largest)
    }

    /// After a recovery the last ack may not have arrived, so it is sent again.
    pub(crate) fn recovered(&mut self, now: Moment) {
        self.ack_due = (self.largest > 0).then_some(now);
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.ack_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Moment = Duration::from_secs(1);

    #[test]
    fn a_message_that_comes_again_is_dropped_and_acknowledged() {
        let mut sequence = Sequence::default();
        assert!(sequence.accept(Moment::ZERO, 1));
        assert_eq!(sequence.take_ack(SECOND), Some(1));
        assert!(!sequence.accept(SECOND, 1));
        assert_eq!(sequence.take_ack(2 * SECOND), Some(1));
    }

    #[test]
    fn an_ack_waits_for_a_second_and_covers_what_came_meanwhile() {
        let mut sequence = Sequence::default();
        sequence.accept(Moment::ZERO, 1);
        sequence.accept(SECOND / 2, 2);
        assert_eq!(sequence.take_ack(SECOND - Duration::from_millis(1)), None);
        assert_eq!(sequence.take_ack(SECOND), Some(2));
        assert_eq!(sequence.deadline(), None);
    }

    #[test]
    fn more_than_three_hundred_are_acknowledged_at_once() {
        let mut sequence = Sequence::default();
        for id in 1..=300 {
            sequence.accept(Moment::ZERO, id);
        }
        assert_eq!(sequence.take_ack(Moment::ZERO), None);
        sequence.accept(Moment::ZERO, 301);
        assert_eq!(sequence.take_ack(Moment::ZERO), Some(301));
    }

    #[test]
    fn a_gap_is_no_loss_since_messages_can_outlive_their_time() {
        let mut sequence = Sequence::default();
        assert!(sequence.accept(Moment::ZERO, 1));
        assert!(sequence.accept(Moment::ZERO, 400));
        assert_eq!(sequence.take_ack(Moment::ZERO), Some(400));
    }
}
