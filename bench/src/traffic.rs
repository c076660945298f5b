//! What the peers of a fan-out run receive.

use crate::acks::Acks;
use crate::clock::Clock;
use crate::frame::{self, Frame};
use crate::histogram::Histogram;
use crate::inflate::Inflate;
use crate::ledger::Ledger;
use crate::response;
use crate::scenario::{Fanout, PublishPath};
use crate::stamp::Stamp;
use crate::wire::Handler;
use anyhow::{Result, bail, ensure};

/// The accounts of a run. Peers are numbered subscribers first, then publishers.
pub(crate) struct Traffic {
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) latency: Histogram,
    pub(crate) acks: Option<Acks>,
    /// REST publishers without a request under way.
    pub(crate) free_publishers: Vec<usize>,
    /// Publishes that the server has not answered.
    pub(crate) unanswered: u64,
    pub(crate) last_delivery_ns: u64,
    subscribers: usize,
    path: PublishPath,
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
            unanswered: 0,
            last_delivery_ns: 0,
            subscribers,
            path: scenario.path,
            stamp_offset: 0,
            inflate: Inflate::default(),
            payload_bytes: 0,
        }
    }

    /// Forgets what the warm-up counted.
    pub(crate) fn reset(&mut self) {
        self.ledger.reset_counts();
        self.latency = Histogram::new();
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

    fn publisher_receives(&mut self, payload: &[u8]) -> Result<()> {
        if memchr::memmem::find(payload, br#""type":"ack""#).is_none() {
            return Ok(());
        }
        ensure!(
            memchr::memmem::find(payload, br#""success":true"#).is_some(),
            "a publish was refused: {}",
            String::from_utf8_lossy(payload)
        );
        self.answered()
    }

    fn rest_answers(&mut self, publisher: usize, bytes: &[u8]) -> Result<usize> {
        let Some(response) = response::read(bytes)? else {
            return Ok(0);
        };
        if response.status != 202 {
            bail!("a publish was refused: {}", String::from_utf8_lossy(&bytes[..response.consumed]));
        }
        self.free_publishers.push(publisher);
        self.answered()?;
        Ok(response.consumed)
    }

    fn answered(&mut self) -> Result<()> {
        ensure!(self.unanswered > 0, "an answer to nothing");
        self.unanswered -= 1;
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
            Some(_) => frame::read_all(bytes, replies, |frame, _| self.publisher_receives(frame.payload)),
        }
    }
}
