//! What the peers of a fan-out run receive.

use crate::acks::Acks;
use crate::answers::{self, Answers};
use crate::clock::Clock;
use crate::frame::{self, Frame};
use crate::histogram::Histogram;
use crate::inflate::Inflate;
use crate::ledger::Ledger;
use crate::response;
use crate::scenario::{Fanout, PublishPath};
use crate::stamp::Stamp;
use crate::wire::Handler;
use anyhow::{Result, bail};

/// The accounts of a run. Peers are numbered subscribers first, then publishers.
pub(crate) struct Traffic {
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) latency: Histogram,
    pub(crate) acks: Option<Acks>,
    /// Of publishers that wait for answers, those without a publish under way.
    pub(crate) free_publishers: Vec<usize>,
    /// What the server has to answer.
    pub(crate) answers: Answers,
    /// The latest publish of each publisher, by its id.
    under_way: Vec<u64>,
    pub(crate) last_delivery_ns: u64,
    subscribers: usize,
    path: PublishPath,
    publishers_wait: bool,
    stamp_offset: usize,
    inflate: Inflate,
    /// Bytes of frames with a payload, without their headers.
    pub(crate) payload_bytes: u64,
}

impl Traffic {
    pub(crate) fn new(scenario: &Fanout, clock: Clock) -> Self {
        let membership = scenario.membership();
        let subscribers = membership.connections;
        Self {
            clock,
            ledger: Ledger::new(membership, scenario.publishers),
            latency: Histogram::new(),
            acks: Acks::of(scenario.protocol, subscribers, clock.now_ns()),
            free_publishers: (0..scenario.publishers).collect(),
            answers: Answers::new(),
            under_way: vec![0; scenario.publishers],
            last_delivery_ns: 0,
            subscribers,
            path: scenario.path,
            publishers_wait: scenario.publishers_wait(),
            stamp_offset: 0,
            inflate: Inflate::default(),
            payload_bytes: 0,
        }
    }

    /// Forgets what the warm-up counted.
    pub(crate) fn reset(&mut self) {
        self.ledger.reset_counts();
        self.latency = Histogram::new();
        self.answers.latency = Histogram::new();
        self.payload_bytes = 0;
    }

    /// Looks at a frame, whose payload may be compressed.
    fn subscriber_reads(
        &mut self,
        subscriber: usize,
        frame: &Frame<'_>,
        now_ns: u64,
        replies: &mut Vec<u8>,
    ) -> Result<()> {
        self.payload_bytes += frame.payload.len() as u64;
        if !frame.compressed {
            self.subscriber_receives(subscriber, frame.payload, now_ns, replies);
            return Ok(());
        }
        let mut inflate = std::mem::take(&mut self.inflate);
        self.subscriber_receives(subscriber, inflate.read(frame.payload)?, now_ns, replies);
        self.inflate = inflate;
        Ok(())
    }

    fn subscriber_receives(&mut self, subscriber: usize, payload: &[u8], now_ns: u64, replies: &mut Vec<u8>) {
        // Frames without a stamp are the system messages of the subprotocol.
        let Some(stamp) = Stamp::find(payload, &mut self.stamp_offset) else {
            return;
        };
        if let Some(acks) = &mut self.acks {
            acks.receive(subscriber, payload, replies);
        }
        if self.ledger.receive(subscriber, stamp) {
            self.latency.record(now_ns.saturating_sub(stamp.sent_ns));
            self.last_delivery_ns = now_ns;
        }
    }

    /// Expects an answer to a publish, by its id.
    pub(crate) fn ask(&mut self, publisher: usize, id: u64, sent_ns: u64) {
        self.answers.ask(id, sent_ns);
        self.under_way[publisher] = id;
    }

    fn publisher_receives(&mut self, publisher: usize, payload: &[u8]) -> Result<()> {
        match answers::ack_id(payload)? {
            Some(id) => self.answered(publisher, id),
            None => Ok(()),
        }
    }

    fn rest_answers(&mut self, publisher: usize, bytes: &[u8]) -> Result<usize> {
        let Some(response) = response::read(bytes)? else {
            return Ok(0);
        };
        if response.status != 202 {
            bail!("a publish was refused: {}", String::from_utf8_lossy(&bytes[..response.consumed]));
        }
        self.answered(publisher, self.under_way[publisher])?;
        Ok(response.consumed)
    }

    fn answered(&mut self, publisher: usize, id: u64) -> Result<()> {
        self.answers.take(id, self.clock.now_ns())?;
        if self.publishers_wait {
            self.free_publishers.push(publisher);
        }
        Ok(())
    }
}

impl Handler for Traffic {
    fn receive(&mut self, peer: usize, bytes: &[u8], replies: &mut Vec<u8>) -> Result<usize> {
        match peer.checked_sub(self.subscribers) {
            None => {
                // One clock reading for all frames of a read: they became readable together.
                let now_ns = self.clock.now_ns();
                frame::read_all(bytes, replies, |frame, replies| {
                    self.subscriber_reads(peer, frame, now_ns, replies)
                })
            }
            Some(publisher) if self.path == PublishPath::Rest => self.rest_answers(publisher, bytes),
            Some(publisher) => {
                frame::read_all(bytes, replies, |frame, _| self.publisher_receives(publisher, frame.payload))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Speed;

    #[test]
    fn a_publisher_that_waits_is_free_again_with_its_acknowledgement() {
        let fanout = Fanout::over_websocket(1, 1, Speed::Full { window: 9 });
        for awaits_answers in [true, false] {
            let scenario = Fanout { publishers: 2, awaits_answers, ..fanout };
            let mut traffic = Traffic::new(&scenario, Clock::start());
            traffic.free_publishers.clear();
            (0..2).for_each(|publisher| traffic.ask(publisher, 1 + publisher as u64, 0));
            let mut ack = Vec::new();
            frame::write_client(&mut ack, frame::TEXT, br#"{"type":"ack","ackId":2,"success":true}"#);
            assert_eq!(traffic.receive(2, &ack, &mut Vec::new()).unwrap(), ack.len());
            let free: &[usize] = if awaits_answers { &[1] } else { &[] };
            assert_eq!((&*traffic.free_publishers, traffic.answers.waiting()), (free, 1));
            assert!(traffic.receive(2, &ack, &mut Vec::new()).is_err(), "it was answered before");
        }
    }
}
