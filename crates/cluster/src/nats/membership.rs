//! Who belongs to the cluster: nodes say that they live, and one that was not heard of for the time of a lease is dead.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hubwire_hub::{Letter, Recipient};
use prost::Message;

use super::backlog::KnownNode;
use super::encode;
use super::homes::NodeHomes;
use super::link::Outgoing;
use super::mesh::{Destination, Errand, Mesh};
use super::peer::Peer;
use super::schema::{
    Body, Content, Datagram, Hello, Report, VERSION, VERSION_LEAST, VERSION_OF_PIECES, View,
};

/// The most nodes of a cluster: one bit each in the table of interests.
pub const NODES_MAX: usize = 64;
/// How often a node says that it lives while a lease lasts: so many must be lost before it is taken for dead.
pub(super) const HELLOS_PER_LEASE: u64 = 5;
/// The receiving ends that are kept of nodes that are gone; each is about a hundred bytes.
const INCOMING_MAX: usize = 4096;

impl Mesh {
    /// What this node says of itself.
    pub(super) fn hello(&self) -> Bytes {
        let report = Report {
            software: env!("CARGO_PKG_VERSION").to_owned(),
            address: self.address.clone(),
            up_ms: self.now_ms - self.started_ms,
            peers: self.peers.len() as u32,
            interests: self.announced.count,
            backlog_frames: self.backlog.link_frames.load(Ordering::Relaxed) as u64,
            backlog_bytes: self.backlog.link_bytes.load(Ordering::Relaxed) as u64,
        };
        let hello = Hello {
            version: VERSION,
            version_least: VERSION_LEAST,
            workers: self.workers,
            report: Some(report),
            heir_of: self.handovers.heir_of.iter().copied().collect(),
            keeper_of: self.keeper_of(),
            keeper_term: self.ledger.as_ref().map_or(0, |ledger| ledger.term),
        };
        Datagram { from: self.backlog.node, body: Some(Body::Hello(hello)) }.encode_to_vec().into()
    }

    /// A node lives.
    pub(super) fn greet(&mut self, node: u32, hello: Hello) {
        if hello.version < VERSION_LEAST || hello.version_least > VERSION {
            tracing::error!(
                node = format!("{node:08x}"),
                version = hello.version,
                "a node of the cluster has a version that this one does not understand; it is left out"
            );
            return;
        }
        // Who comes late learns of it so.
        for of in &hello.heir_of {
            self.backlog.set_heir(*of, node);
        }
        self.learn_keeper(node, (&hello.keeper_of, hello.keeper_term));
        // What it has said in between by way of its link, which a hello may have overtaken or come behind, holds until the next one.
        let said = self.peers.get(&node).map(|peer| &peer.keeper_of[..]).unwrap_or_default();
        self.backlog.keep_keepers(node, &[said, &hello.keeper_of[..]].concat());
        if let Some(peer) = self.peers.get_mut(&node) {
            (peer.heard_ms, peer.report) = (self.now_ms, hello.report);
            peer.keeper_of = hello.keeper_of;
            return;
        }
        let taken = self.peers.values().fold(0, |bits, peer| bits | peer.bit);
        let Some(bit) = (0..NODES_MAX - 1).map(|bit| 1_u64 << bit).find(|bit| taken & bit == 0) else {
            tracing::error!(
                node = format!("{node:08x}"),
                "the cluster has more than {NODES_MAX} nodes; this one is left out"
            );
            return;
        };
        self.lost.remove(&node);
        let again = self.met.contains(&node);
        let outgoing = self.begin_link(node);
        let mut peer = Peer::new(bit, outgoing, self.now_ms);
        (peer.report, peer.version) = (hello.report, hello.version);
        // Joins here were acknowledged without it.
        peer.missed_until = again.then_some(self.items);
        tracing::info!(node = format!("{node:08x}"), address = ?peer.report.as_ref().map(|report| &report.address), "a node has joined the cluster");
        self.peers.insert(node, peer);
        self.tell_nodes(again.then_some(node));
        // It may not have heard of this node.
        let hello = self.hello();
        self.out.push((Destination::Node(node), hello));
    }

    /// Begins a link with a node, by all that this one is interested in.
    fn begin_link(&mut self, node: u32) -> Outgoing {
        self.links += 1;
        let restart = !self.met.insert(node);
        let mut outgoing = Outgoing::new(self.backlog.node, self.links, restart);
        outgoing.push(self.announced.frame(), self.items);
        outgoing
    }

    /// Removes the nodes whose leases have ended. A node that is cut off knows nothing of the others, so it removes none.
    pub(super) fn expire(&mut self) {
        if self.backlog.cut_off.load(Ordering::Relaxed) {
            return;
        }
        let dead = |peer: &Peer| self.now_ms >= peer.heard_ms + self.limits.lease_ms;
        let expired: Vec<_> =
            self.peers.iter().filter(|(_, peer)| dead(peer)).map(|(node, _)| *node).collect();
        for node in expired {
            tracing::warn!(
                node = format!("{node:08x}"),
                "a node of the cluster was not heard of for too long and is taken for dead: limit cluster_lease_ms"
            );
            metrics::counter!("webpubsub_cluster_nodes_lost_total").increment(1);
            self.remove(node);
            self.lost.insert(node);
        }
    }

    /// A node is gone: its connections are, too, and what it was asked others must answer.
    pub(super) fn remove(&mut self, node: u32) {
        let Some(peer) = self.peers.remove(&node) else {
            return;
        };
        for slot in 0..crate::memory::SLOTS {
            self.backlog.table.set(slot, peer.bit, false);
        }
        let (frames, _) = peer.outgoing.level();
        metrics::counter!("webpubsub_cluster_frames_lost_total").increment(frames as u64);
        self.tell_nodes(None);
        self.calls.forget(node, self.backlog.has_heir(node));
        for connection in peer.holds {
            self.local.send(&Recipient::Owner(connection), &Letter::Release(connection));
        }
        for (recipient, letter) in peer.asked.into_values() {
            if let Recipient::Home(hub, group) = &recipient {
                let home = self.backlog.home(hub, group);
                self.send_letter(home, &recipient, &letter);
            }
        }
        self.forget_handover(node);
        self.sweep_soon(None);
        self.errands.push(Errand::Gone { node });
        if self.incoming.len() > INCOMING_MAX {
            let peers = &self.peers;
            self.incoming.retain(|node, _| peers.contains_key(node));
            self.met.retain(|node| peers.contains_key(node));
            self.lost.clear();
        }
    }

    /// This node was cut off and is back: nobody else could be heard meanwhile, and what was on its way may be lost.
    pub(crate) fn reconnect(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        if self.backlog.dropped.swap(false, Ordering::Relaxed) {
            // There was no room for all that the others should have had. They must know.
            let nodes: Vec<_> = self.peers.keys().copied().collect();
            for &node in &nodes {
                let outgoing = self.begin_link(node);
                if let Some(peer) = self.peers.get_mut(&node) {
                    peer.outgoing = outgoing;
                }
            }
            self.tell_homes(vec![self.backlog.node], nodes);
        }
        let mut packets = Vec::new();
        for (node, peer) in &mut self.peers {
            peer.heard_ms = now_ms;
            peer.outgoing.resend(now_ms, &mut packets);
            self.out.extend(packets.drain(..).map(|packet| (Destination::Node(*node), packet)));
        }
        self.next_hello_ms = now_ms;
    }

    /// Tells the shards that groups may have other homes than when there were other nodes.
    pub(super) fn tell_homes(&self, before: Vec<u32>, forgetful: Vec<u32>) {
        let homes = NodeHomes { before, forgetful, ..self.homes() };
        self.local.tell_all(&Letter::HomesMoved(Arc::new(homes)));
    }

    /// A node begins anew with this one: what it has told of states is void, and it tells it again.
    pub(super) fn void_told(&self, node: u32) {
        let homes = NodeHomes { void: Some(node), ..self.homes() };
        self.local.tell_all(&Letter::ViewsChanged(Arc::new(homes)));
    }

    /// A node takes the homes of some nodes for those of all groups.
    pub(super) fn take_view(&self, node: u32, view: View) {
        let homes = NodeHomes { viewer: Some((node, view.nodes)), ..self.homes() };
        self.local.tell_all(&Letter::ViewsChanged(Arc::new(homes)));
    }

    /// Homes are where they were.
    fn homes(&self) -> NodeHomes {
        let now: Vec<_> = self.backlog.nodes.load().iter().map(|known| known.node).collect();
        NodeHomes {
            own: self.backlog.node,
            before: now.clone(),
            now,
            heirs: self.backlog.heirs.load_full(),
            void: None,
            forgetful: Vec::new(),
            viewer: None,
            viewless: self
                .peers
                .iter()
                .filter(|(_, peer)| !peer.says_views())
                .map(|(node, _)| *node)
                .collect(),
            logged: self.backlog.logged.clone(),
            table: self.backlog.table.clone(),
        }
    }

    /// Lets publishers know which nodes there are; one of them may be back.
    fn tell_nodes(&mut self, back: Option<u32>) {
        let own = KnownNode { node: self.backlog.node, bit: 0 };
        let others = self.peers.iter().map(|(node, peer)| KnownNode { node: *node, bit: peer.bit });
        let is_old = |peer: &Peer| peer.version < VERSION_OF_PIECES;
        self.backlog.takes_pieces.store(!self.peers.values().any(is_old), Ordering::Relaxed);
        let before = self.backlog.nodes.swap(Arc::new(std::iter::once(own).chain(others).collect()));
        let nodes = std::iter::once(self.backlog.node).chain(self.peers.keys().copied()).collect();
        let view = encode::frame(Content::View(View { nodes }));
        for peer in self.peers.values_mut().filter(|peer| peer.says_views()) {
            peer.outgoing.push(view.clone(), self.items);
        }
        self.tell_homes(before.iter().map(|known| known.node).collect(), back.into_iter().collect());
        metrics::gauge!("webpubsub_cluster_nodes").set(1.0 + self.peers.len() as f64);
    }
}
