//! What the peers of a live run receive, and what becomes of them.

use crate::acks::Acks;
use crate::clock::Clock;
use crate::frame::{self, Closed};
use crate::histogram::Histogram;
use crate::ledger::Ledger;
use crate::response;
use crate::scenario::{Fanout, PublishPath};
use crate::stamp::Stamp;
use crate::wire::Handler;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// Different reasons that are kept by name; what else happens is counted together.
const REASONS_MAX: usize = 32;

/// A publish that waits for its answer.
#[derive(Clone, Copy)]
pub(super) struct Publish {
    pub(super) publisher: usize,
    pub(super) group: usize,
    pub(super) number: u32,
}

/// The accounts of a run. Peers are numbered subscribers first, then publishers.
pub(super) struct Accounts {
    pub(super) clock: Clock,
    pub(super) ledger: Ledger,
    pub(super) acks: Option<Acks>,
    /// Latency of the whole run, and of the current second.
    pub(super) latency: [Histogram; 2],
    pub(super) last_delivery_ns: u64,
    /// Publishers that may publish now: over REST those without a request under way, over WebSocket all that are open.
    pub(super) free_publishers: Vec<usize>,
    /// Publishes over WebSocket that are not answered, by `ackId`.
    pub(super) waiting: HashMap<u64, Publish>,
    /// The publish that each REST publisher has under way.
    pub(super) under_way: Vec<Option<Publish>>,
    /// REST publishers whose connection has ended.
    pub(super) to_dial: Vec<usize>,
    pub(super) subscribers_left: usize,
    pub(super) closed: BTreeMap<String, u64>,
    pub(super) refused: BTreeMap<String, u64>,
    is_closed: Vec<bool>,
    subscribers: usize,
    path: PublishPath,
    stamp_offset: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ack {
    ack_id: u64,
    success: bool,
    error: Option<AckError>,
}

#[derive(Deserialize)]
struct AckError {
    name: String,
}

impl Accounts {
    pub(super) fn new(scenario: &Fanout) -> Self {
        let (clock, subscribers) = (Clock::start(), scenario.connections());
        Self {
            clock,
            ledger: Ledger::new(scenario.membership(), scenario.publishers),
            acks: Acks::of(scenario.protocol, subscribers, clock.now_ns()),
            latency: [Histogram::new(), Histogram::new()],
            last_delivery_ns: 0,
            free_publishers: (0..scenario.publishers).collect(),
            waiting: HashMap::new(),
            under_way: vec![None; scenario.publishers],
            to_dial: Vec::new(),
            subscribers_left: subscribers,
            closed: BTreeMap::new(),
            refused: BTreeMap::new(),
            is_closed: vec![false; subscribers + scenario.publishers],
            subscribers,
            path: scenario.path,
            stamp_offset: 0,
        }
    }

    /// Publishes that nobody has answered.
    pub(super) fn unanswered(&self) -> u64 {
        (self.waiting.len() + self.under_way.iter().flatten().count()) as u64
    }

    /// Connections that ended and publishes that were refused.
    pub(super) fn errors(&self) -> u64 {
        self.closed.values().chain(self.refused.values()).sum()
    }

    /// Whether a client's connection has ended.
    pub(super) fn is_closed(&self, peer: usize) -> bool {
        self.is_closed[peer]
    }

    /// Forgets what the first publishes counted.
    pub(super) fn reset(&mut self) {
        self.ledger.reset_counts();
        self.latency = [Histogram::new(), Histogram::new()];
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
            let latency_ns = now_ns.saturating_sub(stamp.sent_ns);
            self.latency.iter_mut().for_each(|histogram| histogram.record(latency_ns));
            self.last_delivery_ns = now_ns;
        }
    }

    fn publisher_receives(&mut self, payload: &[u8]) -> Result<()> {
        if memchr::memmem::find(payload, br#""type":"ack""#).is_none() {
            return Ok(());
        }
        let ack: Ack = serde_json::from_slice(payload).context("an ack that cannot be read")?;
        let Some(publish) = self.waiting.remove(&ack.ack_id) else {
            return Ok(());
        };
        if !ack.success {
            self.refuse(publish, &ack.error.map_or("without a reason".to_owned(), |error| error.name));
        }
        Ok(())
    }

    fn rest_answers(&mut self, publisher: usize, bytes: &[u8]) -> Result<usize> {
        let Some(response) = response::read(bytes)? else {
            return Ok(0);
        };
        let publish = self.under_way[publisher].take().context("an answer to nothing")?;
        self.free_publishers.push(publisher);
        if response.status != 202 {
            self.refuse(publish, &response.status.to_string());
        }
        Ok(response.consumed)
    }

    fn refuse(&mut self, publish: Publish, reason: &str) {
        count(&mut self.refused, reason);
        self.ledger.refuse(publish.publisher, publish.group, publish.number);
    }

    fn publisher_ends(&mut self, publisher: usize, reason: &str) {
        if self.path == PublishPath::Rest {
            // A server may end a kept-alive connection between two requests; in the middle of one is an error.
            if let Some(publish) = self.under_way[publisher].take() {
                self.refuse(publish, reason);
            } else {
                self.free_publishers.retain(|free| *free != publisher);
            }
            self.to_dial.push(publisher);
            return;
        }
        count(&mut self.closed, reason);
        self.free_publishers.retain(|free| *free != publisher);
        let ends = self.waiting.extract_if(|_, publish| publish.publisher == publisher);
        let ends: Vec<Publish> = ends.map(|(_, publish)| publish).collect();
        ends.into_iter().for_each(|publish| self.refuse(publish, "publisher closed"));
    }
}

impl Handler for Accounts {
    fn receive(&mut self, peer: usize, bytes: &[u8], replies: &mut Vec<u8>) -> Result<usize> {
        match peer.checked_sub(self.subscribers) {
            None => {
                // One clock reading for all frames of a read: they became readable together.
                let now_ns = self.clock.now_ns();
                frame::read_all(bytes, replies, |frame, replies| {
                    self.subscriber_receives(peer, frame.payload, now_ns, replies);
                    Ok(())
                })
            }
            Some(publisher) if self.path == PublishPath::Rest => self.rest_answers(publisher, bytes),
            Some(_) => frame::read_all(bytes, replies, |frame, _| self.publisher_receives(frame.payload)),
        }
    }

    fn failed(&mut self, peer: usize, error: anyhow::Error) -> Result<()> {
        if self.is_closed[peer] {
            return Ok(());
        }
        let reason = match error.downcast_ref::<Closed>() {
            Some(Closed { code: Some(code), reason }) if reason.is_empty() => code.to_string(),
            Some(Closed { code: Some(code), reason }) => format!("{code} {reason}"),
            Some(_) => "close without a code".to_owned(),
            None => format!("{error:#}"),
        };
        match peer.checked_sub(self.subscribers) {
            Some(publisher) => {
                self.is_closed[peer] = self.path == PublishPath::Websocket;
                self.publisher_ends(publisher, &reason);
            }
            None => {
                self.is_closed[peer] = true;
                self.subscribers_left -= 1;
                self.ledger.leave(peer);
                count(&mut self.closed, &reason);
            }
        }
        Ok(())
    }
}

fn count(counts: &mut BTreeMap<String, u64>, reason: &str) {
    let known = counts.len() < REASONS_MAX || counts.contains_key(reason);
    *counts.entry(if known { reason } else { "for other reasons" }.to_owned()).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Speed;

    fn accounts(path: PublishPath) -> Accounts {
        let fanout = Fanout::over_websocket(2, 1, Speed::Full { window: 1 });
        Accounts::new(&Fanout { path, ..fanout })
    }

    fn publish(accounts: &mut Accounts) -> Publish {
        Publish { publisher: 0, group: 0, number: accounts.ledger.publish(0, 0) }
    }

    #[test]
    fn a_closed_subscriber_is_counted_by_code_and_not_awaited() {
        let mut accounts = accounts(PublishPath::Websocket);
        publish(&mut accounts);
        let mut close = Vec::new();
        frame::write_client(&mut close, frame::CLOSE, b"\x03\xf0slow consumer");
        let error = accounts.receive(0, &close, &mut Vec::new()).unwrap_err();
        accounts.failed(0, error).unwrap();
        accounts.failed(0, anyhow::anyhow!("again")).unwrap();
        assert_eq!(accounts.closed, BTreeMap::from([("1008 slow consumer".to_owned(), 1)]));
        assert_eq!((accounts.subscribers_left, accounts.ledger.missing()), (1, 2));
    }

    #[test]
    fn a_refused_publish_is_counted_by_name_and_not_lost() {
        let mut accounts = accounts(PublishPath::Websocket);
        let refused = publish(&mut accounts);
        accounts.waiting.insert(7, refused);
        let ack = br#"{"type":"ack","ackId":7,"success":false,"error":{"name":"Forbidden","message":"no"}}"#;
        accounts.publisher_receives(ack).unwrap();
        assert_eq!(accounts.refused, BTreeMap::from([("Forbidden".to_owned(), 1)]));
        assert_eq!((accounts.ledger.missing(), accounts.unanswered()), (0, 0));
    }

    #[test]
    fn a_rest_connection_that_ends_between_requests_is_no_error() {
        let mut accounts = accounts(PublishPath::Rest);
        accounts.failed(2, anyhow::anyhow!("the server ended the connection")).unwrap();
        assert_eq!((accounts.errors(), accounts.to_dial.len()), (0, 1));
        accounts.to_dial.clear();
        accounts.under_way[0] = Some(publish(&mut accounts));
        let answer = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(accounts.rest_answers(0, answer).unwrap(), answer.len());
        assert_eq!(accounts.refused, BTreeMap::from([("429".to_owned(), 1)]));
    }
}
