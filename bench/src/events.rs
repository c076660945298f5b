//! Measures blocking user events: clients that each raise one and wait for its answer, beside the same requests made straight to the handler.

use crate::affinity;
use crate::clock::Clock;
use crate::connect::{self, Opening};
use crate::frame;
use crate::histogram::Histogram;
use crate::options::Options;
use crate::process::Server;
use crate::response;
use crate::scenario::{Events, Protocol};
use crate::side::Contender;
use crate::token::Signer;
use crate::wire::{Handler, Wire};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Nothing is counted before that: connections are made, the handler is validated, pools are filled.
const WARM_UP_NS: u64 = 500_000_000;
/// Far longer than any event takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one run showed.
#[derive(Clone, Serialize)]
pub(crate) struct Measured {
    pub(crate) events_per_s: f64,
    pub(crate) latency_p50_us: f64,
    pub(crate) latency_p99_us: f64,
}

/// Starts the handler, and in front of it the service or nothing, and keeps one event of each client under way.
///
/// Nothing is pinned to one CPU, and the generator sleeps: where two or three processes share two CPUs, the system places them better.
pub(crate) fn run(contender: &Contender, scenario: &Events, options: &Options) -> Result<Measured> {
    affinity::pin_to(&[&options.server_cpu[..], &[options.generator_cpu]].concat())?;
    let handler = match options.handler() {
        Some(program) => Server::start_here(program, &[""; 0])?,
        None => Server::start_here(&std::env::current_exe().context("cannot name this binary")?, &["echo"])?,
    };
    let mut wire = Wire::new()?;
    if contender.is_reference {
        let address: SocketAddr = handler.host.parse()?;
        for _ in 0..scenario.clients {
            connect::add(&mut wire, address)?;
        }
        let request = request(&handler.host, scenario.payload_bytes);
        return exchange(&mut wire, &request, scenario, options, read_answers);
    }
    let settings = write_settings(&handler.host)?;
    let mut arguments: Vec<&OsStr> = contender.arguments.iter().map(OsStr::new).collect();
    arguments.extend([OsStr::new("--config"), settings.as_os_str()]);
    let service = Server::start_here(&contender.program, &arguments)?;
    let signer = Signer::new(&service.access_key);
    let audience = format!("http://{}/client/hubs/bench", service.host);
    let openings = (0..scenario.clients).map(|client| {
        let token = signer.client(&audience, &format!("user{client}"), &[])?;
        Ok(Opening::plain(format!("/client/hubs/bench?access_token={token}"), Protocol::Simple))
    });
    let openings: Vec<Opening> = openings.collect::<Result<_>>()?;
    connect::open_clients(&mut wire, &service.host, &openings)?;
    let mut event = Vec::new();
    frame::write_client(&mut event, frame::TEXT, "x".repeat(scenario.payload_bytes).as_bytes());
    exchange(&mut wire, &event, scenario, options, read_frames)
}

/// Writes the service's settings; the file stays for whoever wants to see them.
fn write_settings(handler: &str) -> Result<PathBuf> {
    let path = std::env::temp_dir().join("hubwire-bench-events.toml");
    let settings = format!(
        "[[hubs.bench.event_handlers]]\nurl_template = \"http://{handler}/eventhandler/{{event}}\"\nuser_event_pattern = \"*\"\n"
    );
    std::fs::write(&path, settings).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A request as the service sends it: the handler's work is the same.
fn request(host: &str, payload_bytes: usize) -> Vec<u8> {
    let connection = "0123456789abcdef0123456789abcdef";
    let digest = "0".repeat(64);
    format!(
        "POST /eventhandler/message HTTP/1.1\r\ncontent-type: text/plain; charset=utf-8\r\nce-specversion: 1.0\r\n\
         ce-awpsversion: 1.0\r\nce-type: azure.webpubsub.user.message\r\nce-source: /hubs/bench/client/{connection}\r\n\
         ce-id: 2\r\nce-time: 2026-01-01T00:00:00Z\r\nce-connectionid: {connection}\r\nce-hub: bench\r\n\
         ce-eventname: message\r\nce-signature: sha256={digest}\r\nwebhook-request-origin: 127.0.0.1\r\n\
         x-ms-client-request-id: 00000000-0000-0000-0000-000000000000\r\nce-userid: user1\r\nhost: {host}\r\n\
         content-length: {payload_bytes}\r\n\r\n{}",
        "x".repeat(payload_bytes)
    )
    .into_bytes()
}

/// Counts whole answers, and says how many bytes they took.
type Read = fn(&[u8], &mut Vec<u8>) -> Result<(usize, usize)>;

fn read_answers(bytes: &[u8], _: &mut Vec<u8>) -> Result<(usize, usize)> {
    let (mut used, mut answers) = (0, 0);
    while let Some(answer) = response::read(&bytes[used..])? {
        ensure!(answer.status == 200, "the handler answered {}", answer.status);
        used += answer.consumed;
        answers += 1;
    }
    Ok((used, answers))
}

fn read_frames(bytes: &[u8], replies: &mut Vec<u8>) -> Result<(usize, usize)> {
    let mut answers = 0;
    let used = frame::read_all(bytes, replies, |_, _| {
        answers += 1;
        Ok(())
    })?;
    Ok((used, answers))
}

struct Exchange<'a> {
    clock: Clock,
    event: &'a [u8],
    sent_ns: Vec<u64>,
    latencies: Histogram,
    counts_from_ns: u64,
    ends_ns: u64,
    answered: u64,
    under_way: usize,
    read: Read,
}

impl Handler for Exchange<'_> {
    fn receive(&mut self, peer: usize, bytes: &[u8], replies: &mut Vec<u8>) -> Result<usize> {
        let (used, answers) = (self.read)(bytes, replies)?;
        let now_ns = self.clock.now_ns();
        for _ in 0..answers {
            if (self.counts_from_ns..self.ends_ns).contains(&now_ns) {
                self.answered += 1;
                self.latencies.record(now_ns - self.sent_ns[peer]);
            }
            if now_ns < self.ends_ns {
                self.sent_ns[peer] = now_ns;
                replies.extend_from_slice(self.event);
            } else {
                self.under_way -= 1;
            }
        }
        Ok(used)
    }
}

fn exchange(
    wire: &mut Wire,
    event: &[u8],
    scenario: &Events,
    options: &Options,
    read: Read,
) -> Result<Measured> {
    let clock = Clock::start();
    let start_ns = clock.now_ns();
    let counts_from_ns = start_ns + WARM_UP_NS;
    let duration_ns = options.seconds * 1_000_000_000;
    let mut exchange = Exchange {
        clock,
        event,
        sent_ns: vec![start_ns; scenario.clients],
        latencies: Histogram::new(),
        counts_from_ns,
        ends_ns: counts_from_ns + duration_ns,
        answered: 0,
        under_way: scenario.clients,
        read,
    };
    for peer in 0..scenario.clients {
        wire.peer(peer).send(event)?;
    }
    let mut heard_ns = start_ns;
    while exchange.under_way > 0 {
        if wire.poll_for(&mut exchange, PATIENCE)? {
            heard_ns = clock.now_ns();
        }
        let silent = Duration::from_nanos(clock.now_ns() - heard_ns);
        ensure!(silent < PATIENCE, "no event was answered for {} s", PATIENCE.as_secs());
    }
    Ok(Measured {
        events_per_s: exchange.answered as f64 * 1e9 / duration_ns as f64,
        latency_p50_us: exchange.latencies.percentile(0.5) as f64 / 1e3,
        latency_p99_us: exchange.latencies.percentile(0.99) as f64 / 1e3,
    })
}
