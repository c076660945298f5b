//! Sequence acknowledgements of reliable subscribers.

use crate::frame;

/// The service keeps at most 1000 unacknowledged messages and then ends the session, so at full speed the usual
/// acknowledgement once a second would come too late; this many unacknowledged messages cause one at once.
const UNACKNOWLEDGED_MAX: u64 = 300;
const PERIOD_NS: u64 = 1_000_000_000;

#[derive(Clone, Copy, Default)]
struct Received {
    last: u64,
    acknowledged: u64,
}

/// Acknowledges each subscriber's largest id about once a second, spread evenly over that second.
pub(crate) struct Acks {
    subscribers: Vec<Received>,
    cursor: usize,
    swept_until_ns: u64,
    sent: u64,
}

impl Acks {
    pub(crate) fn new(subscribers: usize, now_ns: u64) -> Self {
        let subscribers = vec![Received::default(); subscribers];
        Self { subscribers, cursor: 0, swept_until_ns: now_ns, sent: 0 }
    }

    /// Notes the sequence id in a frame, and appends an acknowledgement when too many are outstanding.
    pub(crate) fn receive(&mut self, subscriber: usize, payload: &[u8], replies: &mut Vec<u8>) {
        let Some(id) = sequence_id(payload) else { return };
        let received = &mut self.subscribers[subscriber];
        received.last = received.last.max(id);
        if received.last - received.acknowledged >= UNACKNOWLEDGED_MAX {
            self.acknowledge(subscriber, replies);
        }
    }

    /// The next subscriber whose turn has come by `now_ns`, with its acknowledgement appended to `out`.
    pub(crate) fn next_due(&mut self, now_ns: u64, out: &mut Vec<u8>) -> Option<usize> {
        let interval_ns = (PERIOD_NS / self.subscribers.len() as u64).max(1);
        while self.swept_until_ns + interval_ns <= now_ns {
            self.swept_until_ns += interval_ns;
            let subscriber = self.cursor;
            self.cursor = (self.cursor + 1) % self.subscribers.len();
            if self.subscribers[subscriber].last > self.subscribers[subscriber].acknowledged {
                self.acknowledge(subscriber, out);
                return Some(subscriber);
            }
        }
        None
    }

    fn acknowledge(&mut self, subscriber: usize, out: &mut Vec<u8>) {
        let received = &mut self.subscribers[subscriber];
        received.acknowledged = received.last;
        self.sent += 1;
        let text = format!(r#"{{"type":"sequenceAck","sequenceId":{}}}"#, received.last);
        frame::write_client(out, frame::TEXT, text.as_bytes());
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }
}

fn sequence_id(payload: &[u8]) -> Option<u64> {
    const NAME: &[u8] = br#""sequenceId":"#;
    let start = memchr::memmem::find(payload, NAME)? + NAME.len();
    let digits = payload[start..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |id: Option<u64>, digit| {
        id.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_first_or_last_in_the_object() {
        assert_eq!(sequence_id(br#"{"sequenceId":12,"type":"message"}"#), Some(12));
        assert_eq!(sequence_id(br#"{"type":"message","sequenceId":7}"#), Some(7));
        assert_eq!(sequence_id(br#"{"type":"system"}"#), None);
    }

    #[test]
    fn a_subscriber_acknowledges_once_a_second_or_after_300_messages() {
        let (mut acks, mut out) = (Acks::new(2, 0), Vec::new());
        acks.receive(1, br#"{"sequenceId":299}"#, &mut out);
        assert!(out.is_empty());
        assert_eq!(acks.next_due(PERIOD_NS - 1, &mut out), None);
        assert_eq!(acks.next_due(PERIOD_NS, &mut out), Some(1));
        assert_eq!(acks.next_due(2 * PERIOD_NS, &mut out), None, "nothing new arrived");
        out.clear();
        acks.receive(1, br#"{"sequenceId":599}"#, &mut out);
        let frame = frame::read(&out).unwrap().unwrap();
        assert_eq!(frame.payload, br#"{"type":"sequenceAck","sequenceId":599}"#);
        assert_eq!(acks.sent(), 2);
    }
}
