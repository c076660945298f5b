//! Sequence acknowledgements of reliable subscribers.

use crate::frame;
use crate::scenario::Protocol;
use crate::varint;

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
    protocol: Protocol,
    subscribers: Vec<Received>,
    cursor: usize,
    swept_until_ns: u64,
    sent: u64,
}

impl Acks {
    /// The acknowledgements of subscribers that speak a reliable protocol; none of others.
    pub(crate) fn of(protocol: Protocol, subscribers: usize, now_ns: u64) -> Option<Self> {
        let subscribers = vec![Received::default(); subscribers];
        let acks = Self { protocol, subscribers, cursor: 0, swept_until_ns: now_ns, sent: 0 };
        protocol.is_reliable().then_some(acks)
    }

    /// Notes the sequence id in a frame, and appends an acknowledgement when too many are outstanding.
    pub(crate) fn receive(&mut self, subscriber: usize, payload: &[u8], replies: &mut Vec<u8>) {
        let id = match self.protocol {
            Protocol::ReliableProtobuf => protobuf_sequence_id(payload),
            _ => sequence_id(payload),
        };
        let Some(id) = id else { return };
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
        match self.protocol {
            Protocol::ReliableProtobuf => {
                frame::write_client(out, frame::BINARY, &protobuf_ack(received.last));
            }
            _ => {
                let text = format!(r#"{{"type":"sequenceAck","sequenceId":{}}}"#, received.last);
                frame::write_client(out, frame::TEXT, text.as_bytes());
            }
        }
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }
}

/// `sequence_ack_message` (8) with a `sequence_id` (1).
fn protobuf_ack(sequence_id: u64) -> Vec<u8> {
    let mut id = vec![1 << 3];
    varint::write(&mut id, sequence_id);
    let mut message = vec![8 << 3 | 2];
    varint::write(&mut message, id.len() as u64);
    message.extend_from_slice(&id);
    message
}

/// The `sequence_id` (4) of a `data_message` (2), which the service writes first.
fn protobuf_sequence_id(payload: &[u8]) -> Option<u64> {
    let (_, data) = varint::read(payload.strip_prefix(&[2 << 3 | 2])?)?;
    varint::read(data.strip_prefix(&[4 << 3])?).map(|(id, _)| id)
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
    fn ids_are_read_and_acknowledged_in_protobuf() {
        assert_eq!(protobuf_sequence_id(&[0x12, 0x05, 0x20, 0xac, 0x02, 0x0a, 0x00]), Some(300));
        assert_eq!(protobuf_sequence_id(&[0x12, 0x02, 0x0a, 0x00]), None);
        assert_eq!(protobuf_sequence_id(&[0x0a, 0x02, 0x08, 0x01]), None);
        assert_eq!(protobuf_ack(5), [0x42, 0x02, 0x08, 0x05]);
        assert!(Acks::of(Protocol::Protobuf, 1, 0).is_none());
    }

    #[test]
    fn a_subscriber_acknowledges_once_a_second_or_after_300_messages() {
        let (mut acks, mut out) = (Acks::of(Protocol::Reliable, 2, 0).unwrap(), Vec::new());
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
