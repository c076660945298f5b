//! Plain publishers of streams: what they do in a course, and what holds of them when it is over.

use hubwire_hub::{Ending, Exchange as _, Occurrence};
use rand::Rng;

use super::World;
use crate::nats::streams::Subject;
use crate::nats::tests::client::GROUPS;
use crate::nats::tests::mourner::Mourner;
use crate::nats::tests::node::WORKERS;
use crate::nats::tests::speaker::Speaker;
use crate::nats::tests::streamer::OwnStream;

/// What tells streams of plain publishers from others.
const FIRST_NAME: usize = 1_000;
/// Of all times, but of those that lived at once.
const SPEAKERS_MAX: usize = 8;
const IDLE_MS: [u32; 2] = [600_000, 300];

impl World {
    pub(super) fn speak(&mut self, serving: &[usize]) {
        let living = self.speakers.iter().filter(|speaker| !speaker.gone).count();
        if living < SPEAKERS_MAX && self.rng.random_bool(0.1) {
            let node = serving[self.rng.random_range(0..serving.len())];
            let (random, worker) = (self.rng.random(), self.rng.random_range(0..WORKERS));
            self.speakers.push(Speaker::connect(&mut self.nodes, node, random, worker));
        }
        for me in 0..self.speakers.len() {
            let speaker = &self.speakers[me];
            let is_read = !speaker.gone && serving.contains(&speaker.node);
            if !is_read || self.nodes[speaker.node].workers[0].exchange.is_congested() {
                continue;
            }
            let group = self.rng.random_range(0..GROUPS.len());
            match self.rng.random_range(0..100) {
                0..20 => self.say(me, group),
                99 if self.rng.random_bool(0.2) => {
                    self.speakers[me].leave(&mut self.nodes, Ending::Lost, self.now_ms);
                }
                _ => {}
            }
        }
    }

    fn say(&mut self, me: usize, group: usize) {
        let how = (self.rng.random_bool(0.1), IDLE_MS[usize::from(self.rng.random_bool(0.2))]);
        let name = FIRST_NAME + me;
        let speaker = &mut self.speakers[me];
        let Some(number) = speaker.stream(&mut self.nodes, (name, group), how, self.now_ms) else {
            return;
        };
        let index = speaker.streams.own.len() - 1;
        let group = speaker.streams.own[index].group;
        let joined = |(_, client): &(usize, &Mourner)| !client.gone && client.joined.contains(&group);
        let members = self.clients.iter().enumerate().filter(joined);
        self.spoken.extend(members.map(|(member, _)| (member, me, index, number)));
    }

    pub(super) fn follow_speakers(&mut self, serving: &[usize]) -> Result<(), String> {
        for (index, speaker) in self.speakers.iter_mut().enumerate() {
            if !speaker.gone && serving.contains(&speaker.node) {
                let read = speaker.read(&mut self.nodes, self.now_ms);
                read.map_err(|problem| format!("speaker {index} at {} ms: {problem}", self.now_ms))?;
            }
        }
        Ok(())
    }

    /// Some say goodbye; the streams of the others stay open.
    pub(super) fn end_some_speakers(&mut self) {
        for speaker in self.speakers.iter_mut().step_by(2).filter(|speaker| !speaker.gone) {
            speaker.leave(&mut self.nodes, Ending::Normal(String::new()), self.now_ms);
        }
    }

    pub(super) fn check_speakers(&mut self) -> Result<(), String> {
        for (member, speaker, index, number) in &self.spoken {
            let (client, stream) = (&self.clients[*member], &self.speakers[*speaker].streams.own[*index]);
            let seen = client.streams.seen.get(&stream.id);
            let is_seen = seen.is_some_and(|seen| (seen.first..=seen.last).contains(number));
            if !client.gone && *number < stream.expected && !is_seen {
                return Err(format!("client {member} never saw message {number} of stream {}", stream.id));
            }
            self.report.spoken += u64::from(is_seen);
        }
        let streams = |speaker: &Speaker| speaker.streams.own.len() as u64;
        self.report.plain_streams = self.speakers.iter().map(streams).sum();
        for speaker in 0..self.speakers.len() {
            for stream in 0..self.speakers[speaker].streams.own.len() {
                self.check_spoken(speaker, stream)?;
            }
            self.check_farewell(speaker)?;
        }
        Ok(())
    }

    /// A stream has ended for who has seen something of it if it has for its publisher, or that is gone. That nothing came after an end, and no
    /// second one, was looked at when it came.
    fn check_spoken(&mut self, speaker: usize, stream: usize) -> Result<(), String> {
        let speaker = &self.speakers[speaker];
        let OwnStream { id, closed, .. } = &speaker.streams.own[stream];
        let over = speaker.gone || *closed;
        for (index, member) in self.clients.iter().enumerate().filter(|(_, member)| !member.gone) {
            let seen = member.streams.seen.get(id);
            if seen.is_some_and(|seen| seen.ended != over) {
                return Err(format!(
                    "stream {id} of {} at node {:x} (alive: {}) has ended: {over}; for client {index}: {}",
                    speaker.id, self.nodes[speaker.node].number, self.nodes[speaker.node].alive, !over
                ));
            }
            let cut_short = !speaker.has_left && speaker.gone && !closed;
            self.report.mourned += u64::from(cut_short && seen.is_some());
        }
        Ok(())
    }

    /// Nothing is left of a publisher that is gone, and its end is told by its own node alone.
    fn check_farewell(&self, speaker: usize) -> Result<(), String> {
        let speaker = &self.speakers[speaker];
        // What a node has written first when others had taken its sessions already may be left; nobody has seen anything of such a stream.
        let is_known = speaker.streams.own.iter().any(|stream| stream.expected > 1);
        let is_kept = self.streams.has(Subject::Session(speaker.id));
        if is_known && is_kept == speaker.gone {
            return Err(format!("publisher {} is in the registry: {is_kept}", speaker.id));
        }
        let mut told = 0;
        for (index, node) in self.nodes.iter().enumerate() {
            for event in node.workers.iter().flat_map(|worker| &worker.told) {
                let is_end = matches!(event.occurrence, Occurrence::Disconnected { .. });
                if event.connection == speaker.id && is_end {
                    told += 1;
                } else if event.connection == speaker.id && index != speaker.node {
                    return Err(format!("another node told {event:?} of {}", speaker.id));
                }
            }
        }
        if told != usize::from(speaker.has_left) {
            return Err(format!("the end of publisher {} was told {told} times", speaker.id));
        }
        Ok(())
    }
}
