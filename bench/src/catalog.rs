//! The scenarios of `all`, and running them one after the other.

use crate::events;
use crate::fanout;
use crate::idle;
use crate::options::Options;
use crate::row::{self, Measure, Pair};
use crate::runs::Runs;
use crate::scenario::{Events, Fanout, Idle, Protocol, PublishPath, Speed};
use crate::side::{Contender, Side};
use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

const RATE: Speed = Speed::Rate(50_000);
const FULL: Speed = Speed::Full { window: 256 };

/// A scenario of any kind.
#[derive(Clone, Copy)]
pub(crate) enum Entry {
    Fanout(Fanout),
    Idle(Idle),
    Events(Events),
}

/// Every shape and payload size over WebSocket and JSON, the other protocols and REST on one or two shapes, idle connections, and user
/// events.
pub(crate) fn all() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (subscribers, groups) in [(100, 1), (1000, 1), (10_000, 1), (10, 1000)] {
        for payload_bytes in [64, 1024] {
            for speed in [RATE, FULL] {
                entries.push(websocket(subscribers, groups, payload_bytes, speed, Protocol::Json));
            }
        }
    }
    for protocol in [Protocol::Reliable, Protocol::Protobuf, Protocol::ReliableProtobuf, Protocol::Simple] {
        entries.extend([RATE, FULL].map(|speed| websocket(1000, 1, 64, speed, protocol)));
    }
    for (subscribers, groups) in [(100, 1), (10, 1000)] {
        entries.extend([RATE, FULL].map(|speed| rest(subscribers, groups, speed)));
    }
    entries.extend(
        [10_000, 19_000].map(|connections| Entry::Idle(Idle { connections, protocol: Protocol::Json })),
    );
    entries.extend([1, 64, 512].map(|clients| Entry::Events(Events { clients, payload_bytes: 64 })));
    entries
}

fn websocket(
    subscribers: usize,
    groups: usize,
    payload_bytes: usize,
    speed: Speed,
    protocol: Protocol,
) -> Entry {
    let (path, publishers, fire_and_forget) = (PublishPath::Websocket, 1, false);
    Entry::Fanout(Fanout {
        subscribers,
        groups,
        payload_bytes,
        speed,
        path,
        publishers,
        protocol,
        fire_and_forget,
    })
}

fn rest(subscribers: usize, groups: usize, speed: Speed) -> Entry {
    let (path, protocol, payload_bytes, fire_and_forget) = (PublishPath::Rest, Protocol::Json, 64, false);
    let publishers = usize::from(path.default_publishers());
    Entry::Fanout(Fanout {
        subscribers,
        groups,
        payload_bytes,
        speed,
        path,
        publishers,
        protocol,
        fire_and_forget,
    })
}

/// One run, as stored.
#[derive(Serialize)]
struct RunRecord<'a, S, M> {
    record: &'static str,
    name: String,
    scenario: &'a S,
    side: Side,
    self_check: bool,
    round: u32,
    measured: Option<&'a M>,
    error: Option<String>,
}

/// One row, as stored.
#[derive(Serialize)]
struct RowRecord<'a, S> {
    record: &'static str,
    name: String,
    scenario: &'a S,
    self_check: bool,
    rounds: u32,
    medians: std::collections::BTreeMap<&'static str, Pair>,
}

/// Runs the entries, prints a row for each and stores every run. A failing scenario does not stop the others, but
/// the whole then ends with an error.
pub(crate) fn run(options: &Options, entries: &[Entry]) -> Result<()> {
    let runs = Runs::new(&options.runs);
    let bench = Bench { options, runs: &runs };
    let mut failed = Vec::new();
    for entry in entries {
        let (name, result) = match entry {
            Entry::Fanout(scenario) => (scenario.to_string(), bench.fanout(scenario)),
            Entry::Idle(scenario) => (scenario.to_string(), bench.idle(scenario)),
            Entry::Events(scenario) => (scenario.to_string(), bench.events(scenario)),
        };
        if let Err(error) = result {
            println!("{name:<36}FAILED: {error:#}");
            failed.push(name);
        }
    }
    println!("\nraw results: {}", runs.folder().display());
    if !failed.is_empty() {
        bail!("failed: {}", failed.join("; "));
    }
    Ok(())
}

struct Bench<'a> {
    options: &'a Options,
    runs: &'a Runs,
}

impl Bench<'_> {
    fn fanout(&self, scenario: &Fanout) -> Result<()> {
        let name = scenario.to_string();
        let (service, reference) = self.interleave("fanout", &name, scenario, fanout::run)?;
        self.finish("fanout", &name, scenario, &row::FANOUT, &service, &reference)?;
        let service_right = row::print_faults(Side::Service, &service);
        let reference_right = row::print_faults(Side::Reference, &reference);
        ensure!(
            service_right && reference_right,
            "messages were lost, duplicated, reordered or not answered"
        );
        Ok(())
    }

    fn idle(&self, scenario: &Idle) -> Result<()> {
        let name = scenario.to_string();
        let (service, reference) = self.interleave("idle", &name, scenario, idle::run)?;
        self.finish("idle", &name, scenario, &row::IDLE, &service, &reference)
    }

    fn events(&self, scenario: &Events) -> Result<()> {
        let name = scenario.to_string();
        let (service, reference) = self.interleave("events", &name, scenario, events::run)?;
        self.finish("events", &name, scenario, &row::EVENTS, &service, &reference)
    }

    /// Service, reference, service, reference, …, so that both see the same hour of the machine.
    fn interleave<S: Serialize, M: Serialize>(
        &self,
        kind: &str,
        name: &str,
        scenario: &S,
        run: impl Fn(&Contender, &S, &Options) -> Result<M>,
    ) -> Result<(Vec<M>, Vec<M>)> {
        let (mut service, mut reference) = (Vec::new(), Vec::new());
        for round in 1..=self.options.rounds {
            for (side, results) in [(Side::Service, &mut service), (Side::Reference, &mut reference)] {
                let contender = Contender::new(side, self.options)?;
                let result = run(&contender, scenario, self.options);
                let record = RunRecord {
                    record: "run",
                    name: name.to_owned(),
                    scenario,
                    side: contender.side,
                    self_check: self.options.self_check,
                    round,
                    measured: result.as_ref().ok(),
                    error: result.as_ref().err().map(|error| format!("{error:#}")),
                };
                self.runs.append(kind, &record)?;
                results
                    .push(result.with_context(|| format!("round {round}, {}", contender.program.display()))?);
            }
        }
        Ok((service, reference))
    }

    fn finish<S: Serialize, M>(
        &self,
        kind: &str,
        name: &str,
        scenario: &S,
        measures: &[Measure<M>],
        service: &[M],
        reference: &[M],
    ) -> Result<()> {
        let pairs = row::pairs(measures, service, reference);
        row::print_header(measures);
        row::print(name, &pairs);
        let record = RowRecord {
            record: "row",
            name: name.to_owned(),
            scenario,
            self_check: self.options.self_check,
            rounds: self.options.rounds,
            medians: pairs.into_iter().collect(),
        };
        self.runs.append(kind, &record)
    }
}
