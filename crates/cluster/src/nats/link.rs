//! Frames from one node to another: each arrives once, in order, whatever NATS loses while it reconnects.
//!
//! NATS core delivers at most once. A link numbers its packets, keeps them until their receipt, and sends them again; the other side takes
//! each number once. So a NATS server may restart, or a slow subscription be cut, and nothing between two living nodes is lost.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message;

use super::schema::{Body, Datagram, Packet, Receipt};

/// Frames are packed together up to so many bytes, well below the least `max_payload` that anybody sets.
const PACKET_BYTES_MAX: usize = 64 << 10;
/// A larger frame travels in pieces of this size: NATS takes messages of 1 MiB by default, and a client message may be larger.
const PIECE_BYTES_MAX: usize = 256 << 10;
/// Packets that may be on their way: at 64 KiB each as much as a subscription takes in before it is cut.
const IN_FLIGHT_MAX: usize = 1024;
/// Packets without a receipt are sent again after so long, in milliseconds: many times the way to and fro within a data centre.
const RESEND_AFTER_MS: u64 = 250;
/// What is sent again at once: enough to get going, little enough not to flood a peer that is merely slow.
const RESENT_MAX: usize = 64;
/// Packets are sent again at most this often on request, in milliseconds: several packets behind one gap each ask.
const RESEND_PAUSE_MS: u64 = 20;

/// The sending end.
pub(crate) struct Outgoing {
    node: u32,
    link: u64,
    restart: bool,
    /// Frames that are in no packet yet, each with its item.
    waiting: VecDeque<(Bytes, u64)>,
    waiting_bytes: usize,
    /// Packets without a receipt.
    unreceived: VecDeque<Sent>,
    unreceived_frames: usize,
    unreceived_bytes: usize,
    next_number: u64,
    resent_ms: u64,
}

struct Sent {
    number: u64,
    datagram: Bytes,
    frames: usize,
    /// The item of its first frame.
    item: u64,
    sent_ms: u64,
}

impl Outgoing {
    /// A link that has not sent anything. Of two links between the same nodes the later one has the greater number, and is a restart.
    pub(crate) fn new(node: u32, link: u64, restart: bool) -> Self {
        Self {
            node,
            link,
            restart,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            unreceived: VecDeque::new(),
            unreceived_frames: 0,
            unreceived_bytes: 0,
            next_number: 1,
            resent_ms: 0,
        }
    }

    /// Has a frame sent, on behalf of an item; items are numbered upwards.
    pub(crate) fn push(&mut self, frame: Bytes, item: u64) {
        self.waiting_bytes += frame.len();
        self.waiting.push_back((frame, item));
    }

    /// Whether the other side has taken the first packet.
    pub(crate) fn is_begun(&self) -> bool {
        self.unreceived.front().map_or(self.next_number, |sent| sent.number) > 1
    }

    /// The first item that has not arrived whole.
    pub(crate) fn first_item(&self) -> Option<u64> {
        let sent = self.unreceived.front().map(|sent| sent.item);
        sent.or(self.waiting.front().map(|(_, item)| *item))
    }

    /// Frames and bytes that have not arrived.
    pub(crate) fn level(&self) -> (usize, usize) {
        (self.waiting.len() + self.unreceived_frames, self.waiting_bytes + self.unreceived_bytes)
    }

    /// Packs what waits, as far as more may be on its way.
    pub(crate) fn pack(&mut self, now_ms: u64, out: &mut Vec<Bytes>) {
        while self.unreceived.len() < IN_FLIGHT_MAX
            && let Some((frame, item)) = self.waiting.pop_front()
        {
            self.waiting_bytes -= frame.len();
            if frame.len() > PIECE_BYTES_MAX {
                self.send_pieces(&frame, item, now_ms, out);
                continue;
            }
            let mut bytes = frame.len();
            let mut frames = vec![frame];
            while let Some((next, _)) = self.waiting.front()
                && bytes + next.len() <= PACKET_BYTES_MAX
                && let Some((next, _)) = self.waiting.pop_front()
            {
                bytes += next.len();
                self.waiting_bytes -= next.len();
                frames.push(next);
            }
            self.send(frames, false, item, now_ms, out);
        }
    }

    fn send_pieces(&mut self, frame: &Bytes, item: u64, now_ms: u64, out: &mut Vec<Bytes>) {
        let mut start = 0;
        while start < frame.len() {
            let end = frame.len().min(start + PIECE_BYTES_MAX);
            self.send(vec![frame.slice(start..end)], end < frame.len(), item, now_ms, out);
            start = end;
        }
    }

    fn send(&mut self, frames: Vec<Bytes>, more: bool, item: u64, now_ms: u64, out: &mut Vec<Bytes>) {
        let (number, count) = (self.next_number, frames.len());
        let packet = Packet { link: self.link, number, frames, more, restart: self.restart };
        let datagram = Datagram { from: self.node, body: Some(Body::Packet(packet)) };
        let datagram = Bytes::from(datagram.encode_to_vec());
        self.next_number += 1;
        self.unreceived_frames += count;
        self.unreceived_bytes += datagram.len();
        out.push(datagram.clone());
        self.unreceived.push_back(Sent { number, datagram, frames: count, item, sent_ms: now_ms });
    }

    /// Forgets what has arrived, and answers with packets to send again if that is asked for.
    pub(crate) fn receive(&mut self, receipt: Receipt, now_ms: u64, out: &mut Vec<Bytes>) {
        if receipt.link != self.link {
            return;
        }
        while self.unreceived.front().is_some_and(|sent| sent.number <= receipt.number)
            && let Some(sent) = self.unreceived.pop_front()
        {
            self.unreceived_frames -= sent.frames;
            self.unreceived_bytes -= sent.datagram.len();
        }
        if receipt.again && now_ms >= self.resent_ms + RESEND_PAUSE_MS {
            self.resend(now_ms, out);
        }
    }

    /// Sends again what has had no receipt for too long.
    pub(crate) fn keep_time(&mut self, now_ms: u64, out: &mut Vec<Bytes>) {
        if self.unreceived.front().is_some_and(|sent| now_ms >= sent.sent_ms + RESEND_AFTER_MS) {
            self.resend(now_ms, out);
        }
    }

    /// Sends the oldest packets again.
    pub(crate) fn resend(&mut self, now_ms: u64, out: &mut Vec<Bytes>) {
        self.resent_ms = now_ms;
        let resent = self.unreceived.iter_mut().take(RESENT_MAX);
        let before = out.len();
        out.extend(resent.map(|sent| {
            sent.sent_ms = now_ms;
            sent.datagram.clone()
        }));
        metrics::counter!("webpubsub_cluster_packets_resent_total").increment((out.len() - before) as u64);
    }
}

/// The receiving end.
#[derive(Default)]
pub(crate) struct Incoming {
    link: u64,
    /// The number of the last packet that was taken.
    number: u64,
    /// The pieces of a frame whose end has not come.
    partial: Vec<u8>,
    /// A receipt is due, and whether it asks for more.
    due: Option<bool>,
}

/// What came of a packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Whole frames, in order.
    pub(crate) frames: Vec<Bytes>,
    /// The peer has given up the link that was, and begun another: what was on its way is lost.
    pub(crate) restarted: bool,
}

impl Incoming {
    /// Takes a packet if it is the next one.
    pub(crate) fn take(&mut self, packet: Packet) -> Taken {
        let mut taken = Taken::default();
        if packet.link < self.link {
            return taken;
        }
        if packet.link > self.link {
            if packet.number != 1 {
                // Its beginning was lost; the receipt of nothing has it sent again.
                self.due = Some(true);
                return self.begin(&packet, taken);
            }
            taken = self.begin(&packet, taken);
        }
        if packet.number != self.number + 1 {
            let again = packet.number > self.number;
            self.due = Some(self.due.unwrap_or(false) || again);
            return taken;
        }
        self.number = packet.number;
        self.due = Some(false);
        if packet.more || !self.partial.is_empty() {
            packet.frames.iter().for_each(|piece| self.partial.extend_from_slice(piece));
            if !packet.more {
                taken.frames.push(std::mem::take(&mut self.partial).into());
            }
        } else {
            taken.frames = packet.frames;
        }
        taken
    }

    fn begin(&mut self, packet: &Packet, taken: Taken) -> Taken {
        let restarted = packet.restart || self.link != 0;
        (self.link, self.number) = (packet.link, 0);
        self.partial.clear();
        Taken { restarted: taken.restarted || restarted, ..taken }
    }

    /// The receipt that is due, if one is.
    pub(crate) fn receipt(&mut self) -> Option<Receipt> {
        let again = self.due.take()?;
        Some(Receipt { link: self.link, number: self.number, again })
    }
}
