//! Measures joining and leaving groups in which others stay.

use crate::affinity;
use crate::clock::Clock;
use crate::connect::{self, Opening};
use crate::cpu;
use crate::frame;
use crate::options::Options;
use crate::process::Server;
use crate::scenario::{Churn, Protocol};
use crate::side::Contender;
use crate::token::Signer;
use crate::wire::{Handler, Wire};
use anyhow::{Result, ensure};
use serde::Serialize;

/// Connections that join and leave.
const CHURNERS: usize = 8;
/// Joins, each followed by its leave, that a connection sends at once before it waits for the answers: so that the server's reads and
/// writes are shared by many, and most of what is measured is the groups.
const BATCH: usize = 16;
/// A prime, so that neighbours in time are no neighbours in memory, and every group has its turn.
const STRIDE: usize = 7919;
/// Everything that connecting causes is over after this much silence.
const SETTLE_NS: u64 = 300_000_000;
const WARM_UP_NS: u64 = 500_000_000;
const STALL_NS: u64 = 5_000_000_000;

/// What one run showed.
#[derive(Clone, Serialize)]
pub(crate) struct Measured {
    /// Joins and leaves a second, a join and its leave counted as one.
    pub(crate) pairs_per_s: f64,
    pub(crate) cpu_us_per_pair: f64,
    pub(crate) pairs: u64,
    pub(crate) seconds: f64,
    pub(crate) server_cpu_percent: f64,
    pub(crate) foreign_cpu_percent: f64,
    pub(crate) resident_bytes: u64,
}

/// Starts the contender, lets members join to stay, and then others come and go.
pub(crate) fn run(contender: &Contender, scenario: &Churn, options: &Options) -> Result<Measured> {
    ensure!(
        scenario.members <= scenario.connections,
        "{} members of one group need as many connections",
        scenario.members
    );
    affinity::require_descriptors(scenario.connections + CHURNERS)?;
    let mut server = Server::start(contender, &options.server_cpu, options.generator_cpu)?;
    let mut wire = Wire::new()?;
    connect::open_clients(&mut wire, &server.host, &openings(scenario, &server)?)?;
    let mut churners = Churners::new(scenario);
    wire.settle(&mut churners, SETTLE_NS)?;
    churners.keep_busy(&mut wire, WARM_UP_NS)?;
    churners.pairs = 0;
    let (cpu_ns, busy_ns) = (cpu::process_ns(server.id())?, cpu::busy_ns(&options.server_cpu)?);
    let start_ns = churners.clock.now_ns();
    churners.keep_busy(&mut wire, options.seconds * 1_000_000_000)?;
    let elapsed_ns = (churners.clock.now_ns() - start_ns) as f64;
    let server_ns = (cpu::process_ns(server.id())? - cpu_ns) as f64;
    let foreign_ns = (cpu::busy_ns(&options.server_cpu)? - busy_ns) as f64 - server_ns;
    server.ensure_alive()?;
    Ok(Measured {
        pairs_per_s: churners.pairs as f64 * 1e9 / elapsed_ns,
        cpu_us_per_pair: server_ns / 1e3 / churners.pairs.max(1) as f64,
        pairs: churners.pairs,
        seconds: elapsed_ns / 1e9,
        server_cpu_percent: 100.0 * server_ns / elapsed_ns,
        foreign_cpu_percent: (100.0 * foreign_ns / elapsed_ns).max(0.0),
        resident_bytes: cpu::memory(server.id())?.resident_bytes,
    })
}

/// Those who stay, then those who come and go.
fn openings(scenario: &Churn, server: &Server) -> Result<Vec<Opening>> {
    let (signer, path) = (Signer::new(&server.access_key), "/client/hubs/bench");
    let audience = format!("http://{}{path}", server.host);
    let membership = scenario.membership();
    let openings = (0..scenario.connections + CHURNERS).map(|client| {
        let groups: Vec<String> = match client < scenario.connections {
            true => membership.groups_of(client).map(|group| format!("g{group}")).collect(),
            false => Vec::new(),
        };
        let token = signer.client(&audience, &format!("user{client}"), &groups)?;
        Ok(Opening::plain(format!("{path}?access_token={token}"), Protocol::Json))
    });
    openings.collect()
}

struct Churners {
    clock: Clock,
    first: usize,
    groups: usize,
    next_group: usize,
    next_ack_id: u64,
    /// Answers that each churner waits for.
    unanswered: [usize; CHURNERS],
    pairs: u64,
    ends_ns: u64,
}

impl Churners {
    fn new(scenario: &Churn) -> Self {
        Self {
            clock: Clock::start(),
            first: scenario.connections,
            groups: scenario.groups,
            next_group: 0,
            next_ack_id: 1,
            unanswered: [0; CHURNERS],
            pairs: 0,
            ends_ns: 0,
        }
    }

    /// Lets them come and go for a time, and waits for the last answer.
    fn keep_busy(&mut self, wire: &mut Wire, duration_ns: u64) -> Result<()> {
        self.ends_ns = self.clock.now_ns() + duration_ns;
        for churner in 0..CHURNERS {
            let mut frames = Vec::new();
            self.write_batch(churner, &mut frames);
            wire.peer(self.first + churner).send(&frames)?;
        }
        let mut heard_ns = self.clock.now_ns();
        while self.unanswered.iter().any(|count| *count > 0) {
            let received = wire.poll(self)?;
            let now_ns = self.clock.now_ns();
            heard_ns = if received { now_ns } else { heard_ns };
            ensure!(now_ns - heard_ns < STALL_NS, "joins and leaves were not answered for 5 s");
        }
        Ok(())
    }

    fn write_batch(&mut self, churner: usize, out: &mut Vec<u8>) {
        for _ in 0..BATCH {
            self.next_group = (self.next_group + STRIDE) % self.groups;
            for kind in ["joinGroup", "leaveGroup"] {
                let (group, ack_id) = (self.next_group, self.next_ack_id);
                let text = format!(r#"{{"type":"{kind}","group":"g{group}","ackId":{ack_id}}}"#);
                frame::write_client(out, frame::TEXT, text.as_bytes());
                self.next_ack_id += 1;
            }
        }
        self.unanswered[churner] = 2 * BATCH;
    }
}

impl Handler for Churners {
    fn receive(&mut self, peer: usize, bytes: &[u8], replies: &mut Vec<u8>) -> Result<usize> {
        let Some(churner) = peer.checked_sub(self.first) else {
            return frame::read_all(bytes, replies, |_, _| Ok(()));
        };
        let mut answers = 0;
        let used = frame::read_all(bytes, replies, |frame, _| {
            if memchr::memmem::find(frame.payload, br#""type":"ack""#).is_some() {
                let succeeded = memchr::memmem::find(frame.payload, br#""success":true"#).is_some();
                ensure!(succeeded, "refused: {}", String::from_utf8_lossy(frame.payload));
                answers += 1;
            }
            Ok(())
        })?;
        if answers == 0 {
            return Ok(used);
        }
        ensure!(answers <= self.unanswered[churner], "an answer to nothing");
        self.unanswered[churner] -= answers;
        if self.unanswered[churner] == 0 {
            self.pairs += BATCH as u64;
            if self.clock.now_ns() < self.ends_ns {
                self.write_batch(churner, replies);
            }
        }
        Ok(used)
    }
}
