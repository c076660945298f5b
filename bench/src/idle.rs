//! Measures what an idle connection costs a server.

use crate::affinity;
use crate::clock::Clock;
use crate::connect::{self, Opening};
use crate::cpu;
use crate::frame;
use crate::options::Options;
use crate::process::Server;
use crate::scenario::Idle;
use crate::side::Contender;
use crate::token::Signer;
use crate::wire::{Handler, Wire};
use anyhow::Result;
use serde::Serialize;

/// Everything that connecting causes is over after this.
const SETTLE_NS: u64 = 1_000_000_000;
/// How long the idle connections are then watched for what they cost while nothing happens.
const WATCH_NS: u64 = 2_000_000_000;
/// Groups that share the idle connections besides the one that holds all.
const ROOMS: usize = 1000;

/// What one run showed.
#[derive(Clone, Serialize)]
pub(crate) struct Measured {
    /// Growth of the server's resident memory for each connection; kernel memory is not part of it.
    pub(crate) resident_bytes_per_connection: f64,
    /// The same by private pages.
    pub(crate) private_bytes_per_connection: f64,
    /// Server CPU to accept, authorise and upgrade one connection.
    pub(crate) cpu_us_per_accept: f64,
    pub(crate) accepts_per_s: f64,
    /// Server CPU while all connections are idle, in CPU-milliseconds a second.
    pub(crate) idle_cpu_ms_per_s: f64,
    pub(crate) resident_before_bytes: u64,
    pub(crate) resident_after_bytes: u64,
}

/// Starts the contender, connects, and compares its memory and CPU before and after.
pub(crate) fn run(contender: &Contender, scenario: &Idle, options: &Options) -> Result<Measured> {
    affinity::require_descriptors(scenario.connections)?;
    let mut server = Server::start(contender, &options.server_cpu, options.generator_cpu)?;
    let openings = openings(scenario, &server, contender.is_reference)?;
    let (clock, mut wire) = (Clock::start(), Wire::new()?);
    pause(&mut wire, clock, SETTLE_NS)?;
    let (memory, cpu_ns, start_ns) =
        (cpu::memory(server.id())?, cpu::process_ns(server.id())?, clock.now_ns());
    connect::open_clients(&mut wire, &server.host, &openings)?;
    let connected_ns = clock.now_ns();
    pause(&mut wire, clock, SETTLE_NS)?;
    let (memory_after, cpu_after_ns) = (cpu::memory(server.id())?, cpu::process_ns(server.id())?);
    pause(&mut wire, clock, WATCH_NS)?;
    let watched_ns = cpu::process_ns(server.id())? - cpu_after_ns;
    server.ensure_alive()?;
    let connections = scenario.connections as f64;
    let growth = |before: u64, after: u64| (after as f64 - before as f64) / connections;
    Ok(Measured {
        resident_bytes_per_connection: growth(memory.resident_bytes, memory_after.resident_bytes),
        private_bytes_per_connection: growth(memory.private_bytes, memory_after.private_bytes),
        cpu_us_per_accept: (cpu_after_ns - cpu_ns) as f64 / 1e3 / connections,
        accepts_per_s: connections * 1e9 / (connected_ns - start_ns) as f64,
        idle_cpu_ms_per_s: watched_ns as f64 * 1e3 / WATCH_NS as f64,
        resident_before_bytes: memory.resident_bytes,
        resident_after_bytes: memory_after.resident_bytes,
    })
}

fn openings(scenario: &Idle, server: &Server, is_reference: bool) -> Result<Vec<Opening>> {
    let signer = Signer::new(&server.access_key);
    let audience = format!("http://{}/client/hubs/bench", server.host);
    let opening = |client: usize| {
        let groups = [format!("room{}", client % ROOMS), "all".to_owned()];
        let token = signer.client(&audience, &format!("user{client}"), &groups)?;
        let suffix = if is_reference { format!("&g={}", client % ROOMS) } else { String::new() };
        let target = format!("/client/hubs/bench?access_token={token}{suffix}");
        Ok(Opening::plain(target, scenario.protocol))
    };
    (0..scenario.connections).map(opening).collect()
}

/// Polls for a time, answering pings.
fn pause(wire: &mut Wire, clock: Clock, duration_ns: u64) -> Result<()> {
    let end_ns = clock.now_ns() + duration_ns;
    while clock.now_ns() < end_ns {
        wire.poll(&mut Listening)?;
    }
    Ok(())
}

struct Listening;

impl Handler for Listening {
    fn receive(&mut self, _peer: usize, bytes: &[u8], replies: &mut Vec<u8>) -> Result<usize> {
        frame::read_all(bytes, replies, |_, _| Ok(()))
    }
}
