//! Who must still receive what, and what arrived twice, late or never.

use crate::stamp::Stamp;
use crate::stream::{Progress, Stream};
use serde::Serialize;

/// What was seen so far.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Counts {
    pub(crate) published: u64,
    /// First receipts: one per message and subscriber.
    pub(crate) delivered: u64,
    pub(crate) duplicated: u64,
    /// First receipts that came after a later message of the same publisher.
    pub(crate) reordered: u64,
    /// Messages that nobody published.
    pub(crate) unknown: u64,
}

/// The newest 128 numbers that a subscriber received from a publisher. A message that arrives later than that
/// counts as duplicated, and as lost at the end.
#[derive(Clone, Copy, Default)]
struct Window {
    next: u32,
    seen: u128,
}

enum Receipt {
    InOrder,
    Late,
    Again,
}

/// Accounts for every message of a run.
pub(crate) struct Ledger {
    groups: usize,
    publishers: usize,
    subscribers: u32,
    streams: Vec<Stream>,
    windows: Vec<Window>,
    in_flight: u64,
    counts: Counts,
}

impl Ledger {
    /// Subscriber `i` is in group `i % groups`.
    pub(crate) fn new(groups: usize, subscribers_per_group: usize, publishers: usize) -> Self {
        Self {
            groups,
            publishers,
            subscribers: subscribers_per_group as u32,
            streams: (0..groups * publishers).map(|_| Stream::default()).collect(),
            windows: vec![Window::default(); groups * subscribers_per_group * publishers],
            in_flight: 0,
            counts: Counts::default(),
        }
    }

    /// Adds a message and returns its number.
    pub(crate) fn publish(&mut self, publisher: usize, group: usize) -> u32 {
        self.counts.published += 1;
        self.in_flight += 1;
        self.streams[publisher * self.groups + group].publish(self.subscribers)
    }

    /// Notes a received message; true when it is the first receipt by this subscriber.
    pub(crate) fn receive(&mut self, subscriber: usize, stamp: Stamp) -> bool {
        let publisher = usize::from(stamp.publisher);
        if publisher >= self.publishers {
            self.counts.unknown += 1;
            return false;
        }
        let receipt = self.windows[subscriber * self.publishers + publisher].receive(stamp.number);
        if matches!(receipt, Receipt::Again) {
            self.counts.duplicated += 1;
            return false;
        }
        let stream = &mut self.streams[publisher * self.groups + subscriber % self.groups];
        match stream.receive(stamp.number) {
            Progress::Unknown => {
                self.counts.unknown += 1;
                return false;
            }
            Progress::Complete => self.in_flight -= 1,
            Progress::Pending => {}
        }
        self.counts.delivered += 1;
        self.counts.reordered += u64::from(matches!(receipt, Receipt::Late));
        true
    }

    /// Messages that not every subscriber has received.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Deliveries that have not arrived.
    pub(crate) fn missing(&self) -> u64 {
        self.counts.published * u64::from(self.subscribers) - self.counts.delivered
    }

    /// Starts counting anew, for use when nothing is in flight.
    pub(crate) fn reset_counts(&mut self) {
        self.counts = Counts::default();
    }
}

impl Window {
    fn receive(&mut self, number: u32) -> Receipt {
        if number >= self.next {
            let ahead = number - self.next + 1;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.next = number + 1;
            return Receipt::InOrder;
        }
        let age = self.next - 1 - number;
        let bit = 1_u128.checked_shl(age).unwrap_or(0);
        if bit == 0 || self.seen & bit != 0 {
            return Receipt::Again;
        }
        self.seen |= bit;
        Receipt::Late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(publisher: u8, number: u32) -> Stamp {
        Stamp { publisher, number, sent_ns: 0 }
    }

    #[test]
    fn loss_duplication_and_reordering_are_told_apart() {
        let mut ledger = Ledger::new(1, 1, 1);
        (0..4).for_each(|number| assert_eq!(ledger.publish(0, 0), number));
        for (number, first) in [(0, true), (2, true), (1, true), (2, false)] {
            assert_eq!(ledger.receive(0, stamp(0, number)), first);
        }
        let counts = ledger.counts();
        assert_eq!((counts.delivered, counts.reordered, counts.duplicated), (3, 1, 1));
        assert_eq!((ledger.missing(), ledger.in_flight()), (1, 1));
    }

    #[test]
    fn a_message_is_in_flight_until_every_subscriber_of_its_group_has_it() {
        let mut ledger = Ledger::new(2, 2, 2);
        ledger.publish(1, 1);
        assert!(ledger.receive(1, stamp(1, 0)));
        assert_eq!(ledger.in_flight(), 1);
        assert!(!ledger.receive(0, stamp(1, 0)), "nothing was published to group 0");
        assert!(ledger.receive(3, stamp(1, 0)));
        assert_eq!((ledger.in_flight(), ledger.missing(), ledger.counts().unknown), (0, 0, 1));
        assert!(!ledger.receive(0, stamp(9, 0)), "there is no publisher 9");
    }

    #[test]
    fn order_holds_for_each_publisher_by_itself() {
        let mut ledger = Ledger::new(1, 1, 2);
        (0..2).for_each(|_| assert!(ledger.publish(0, 0) == ledger.publish(1, 0)));
        for (publisher, number) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert!(ledger.receive(0, stamp(publisher, number)));
        }
        assert_eq!((ledger.counts().reordered, ledger.missing()), (0, 0));
    }
}
