//! What comes from other nodes. It goes to the shards of this process and nowhere else, so nothing can go round in circles.

use bytes::Bytes;
use hubwire_hub::{Command, Letter, Router as _};
use prost::Message;

use super::decode::{self, DecodeError};
use super::mesh::{Errand, Mesh, RelayEvent};
use super::schema::{self, Body, Content, Datagram, Frame, Packet};

impl Mesh {
    /// Takes in what has come from NATS.
    pub(crate) fn receive(&mut self, datagram: Bytes, now_ms: u64) {
        self.now_ms = now_ms;
        match Datagram::decode(datagram) {
            Ok(Datagram { from, body: Some(body) }) => self.take_body(from, body),
            Ok(_) => refuse(&DecodeError::Part("what a node says")),
            Err(error) => refuse(&error.into()),
        }
    }

    fn take_body(&mut self, node: u32, body: Body) {
        if node == self.backlog.node {
            // Its own messages do not come back, so this is another node with the same number: one chance in four thousand million.
            tracing::error!("another node of the cluster has the number of this one: restart one of them");
            return;
        }
        if let Body::Hello(hello) = body {
            return self.greet(node, hello);
        }
        // Nodes introduce themselves; until then nothing of them is taken, and they send it again.
        let Some(peer) = self.peers.get_mut(&node) else {
            return;
        };
        peer.heard_ms = self.now_ms;
        match body {
            Body::Receipt(receipt) => {
                let mut packets = Vec::new();
                peer.outgoing.receive(receipt, self.now_ms, &mut packets);
                let to = super::mesh::Destination::Node(node);
                self.out.extend(packets.into_iter().map(|packet| (to, packet)));
            }
            Body::Packet(packet) => self.take_packet(node, packet),
            Body::Goodbye(goodbye) => {
                if goodbye.lost.contains(&self.backlog.node) {
                    self.end_sessions();
                }
                if goodbye.heir != 0 {
                    self.backlog.set_heir(node, goodbye.heir);
                }
                tracing::info!(node = format!("{node:08x}"), "a node has left the cluster");
                self.remove(node);
                self.sweep_soon(Some(node));
            }
            Body::Hello(_) => {}
        }
    }

    fn take_packet(&mut self, node: u32, packet: Packet) {
        let taken = self.incoming.entry(node).or_default().take(packet);
        if taken.restarted
            && let Some(peer) = self.peers.get_mut(&node)
        {
            // It had taken this node for dead, and forgotten what it is interested in.
            peer.outgoing.push(self.announced.frame(), self.items);
            peer.missed_until = Some(self.items);
            self.void_told(node);
        }
        metrics::counter!("webpubsub_cluster_frames_received_total").increment(taken.frames.len() as u64);
        for frame in taken.frames {
            if let Err(error) = self.take_frame(node, frame) {
                refuse(&error);
            }
        }
    }

    fn take_frame(&mut self, node: u32, frame: Bytes) -> Result<(), DecodeError> {
        let content = Frame::decode(frame)?.content.ok_or(DecodeError::Part("what a frame holds"))?;
        match content {
            Content::Envelope(envelope) => self.local.deliver(&decode::envelope(envelope)?),
            Content::Letter(letter) => self.take_letter(node, letter)?,
            Content::Command(command) => {
                let (ticket, cause) = (command.ticket, decode::cause(command.cause.as_deref()));
                if self.handovers.is_under_way() {
                    // Nobody can say anything about sessions that are on their way.
                    let answer = super::encode::answer(ticket, None);
                    self.push(node, super::encode::frame(Content::Answer(answer)));
                    return Ok(());
                }
                match decode::command(command) {
                    Ok((hub, command)) => {
                        let joins = matches!(command, Command::Join(..) | Command::JoinMatching(..));
                        // Handed to the workers now, so that what the node sent before and behind it stays there.
                        let reply = self.local.execute_for(cause, hub, command);
                        self.errands.push(Errand::Answer { node, ticket, reply, joins });
                    }
                    Err(error) => {
                        let answer = super::encode::misunderstood(ticket);
                        self.push(node, super::encode::frame(Content::Answer(answer)));
                        return Err(error);
                    }
                }
            }
            Content::Answer(answer) => {
                let ticket = answer.ticket;
                self.calls.answer(ticket, node, decode::answer(answer)?);
            }
            Content::Interests(interests) => self.learn_all(node, &interests),
            Content::Interest(interest) => self.learn(node, interest),
            Content::Pause(pause) => self.take_pause(node, pause),
            Content::Paused(paused) => self.take_paused(node, paused),
            Content::Luggage(luggage) => self.take_luggage(node, luggage)?,
            Content::Heir(heir) => self.take_heir(node, heir),
            Content::Keeper(keeper) => {
                self.learn_keeper(node, (&keeper.nodes, keeper.term));
                if let Some(peer) = self.peers.get_mut(&node) {
                    peer.keeper_of = keeper.nodes;
                }
            }
            Content::View(view) => self.take_view(node, view),
            Content::RelayOpen(open) => self.relay(node, RelayEvent::Open(open)),
            Content::RelayData(data) => self.relay(node, RelayEvent::Data(data)),
            Content::RelayClose(close) => self.relay(node, RelayEvent::Close(close)),
        }
        Ok(())
    }

    fn take_letter(&mut self, node: u32, letter: schema::Letter) -> Result<(), DecodeError> {
        let (recipient, letter) = decode::letter(letter, node)?;
        if let Letter::StateChanged { hub, group, .. } = &letter
            && self.backlog.home(hub, group) != node
        {
            // The group has another home by now, or will have: subscribers are told a snapshot by that one.
            return Ok(());
        }
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.note_arrival(&letter);
        }
        self.local.send(&recipient, &letter);
        Ok(())
    }

    fn relay(&mut self, node: u32, event: RelayEvent) {
        self.errands.push(Errand::Relay { node, event });
    }
}

pub(super) fn refuse(error: &DecodeError) {
    metrics::counter!("webpubsub_cluster_decode_errors_total").increment(1);
    tracing::error!(%error, "what a node of the cluster sent is not understood");
}
