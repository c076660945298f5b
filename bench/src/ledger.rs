//! Who must still receive what, and what arrived twice, late or never.

use crate::membership::Membership;
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

/// The newest 128 numbers that a member received from a publisher. A message that arrives later than that
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
    membership: Membership,
    publishers: usize,
    /// Members of each group that are still there.
    members: Vec<u32>,
    streams: Vec<Stream>,
    windows: Vec<Window>,
    in_flight: u64,
    expected: u64,
    counts: Counts,
}

impl Ledger {
    pub(crate) fn new(membership: Membership, publishers: usize) -> Self {
        let groups = membership.groups;
        Self {
            membership,
            publishers,
            members: vec![membership.members as u32; groups],
            streams: (0..groups * publishers).map(|_| Stream::default()).collect(),
            windows: vec![Window::default(); groups * membership.members * publishers],
            in_flight: 0,
            expected: 0,
            counts: Counts::default(),
        }
    }

    /// Adds a message and returns its number.
    pub(crate) fn publish(&mut self, publisher: usize, group: usize) -> u32 {
        let members = self.members[group];
        self.counts.published += 1;
        self.expected += u64::from(members);
        self.in_flight += u64::from(members > 0);
        self.streams[publisher * self.membership.groups + group].publish(members)
    }

    /// Notes a received message; true when it is the first receipt by this subscriber.
    pub(crate) fn receive(&mut self, subscriber: usize, stamp: Stamp) -> bool {
        let (publisher, group) = (usize::from(stamp.publisher), stamp.group as usize);
        let place = self.membership.place(subscriber, group).filter(|_| publisher < self.publishers);
        let Some(place) = place else {
            self.counts.unknown += 1;
            return false;
        };
        let receipt = self.windows[place * self.publishers + publisher].receive(stamp.number);
        if matches!(receipt, Receipt::Again) {
            self.counts.duplicated += 1;
            return false;
        }
        match self.streams[publisher * self.membership.groups + group].receive(stamp.number) {
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

    /// Takes back a message that the server refused; false when somebody has received it all the same.
    pub(crate) fn refuse(&mut self, publisher: usize, group: usize, number: u32) -> bool {
        let Some(lacked) = self.streams[publisher * self.membership.groups + group].cancel(number) else {
            return self.members[group] == 0;
        };
        self.in_flight -= 1;
        // A publish of the warm-up may be refused after the counts began anew.
        self.expected = self.expected.saturating_sub(u64::from(lacked));
        self.counts.published = self.counts.published.saturating_sub(1);
        lacked == self.members[group]
    }

    /// Notes that a subscriber receives nothing any more. What it lacks stays missing, but nobody waits for it.
    pub(crate) fn leave(&mut self, subscriber: usize) {
        for group in self.membership.groups_of(subscriber) {
            let Some(place) = self.membership.place(subscriber, group) else { continue };
            self.members[group] -= 1;
            for publisher in 0..self.publishers {
                let window = self.windows[place * self.publishers + publisher];
                let stream = &mut self.streams[publisher * self.membership.groups + group];
                let lacked: Vec<u32> = stream.pending().filter(|number| !window.has(*number)).collect();
                for number in lacked {
                    self.in_flight -= u64::from(stream.receive(number) == Progress::Complete);
                }
            }
        }
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
        self.expected - self.counts.delivered
    }

    /// Starts counting anew, for use when nothing is in flight.
    pub(crate) fn reset_counts(&mut self) {
        self.counts = Counts::default();
        self.expected = 0;
    }
}

impl Window {
    /// Whether a number was received. One too old to know counts as received.
    fn has(self, number: u32) -> bool {
        let age = self.next.checked_sub(number.saturating_add(1));
        age.is_some_and(|age| 1_u128.checked_shl(age).is_none_or(|bit| self.seen & bit != 0))
    }

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

    fn ledger(groups: usize, members: usize, publishers: usize) -> Ledger {
        Ledger::new(Membership { groups, members, connections: groups * members }, publishers)
    }

    fn stamp(publisher: u8, group: u32, number: u32) -> Stamp {
        Stamp { publisher, group, number, sent_ns: 0 }
    }

    #[test]
    fn loss_duplication_and_reordering_are_told_apart() {
        let mut ledger = ledger(1, 1, 1);
        (0..4).for_each(|number| assert_eq!(ledger.publish(0, 0), number));
        for (number, first) in [(0, true), (2, true), (1, true), (2, false)] {
            assert_eq!(ledger.receive(0, stamp(0, 0, number)), first);
        }
        let counts = ledger.counts();
        assert_eq!((counts.delivered, counts.reordered, counts.duplicated), (3, 1, 1));
        assert_eq!((ledger.missing(), ledger.in_flight()), (1, 1));
    }

    #[test]
    fn a_message_is_in_flight_until_every_subscriber_of_its_group_has_it() {
        let mut ledger = ledger(2, 2, 2);
        ledger.publish(1, 1);
        assert!(ledger.receive(1, stamp(1, 1, 0)));
        assert_eq!(ledger.in_flight(), 1);
        assert!(!ledger.receive(0, stamp(1, 0, 0)), "nothing was published to group 0");
        assert!(!ledger.receive(0, stamp(1, 1, 0)), "subscriber 0 is not in group 1");
        assert!(ledger.receive(3, stamp(1, 1, 0)));
        assert_eq!((ledger.in_flight(), ledger.missing(), ledger.counts().unknown), (0, 0, 2));
        assert!(!ledger.receive(0, stamp(9, 0, 0)), "there is no publisher 9");
    }

    #[test]
    fn a_message_to_a_group_without_members_is_not_in_flight() {
        let mut ledger = ledger(1, 0, 1);
        assert_eq!((ledger.publish(0, 0), ledger.publish(0, 0)), (0, 1));
        assert_eq!((ledger.in_flight(), ledger.missing(), ledger.counts().published), (0, 0, 2));
    }

    #[test]
    fn what_a_subscriber_lacks_when_it_leaves_is_lost_but_not_awaited() {
        let mut ledger = ledger(1, 2, 1);
        (0..3).for_each(|_| _ = ledger.publish(0, 0));
        for (subscriber, number) in [(0, 0), (1, 0), (1, 1)] {
            assert!(ledger.receive(subscriber, stamp(0, 0, number)));
        }
        ledger.leave(0);
        assert_eq!((ledger.in_flight(), ledger.missing()), (1, 3));
        assert!(ledger.receive(1, stamp(0, 0, 2)));
        ledger.publish(0, 0);
        assert!(ledger.receive(1, stamp(0, 0, 3)));
        assert_eq!((ledger.in_flight(), ledger.missing()), (0, 2));
    }

    #[test]
    fn a_message_that_the_server_refuses_is_not_awaited_and_not_lost() {
        let mut ledger = ledger(1, 2, 1);
        (0..2).for_each(|_| _ = ledger.publish(0, 0));
        assert!(ledger.refuse(0, 0, 0));
        (0..2).for_each(|subscriber| assert!(ledger.receive(subscriber, stamp(0, 0, 1))));
        assert_eq!((ledger.in_flight(), ledger.missing(), ledger.counts().published), (0, 0, 1));
        assert!(!ledger.refuse(0, 0, 1), "everybody has it");
    }

    #[test]
    fn order_holds_for_each_publisher_by_itself() {
        let mut ledger = ledger(1, 1, 2);
        (0..2).for_each(|_| assert!(ledger.publish(0, 0) == ledger.publish(1, 0)));
        for (publisher, number) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert!(ledger.receive(0, stamp(publisher, 0, number)));
        }
        assert_eq!((ledger.counts().reordered, ledger.missing()), (0, 0));
    }

    #[test]
    fn order_holds_for_each_group_of_a_subscriber_by_itself() {
        let mut ledger = Ledger::new(Membership { groups: 2, members: 1, connections: 1 }, 1);
        (0..2).for_each(|number| assert!(ledger.publish(0, 0) == number && ledger.publish(0, 1) == number));
        for (group, number) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert!(ledger.receive(0, stamp(0, group, number)));
        }
        assert_eq!((ledger.counts().reordered, ledger.missing()), (0, 0));
    }
}
