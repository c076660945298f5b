//! Cuts all clients' sockets at once, and measures how they come back.

use crate::affinity;
use crate::clock::Clock;
use crate::connect::{self, Opening};
use crate::cpu;
use crate::fanout;
use crate::frame;
use crate::histogram::Histogram;
use crate::options::Options;
use crate::process::Server;
use crate::scenario::{Fanout, Protocol, Speed, Storm};
use crate::side::Contender;
use crate::upgrade;
use crate::wire::{Handler, Wire};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use socket2::SockRef;
use std::net::SocketAddr;
use std::time::Duration;

/// Everything that connecting causes is over after this much silence.
const SETTLE_NS: u64 = 500_000_000;
/// Connections that are begun before the generator looks at what has come.
const BATCH: usize = 64;
/// Who is not back by then does not come back.
const STORM_NS_MAX: u64 = 120_000_000_000;
/// A server that refuses everybody all the time is broken, not busy.
const ERRORS_PER_CLIENT_MAX: u64 = 100;

/// What one run showed.
#[derive(Clone, Serialize)]
pub(crate) struct Measured {
    /// From the cut until the last client was back.
    pub(crate) back_ms: f64,
    /// From the cut until half of the clients were back.
    pub(crate) back_p50_ms: f64,
    pub(crate) back_p99_ms: f64,
    /// Attempts that failed and were made again.
    pub(crate) errors: u64,
    /// What the first of them said.
    pub(crate) first_error: Option<String>,
    /// Server CPU for each client, from losing its socket to serving its new one.
    pub(crate) cpu_us_per_reconnect: f64,
    pub(crate) resident_before_bytes: u64,
    pub(crate) resident_after_bytes: u64,
    pub(crate) peak_resident_bytes: u64,
}

/// Starts the contender, connects, cuts, reconnects, and calls the roll: a message to all must reach each client once.
pub(crate) fn run(contender: &Contender, scenario: &Storm, options: &Options) -> Result<Measured> {
    affinity::require_descriptors(scenario.clients + 1)?;
    let mut server = Server::start(contender, &options.server_cpu, options.generator_cpu)?;
    let everyone = Fanout::over_rest(scenario.clients, 1, Speed::Full { window: 1 });
    let everyone = Fanout { publishers: 1, ..everyone };
    let openings = fanout::openings(&everyone, &server, contender.is_reference)?;
    let mut wire = Wire::new()?;
    connect::open_clients(&mut wire, &server.host, &openings)?;
    wire.settle(&mut Returning::none(), SETTLE_NS)?;
    let resident_before_bytes = cpu::memory(server.id())?.resident_bytes;
    let cpu_ns = cpu::process_ns(server.id())?;
    wire.clear(|stream| Ok(SockRef::from(stream).set_linger(Some(Duration::ZERO))?))?;
    let mut returning = Returning::new(&server.host, &openings)?;
    let back_ns = returning.bring_back(&mut wire)?;
    wire.settle(&mut returning, SETTLE_NS)?;
    let server_ns = cpu::process_ns(server.id())? - cpu_ns;
    let memory = cpu::memory(server.id())?;
    fanout::call_roll(wire, &everyone, &server, contender.is_reference)?;
    server.ensure_alive()?;
    Ok(Measured {
        back_ms: back_ns as f64 / 1e6,
        back_p50_ms: returning.back.percentile(0.5) as f64 / 1e6,
        back_p99_ms: returning.back.percentile(0.99) as f64 / 1e6,
        errors: returning.errors,
        first_error: returning.first_error,
        cpu_us_per_reconnect: server_ns as f64 / 1e3 / scenario.clients as f64,
        resident_before_bytes,
        resident_after_bytes: memory.resident_bytes,
        peak_resident_bytes: cpu::peak_bytes(server.id())?,
    })
}

/// Clients that are on their way back; peers are numbered as the openings are.
struct Returning {
    clock: Clock,
    address: Option<SocketAddr>,
    requests: Vec<String>,
    is_back: Vec<bool>,
    missing: usize,
    /// Peers whose attempt failed since the last look.
    failed: Vec<usize>,
    errors: u64,
    first_error: Option<String>,
    back: Histogram,
}

impl Returning {
    /// Nobody is away: frames are read and pings answered.
    fn none() -> Self {
        Self {
            clock: Clock::start(),
            address: None,
            requests: Vec::new(),
            is_back: Vec::new(),
            missing: 0,
            failed: Vec::new(),
            errors: 0,
            first_error: None,
            back: Histogram::new(),
        }
    }

    fn new(host: &str, openings: &[Opening]) -> Result<Self> {
        let address = host.parse().with_context(|| format!("{host} is not an address"))?;
        let request =
            |opening: &Opening| upgrade::request(host, &opening.target, opening.protocol, opening.extensions);
        Ok(Self {
            address: Some(address),
            requests: openings.iter().map(request).collect(),
            is_back: vec![false; openings.len()],
            missing: openings.len(),
            ..Self::none()
        })
    }

    /// Lets everybody connect as fast as this thread can, and again whoever fails; answers how long it took.
    fn bring_back(&mut self, wire: &mut Wire) -> Result<u64> {
        for peer in 0..self.requests.len() {
            let stream = self.connect(peer)?;
            let number = wire.add(stream)?;
            wire.peer(number).queue(self.requests[peer].as_bytes());
            if peer % BATCH == 0 {
                wire.poll(self)?;
            }
        }
        while self.missing > 0 {
            wire.poll(self)?;
            for peer in std::mem::take(&mut self.failed) {
                let stream = self.connect(peer)?;
                wire.replace(peer, stream)?;
                wire.peer(peer).queue(self.requests[peer].as_bytes());
            }
            ensure!(self.clock.now_ns() < STORM_NS_MAX, "{} clients are not back after 120 s", self.missing);
        }
        Ok(self.clock.now_ns())
    }

    fn connect(&self, peer: usize) -> Result<mio::net::TcpStream> {
        connect::begin(peer, self.address.context("nobody is away")?)
    }
}

impl Handler for Returning {
    fn receive(&mut self, peer: usize, bytes: &[u8], replies: &mut Vec<u8>) -> Result<usize> {
        match self.is_back.get_mut(peer) {
            Some(is_back @ &mut false) => {
                let Some(consumed) = upgrade::read_answer(bytes, Protocol::Json)? else {
                    return Ok(0);
                };
                *is_back = true;
                self.missing -= 1;
                self.back.record(self.clock.now_ns());
                Ok(consumed)
            }
            _ => frame::read_all(bytes, replies, |_, _| Ok(())),
        }
    }

    fn failed(&mut self, peer: usize, error: anyhow::Error) -> Result<()> {
        ensure!(self.is_back.get(peer) == Some(&false), "connection {peer}, which was back: {error:#}");
        self.first_error.get_or_insert_with(|| format!("{error:#}"));
        self.errors += 1;
        ensure!(
            self.errors <= ERRORS_PER_CLIENT_MAX * self.requests.len() as u64,
            "every attempt fails: {error:#}"
        );
        self.failed.push(peer);
        Ok(())
    }
}
