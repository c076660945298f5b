//! Measures one run.

use super::session::Session;
use super::viewer::Viewer;
use crate::affinity;
use crate::cpu;
use crate::ledger::Counts;
use crate::options::Options;
use crate::pace::Pace;
use crate::process::Server;
use crate::scenario::Fanout;
use crate::side::Contender;
use crate::stamp::{GROUPS_MAX, STAMP_BYTES};
use crate::wire::Wire;
use anyhow::{Result, ensure};
use serde::Serialize;

/// What one run showed. Latency is from publishing (or from when a paced publish was due) to the generator's read.
#[derive(Clone, Serialize)]
pub(crate) struct Measured {
    pub(crate) deliveries_per_s: f64,
    pub(crate) latency_p50_us: f64,
    pub(crate) latency_p90_us: f64,
    pub(crate) latency_p99_us: f64,
    pub(crate) latency_max_us: f64,
    /// From publishing (or being due) to the server's answer; 0 where it answers nothing.
    pub(crate) answer_p50_us: f64,
    pub(crate) answer_p99_us: f64,
    /// CPU of all servers, user and system, for each delivery; equally CPU-seconds for a million deliveries.
    pub(crate) cpu_us_per_delivery: f64,
    /// CPU of the NATS server between the nodes for each delivery, and for each publish.
    pub(crate) nats_us_per_delivery: f64,
    pub(crate) nats_us_per_publish: f64,
    /// Server CPU for each publish, all its deliveries included.
    pub(crate) cpu_us_per_publish: f64,
    pub(crate) publishes_per_s: f64,
    /// Bytes of a delivered frame, without its header.
    pub(crate) bytes_per_delivery: f64,
    /// Share of the run in which the server was on its CPU.
    pub(crate) server_cpu_percent: f64,
    /// Share of the run in which something else was on the server's CPU.
    pub(crate) foreign_cpu_percent: f64,
    /// Share of the run in which the generator handled what it received; near 100 it is the bottleneck.
    pub(crate) generator_busy_percent: f64,
    /// Share of the run in which the generator was on its CPU, where it belongs all the time.
    pub(crate) generator_cpu_percent: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) seconds: f64,
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// Deliveries that never came.
    pub(crate) lost: u64,
    /// Publishes that the server never answered.
    pub(crate) unanswered: u64,
    /// Polls at which a due publish had to wait because too many messages were in flight.
    pub(crate) held: u64,
    pub(crate) sequence_acks: u64,
}

/// CPU readings at one moment.
struct Reading {
    server_ns: u64,
    nats_ns: u64,
    /// Anything on the server's CPU.
    busy_ns: u64,
    generator_ns: u64,
    receiving_ns: u64,
    at_ns: u64,
}

/// Starts the contender, connects, warms up, publishes for the time asked for, and waits for the last delivery.
pub(crate) fn run(contender: &Contender, scenario: &Fanout, options: &Options) -> Result<Measured> {
    check(scenario)?;
    let server = Server::start(contender, &options.server_cpu, options.generator_cpu)?;
    measure(&mut [server], None, contender.is_reference, (scenario, options))
}

/// The same with nodes of the service that are one, and the NATS server between them. The first node has the publishers, the others have
/// the subscribers.
pub(crate) fn run_over(
    nodes: &mut [Server],
    nats: Option<u32>,
    scenario: &Fanout,
    options: &Options,
) -> Result<Measured> {
    check(scenario)?;
    measure(nodes, nats, false, (scenario, options))
}

fn check(scenario: &Fanout) -> Result<()> {
    ensure!(scenario.payload_bytes >= STAMP_BYTES, "a payload needs {STAMP_BYTES} bytes for its stamp");
    affinity::require_descriptors(scenario.connections() + scenario.publishers)?;
    let (groups, each) = (scenario.groups, scenario.groups_each);
    ensure!(groups.is_multiple_of(each), "{groups} groups are not a multiple of {each} for each subscriber");
    ensure!(scenario.groups <= GROUPS_MAX, "more than {GROUPS_MAX} groups");
    Ok(())
}

fn measure(
    servers: &mut [Server],
    nats: Option<u32>,
    is_reference: bool,
    (scenario, options): (&Fanout, &Options),
) -> Result<Measured> {
    let viewers = (0..scenario.viewers).map(|_| Viewer::follow(&servers[0].host));
    let viewers = viewers.collect::<Result<Vec<_>>>()?;
    let mut session = Session::open(scenario, servers, is_reference)?;
    session.settle()?;
    session.warm_up()?;
    session.settle()?;
    let before = read(servers, nats, &session, options)?;
    let mut pace = Pace::new(scenario.speed, scenario.subscribers, before.at_ns);
    session.publish_until(before.at_ns + options.seconds * 1_000_000_000, &mut pace)?;
    session.drain()?;
    let after = read(servers, nats, &session, options)?;
    // Duplicates of the last messages would come about now.
    session.settle()?;
    servers.iter_mut().try_for_each(Server::ensure_alive)?;
    drop(viewers);
    let mut resident_bytes = 0;
    for server in servers {
        resident_bytes += cpu::memory(server.id())?.resident_bytes;
    }
    let held = pace.held();
    Ok(Measured { resident_bytes, held, ..summary(&session, &before, &after) })
}

/// Publishes one message to clients that are connected, and fails unless each receives it once.
pub(crate) fn call_roll(wire: Wire, scenario: &Fanout, server: &Server, is_reference: bool) -> Result<()> {
    let mut session = Session::over(wire, scenario, server, is_reference)?;
    let mut pace = Pace::new(scenario.speed, scenario.subscribers, session.traffic.clock.now_ns());
    session.publish_some(1, &mut pace)?;
    session.settle()?;
    let (counts, missing) = (session.traffic.ledger.counts(), session.traffic.ledger.missing());
    ensure!(missing == 0, "a message to all did not reach {missing} of {} clients", scenario.connections());
    ensure!(counts.duplicated + counts.unknown == 0, "a message to all reached some clients more than once");
    Ok(())
}

fn read(servers: &[Server], nats: Option<u32>, session: &Session, options: &Options) -> Result<Reading> {
    let mut server_ns = 0;
    for server in servers {
        server_ns += cpu::process_ns(server.id())?;
    }
    Ok(Reading {
        server_ns,
        nats_ns: nats.map_or(Ok(0), cpu::process_ns)?,
        busy_ns: cpu::busy_ns(&options.server_cpu)?,
        generator_ns: cpu::process_ns(std::process::id())?,
        receiving_ns: session.wire.busy_ns(),
        at_ns: session.traffic.clock.now_ns(),
    })
}

fn summary(session: &Session, before: &Reading, after: &Reading) -> Measured {
    let traffic = &session.traffic;
    let counts = traffic.ledger.counts();
    let elapsed_ns = (after.at_ns - before.at_ns) as f64;
    let delivery_ns = traffic.last_delivery_ns.saturating_sub(before.at_ns).max(1) as f64;
    let server_ns = after.server_ns.saturating_sub(before.server_ns) as f64;
    let nats_ns = after.nats_ns.saturating_sub(before.nats_ns) as f64;
    let foreign_ns = (after.busy_ns - before.busy_ns) as f64 - server_ns - nats_ns;
    let percent = |part_ns: u64| 100.0 * part_ns as f64 / elapsed_ns;
    let latency_us = |fraction| traffic.latency.percentile(fraction) as f64 / 1e3;
    let answer_us = |fraction| traffic.answers.latency.percentile(fraction) as f64 / 1e3;
    Measured {
        deliveries_per_s: counts.delivered as f64 * 1e9 / delivery_ns,
        latency_p50_us: latency_us(0.5),
        latency_p90_us: latency_us(0.9),
        latency_p99_us: latency_us(0.99),
        latency_max_us: traffic.latency.max() as f64 / 1e3,
        answer_p50_us: answer_us(0.5),
        answer_p99_us: answer_us(0.99),
        cpu_us_per_delivery: server_ns / 1e3 / counts.delivered.max(1) as f64,
        nats_us_per_delivery: nats_ns / 1e3 / counts.delivered.max(1) as f64,
        nats_us_per_publish: nats_ns / 1e3 / counts.published.max(1) as f64,
        cpu_us_per_publish: server_ns / 1e3 / counts.published.max(1) as f64,
        bytes_per_delivery: traffic.payload_bytes as f64 / counts.delivered.max(1) as f64,
        publishes_per_s: counts.published as f64 * 1e9 / elapsed_ns,
        server_cpu_percent: 100.0 * server_ns / elapsed_ns,
        foreign_cpu_percent: (100.0 * foreign_ns / elapsed_ns).max(0.0),
        generator_busy_percent: percent(after.receiving_ns - before.receiving_ns),
        generator_cpu_percent: percent(after.generator_ns.saturating_sub(before.generator_ns)),
        resident_bytes: 0,
        seconds: elapsed_ns / 1e9,
        counts,
        lost: traffic.ledger.missing(),
        unanswered: traffic.answers.waiting(),
        held: 0,
        sequence_acks: traffic.acks.as_ref().map_or(0, |acks| acks.sent()),
    }
}
