//! A plain client that publishes streams. It goes with its node, and never comes back.

use std::collections::VecDeque;

use hubwire_hub::{ConnectionKey, Ending, Opening, Protocol};
use hubwire_protocol::{ConnectionId, Subprotocol};

use super::client::{opening, taken};
use super::node::Node;
use super::streamer::{Saying, Streamer};

pub(super) struct Speaker {
    pub(super) id: ConnectionId,
    pub(super) node: usize,
    worker: usize,
    key: ConnectionKey,
    /// Its node has died, or it has said goodbye.
    pub(super) gone: bool,
    /// Its node was alive when it ended.
    pub(super) has_left: bool,
    acks: u64,
    /// What its node does not read at the moment.
    unread: VecDeque<String>,
    pub(super) streams: Streamer,
}

/// A plain connection that may join and send to every group.
pub(super) fn plain(id: ConnectionId) -> Opening {
    Opening {
        protocol: Protocol::PubSub(Subprotocol::Json),
        subprotocol: Some("json.webpubsub.azure.v1".into()),
        ..opening(id)
    }
}

impl Speaker {
    pub(super) fn connect(nodes: &mut [Node], node: usize, random: u128, worker: usize) -> Self {
        let id = ConnectionId::on_node(random, nodes[node].number, worker as u8);
        let key = nodes[node].workers[worker].shard.connect(plain(id));
        nodes[node].workers[worker].carry_out();
        let (unread, streams) = (VecDeque::new(), Streamer::default());
        Self { id, node, worker, key, gone: false, has_left: false, acks: 0, unread, streams }
    }

    /// Goes on with its stream, opens one in a group, or ends it. Answers the number of the message that it has published.
    pub(super) fn stream(
        &mut self,
        nodes: &mut [Node],
        (me, group): (usize, usize),
        (ends, idle_ms): (bool, u32),
        now_ms: u64,
    ) -> Option<u64> {
        let (text, number) = match self.streams.go_on((me, group), (ends, idle_ms), &mut self.acks)? {
            Saying::Opening(text) => (text, None),
            Saying::Part(text, number) => (text, number),
        };
        self.unread.push_back(text);
        self.be_read(nodes, now_ms);
        number
    }

    /// Its node reads what it has said, unless it holds it.
    fn be_read(&mut self, nodes: &mut [Node], now_ms: u64) {
        nodes[self.node].workers[self.worker].read(self.key, &mut self.unread, now_ms);
    }

    /// Reads everything that waits for it.
    pub(super) fn read(&mut self, nodes: &mut [Node], now_ms: u64) -> Result<(), String> {
        let worker = &mut nodes[self.node].workers[self.worker];
        if worker.shard.connection_id(self.key) != Some(self.id) {
            return Err("it has ended for no reason".to_owned());
        }
        for (_, text) in taken(worker, self.key, now_ms).unwrap_or_default() {
            let is_answer = self.streams.take_answer(&text)?;
            if let Some((_, ack)) = text.split_once(r#""ackId":"#).filter(|_| !is_answer)
                && text.contains(r#""success":true"#)
            {
                let ack = ack.split(',').next().and_then(|ack| ack.parse().ok()).ok_or("no ack id")?;
                self.streams.acknowledged(ack);
            }
        }
        self.be_read(nodes, now_ms);
        Ok(())
    }

    pub(super) fn is_content(&self) -> bool {
        self.gone || self.streams.is_content()
    }

    /// It says goodbye, or its socket ends.
    pub(super) fn leave(&mut self, nodes: &mut [Node], ending: Ending, now_ms: u64) {
        let worker = &mut nodes[self.node].workers[self.worker];
        worker.shard.disconnect(self.key, ending, now_ms);
        worker.carry_out();
        (self.gone, self.has_left) = (true, true);
    }
}
