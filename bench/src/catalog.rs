//! The scenarios of `all`, and running them one after the other.

use crate::churn;
use crate::contest::Contest;
use crate::events;
use crate::fanout;
use crate::idle;
use crate::nodes;
use crate::options::Options;
use crate::publish;
use crate::row::{self, Measure};
use crate::runs::Runs;
use crate::scenario::{Churn, Durability, Events, Fanout, Idle, Nodes, Protocol, Speed, Storm, Workers};
use crate::settings_file::SettingsFile;
use crate::side::{Contender, Corner};
use crate::storm;
use crate::tls;
use anyhow::{Result, bail, ensure};

const RATE: Speed = Speed::Rate(50_000);
const FULL: Speed = Speed::Full { window: 256 };
/// Publishes a second of a paced `rest` run: far below what one CPU can do, so that most find it at rest.
const REST_RATE: Speed = Speed::Rate(2_000);

/// Deliveries a second of a paced `durable` run of large groups, and of many small ones, where each publish has few: all nodes and NATS share a CPU,
/// which must have time left for the latency to be that of the way and not of a queue.
const DURABLE_RATES: [Speed; 2] = [Speed::Rate(20_000), Speed::Rate(5_000)];

/// A scenario of any kind. Where there are two, the second is what the first is compared with.
#[derive(Clone, Copy)]
pub(crate) enum Entry {
    Fanout(Fanout),
    Idle(Idle),
    Events(Events),
    Rest(Fanout),
    Publish(Fanout),
    Workers(Workers),
    Nodes(Nodes),
    Durable(Nodes),
    Viewers(Fanout),
    Groups(Fanout, Fanout),
    Compression(Fanout),
    Tls(Fanout),
    Churn(Churn, Churn),
    Storm(Storm),
}

/// Every shape and payload size over WebSocket and JSON, the other protocols and REST on one or two shapes, idle connections, user
/// events, the cost of publishing, of workers, of many groups, of joining and leaving, and of everybody coming back at once.
pub(crate) fn all() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (subscribers, groups) in [(100, 1), (1000, 1), (10_000, 1), (10, 1000)] {
        for payload_bytes in [64, 1024] {
            entries.extend([RATE, FULL].map(|speed| {
                Entry::Fanout(Fanout { payload_bytes, ..Fanout::over_websocket(subscribers, groups, speed) })
            }));
        }
    }
    for protocol in [Protocol::Reliable, Protocol::Protobuf, Protocol::ReliableProtobuf, Protocol::Simple] {
        entries.extend(
            [RATE, FULL]
                .map(|speed| Entry::Fanout(Fanout { protocol, ..Fanout::over_websocket(1000, 1, speed) })),
        );
    }
    for (subscribers, groups) in [(100, 1), (10, 1000)] {
        entries
            .extend([RATE, FULL].map(|speed| Entry::Fanout(Fanout::over_rest(subscribers, groups, speed))));
    }
    entries.extend(
        [10_000, 19_000].map(|connections| Entry::Idle(Idle { connections, protocol: Protocol::Json })),
    );
    entries.extend([1, 64, 512].map(|clients| Entry::Events(Events { clients, payload_bytes: 64 })));
    entries.extend([REST_RATE, FULL].map(|speed| Entry::Rest(Fanout::over_rest(1, 1, speed))));
    entries.extend([RATE, FULL].map(|speed| Entry::Publish(Fanout::over_websocket(10, 1, speed))));
    for (subscribers, groups) in [(1000, 1), (10, 100)] {
        entries.extend([RATE, FULL].map(|speed| {
            Entry::Workers(Workers { workers: 2, fanout: Fanout::over_websocket(subscribers, groups, speed) })
        }));
    }
    for (nodes, subscribers, groups) in [(2, 1000, 1), (3, 10, 100)] {
        entries.extend([RATE, FULL].map(|speed| {
            Entry::Nodes(Nodes {
                nodes,
                durability: Durability::Node,
                fanout: Fanout::over_websocket(subscribers, groups, speed),
            })
        }));
    }
    entries.extend(durable());
    for (subscribers, groups) in [(1000, 1), (10, 1000)] {
        let watched = |speed| Fanout { viewers: 1, ..Fanout::over_websocket(subscribers, groups, speed) };
        entries.extend([RATE, FULL].map(|speed| Entry::Viewers(watched(speed))));
    }
    entries.extend([RATE, FULL].map(|speed| groups_entry(10_000, 100, Fanout::over_websocket(10, 1, speed))));
    for payload_bytes in [256, 1024, 4096] {
        entries.push(Entry::Compression(Fanout { payload_bytes, ..Fanout::over_websocket(1000, 1, RATE) }));
    }
    for (subscribers, groups) in [(1000, 1), (10, 1000)] {
        let secure = |speed| Fanout { tls: true, ..Fanout::over_websocket(subscribers, groups, speed) };
        entries.extend([RATE, FULL].map(|speed| Entry::Tls(secure(speed))));
    }
    entries.push(churn_entry((100_000, 1), (100, 1), 1000));
    entries.push(churn_entry((1, 19_000), (1, 10), 19_000));
    entries.push(Entry::Storm(Storm { clients: 19_000 }));
    entries
}

/// Large groups and many small ones at a rate and as fast as it goes; and how many publishes are acknowledged with one, and many, under way.
fn durable() -> Vec<Entry> {
    let [large, small] = DURABLE_RATES;
    let shapes = [(100, 1, large), (1000, 1, large), (10, 100, small)];
    let mut fanouts: Vec<Fanout> = Vec::new();
    for (subscribers, groups, rate) in shapes {
        fanouts.extend([rate, FULL].map(|speed| Fanout::over_websocket(subscribers, groups, speed)));
    }
    fanouts.extend([1, 64].map(|publishers| Fanout {
        publishers,
        awaits_answers: true,
        ..Fanout::over_websocket(10, 100, FULL)
    }));
    let entry = |fanout| Entry::Durable(Nodes { nodes: 3, durability: Durability::Cluster, fanout });
    fanouts.into_iter().map(entry).collect()
}

/// Many groups beside few, over as many connections as the few need.
pub(crate) fn groups_entry(many: usize, few: usize, shape: Fanout) -> Entry {
    let many = Fanout { groups: many, groups_each: (many / few).max(1), ..shape };
    Entry::Groups(many, Fanout { groups: few, groups_each: 1, ..shape })
}

/// Groups and members in each of them, beside others, over the same number of connections.
pub(crate) fn churn_entry(shape: (usize, usize), beside: (usize, usize), connections: usize) -> Entry {
    let churn = |(groups, members)| Churn { groups, members, connections };
    Entry::Churn(churn(shape), churn(beside))
}

/// Runs the entries, prints a row for each and stores every run. A failing scenario does not stop the others, but
/// the whole then ends with an error.
pub(crate) fn run(options: &Options, entries: &[Entry]) -> Result<()> {
    let runs = Runs::new(&options.runs);
    let bench = Bench { options, runs: &runs };
    let mut failed = Vec::new();
    for entry in entries {
        let name = entry.name();
        if let Err(error) = bench.run(entry, &name) {
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

impl Entry {
    fn name(&self) -> String {
        match self {
            Self::Fanout(scenario) => scenario.to_string(),
            Self::Idle(scenario) => scenario.to_string(),
            Self::Events(scenario) => scenario.to_string(),
            Self::Rest(Fanout { payload_bytes, publishers, speed, .. }) => {
                format!("rest {payload_bytes}B {publishers} at once {speed}")
            }
            Self::Publish(scenario) => format!("publish {scenario}"),
            Self::Compression(scenario) => scenario.to_string(),
            Self::Tls(scenario) => format!("tls {scenario}"),
            Self::Workers(scenario) => scenario.fanout.to_string(),
            Self::Nodes(scenario) => scenario.fanout.to_string(),
            Self::Durable(scenario) => format!("{} nodes {}", scenario.nodes, scenario.fanout),
            Self::Viewers(scenario) => format!("watched {scenario}"),
            Self::Groups(many, _) => many.to_string(),
            Self::Churn(scenario, _) => scenario.to_string(),
            Self::Storm(scenario) => scenario.to_string(),
        }
    }
}

struct Bench<'a> {
    options: &'a Options,
    runs: &'a Runs,
}

impl Bench<'_> {
    fn run(&self, entry: &Entry, name: &str) -> Result<()> {
        match entry {
            Entry::Fanout(scenario) => {
                self.fanouts("fanout", name, self.against("reference", *scenario)?, &row::FANOUT)
            }
            Entry::Rest(scenario) => {
                let mut corners = self.against("bare", *scenario)?;
                // The bare handler delivers nothing, so nobody waits for it.
                corners[1].scenario.subscribers = 0;
                self.fanouts("rest", name, corners, &row::REST)
            }
            Entry::Workers(scenario) => self.workers(name, scenario),
            Entry::Nodes(scenario) => self.nodes(name, scenario),
            Entry::Durable(scenario) => self.durable(name, scenario),
            Entry::Viewers(watched) => self.viewers(name, watched),
            Entry::Groups(many, few) => self.groups(name, many, few),
            Entry::Publish(scenario) => self.publish(name, scenario),
            Entry::Compression(scenario) => self.compression(name, scenario),
            Entry::Tls(scenario) => self.tls(name, scenario),
            Entry::Churn(scenario, beside) => self.churn(name, *scenario, *beside),
            Entry::Idle(scenario) => {
                let (kind, corners) = ("idle", self.against("reference", *scenario)?);
                self.hold(Contest {
                    kind,
                    name: name.to_owned(),
                    corners,
                    run: idle::run,
                    measures: &row::IDLE,
                })
            }
            Entry::Events(scenario) => {
                let (kind, corners) = ("events", self.against("reference", *scenario)?);
                self.hold(Contest {
                    kind,
                    name: name.to_owned(),
                    corners,
                    run: events::run,
                    measures: &row::EVENTS,
                })
            }
            Entry::Storm(scenario) => {
                let (kind, corners) = ("storm", self.against("reference", *scenario)?);
                self.hold(Contest {
                    kind,
                    name: name.to_owned(),
                    corners,
                    run: storm::run,
                    measures: &row::STORM,
                })
            }
        }
    }

    /// The service with one worker beside a server of this crate, with the same to do.
    fn against<S: Copy>(&self, reference: &str, scenario: S) -> Result<[Corner<S>; 2]> {
        let reference = Contender::reference(reference)?;
        Ok([self.service("service", 1, scenario), Corner::new("reference", reference, scenario)])
    }

    fn service<S>(&self, label: impl Into<String>, workers: usize, scenario: S) -> Corner<S> {
        Corner::new(label, Contender::service(self.options, workers), scenario)
    }

    fn hold<S: serde::Serialize + Clone, M: serde::Serialize>(
        &self,
        contest: Contest<'_, S, M>,
    ) -> Result<()> {
        contest.hold(self.options, self.runs).map(drop)
    }

    fn fanouts(
        &self,
        kind: &'static str,
        name: &str,
        corners: [Corner<Fanout>; 2],
        measures: &[Measure<fanout::Measured>],
    ) -> Result<()> {
        let labels = [0, 1].map(|index: usize| corners[index].label.clone());
        let contest = Contest { kind, name: name.to_owned(), corners, run: fanout::run, measures };
        let results = contest.hold(self.options, self.runs)?;
        self.ensure_right(&labels, [0, 1].map(|index: usize| results[index].iter().collect()))
    }

    fn workers(&self, name: &str, scenario: &Workers) -> Result<()> {
        let many = format!("{} workers", scenario.workers);
        let corners = [
            self.service(many, scenario.workers, scenario.fanout),
            self.service("1 worker", 1, scenario.fanout),
        ];
        self.fanouts("workers", name, corners, &row::WORKERS)
    }

    fn nodes(&self, name: &str, scenario: &Nodes) -> Result<()> {
        let corner = |nodes: usize| {
            let label = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
            self.service(label, 1, Nodes { nodes, ..*scenario })
        };
        self.clusters("nodes", name, [corner(scenario.nodes), corner(1)], &row::NODES)
    }

    fn durable(&self, name: &str, scenario: &Nodes) -> Result<()> {
        let corner =
            |label, nodes, durability| self.service(label, 1, Nodes { nodes, durability, ..*scenario });
        let corners = [
            corner("cluster", scenario.nodes, Durability::Cluster),
            corner("node", scenario.nodes, Durability::Node),
            corner("1 node", 1, Durability::Node),
        ];
        self.clusters("durable", name, corners, &row::DURABLE)
    }

    fn clusters<const N: usize>(
        &self,
        kind: &'static str,
        name: &str,
        corners: [Corner<Nodes>; N],
        measures: &[Measure<fanout::Measured>],
    ) -> Result<()> {
        let labels = corners.each_ref().map(|corner| corner.label.clone());
        let contest = Contest { kind, name: name.to_owned(), corners, run: nodes::run, measures };
        let results = contest.hold(self.options, self.runs)?;
        self.ensure_right(&labels, results.each_ref().map(|runs| runs.iter().collect()))
    }

    fn groups(&self, name: &str, many: &Fanout, few: &Fanout) -> Result<()> {
        ensure!(
            many.connections() == few.connections(),
            "{} groups are not a multiple of {}",
            many.groups,
            few.groups
        );
        let label = |fanout: &Fanout| format!("{} groups", fanout.groups);
        let corners = [many, few].map(|fanout| self.service(label(fanout), 1, *fanout));
        self.fanouts("groups", name, corners, &row::GROUPS)
    }

    fn compression(&self, name: &str, scenario: &Fanout) -> Result<()> {
        let settings = SettingsFile::write("compression = true\n")?;
        let mut compressed = self.service("compressed", 1, Fanout { compression: true, ..*scenario });
        compressed.contender.arguments.extend(["--config".to_owned(), settings.path()]);
        let corners = [compressed, self.service("plain", 1, *scenario)];
        self.fanouts("compression", name, corners, &row::COMPRESSION)
    }

    fn tls(&self, name: &str, scenario: &Fanout) -> Result<()> {
        let (certificate, key) = (tls::certificate_file(), tls::private_key_file());
        let settings =
            SettingsFile::write(&format!("[tls]\ncertificate = {certificate:?}\nprivate_key = {key:?}\n"))?;
        let mut corners = self.against("reference", *scenario)?;
        corners[0].contender.arguments.extend(["--config".to_owned(), settings.path()]);
        corners[1].contender.arguments.push("--tls".to_owned());
        self.fanouts("tls", name, corners, &row::FANOUT)
    }

    fn viewers(&self, name: &str, watched: &Fanout) -> Result<()> {
        let corners = [
            self.service(format!("{} viewers", watched.viewers), 1, *watched),
            self.service("no viewer", 1, Fanout { viewers: 0, ..*watched }),
        ];
        self.fanouts("viewers", name, corners, &row::FANOUT)
    }

    fn publish(&self, name: &str, scenario: &Fanout) -> Result<()> {
        let corners = self.against("reference", *scenario)?;
        let labels = [0, 1].map(|index: usize| corners[index].label.clone());
        let (kind, run, measures) = ("publish", publish::run as _, &row::PUBLISH);
        let results =
            Contest { kind, name: name.to_owned(), corners, run, measures }.hold(self.options, self.runs)?;
        let fanouts = |runs: &[publish::Measured]| -> Vec<fanout::Measured> {
            runs.iter().map(|run| run.fanout.clone()).collect()
        };
        let fanouts = [fanouts(&results[0]), fanouts(&results[1])];
        self.ensure_right(&labels, [0, 1].map(|index: usize| fanouts[index].iter().collect()))
    }

    fn churn(&self, name: &str, scenario: Churn, beside: Churn) -> Result<()> {
        let label = |churn: &Churn| format!("{}x{}", churn.members, churn.groups);
        let corners = [scenario, beside].map(|churn| self.service(label(&churn), 1, churn));
        self.hold(Contest {
            kind: "churn",
            name: name.to_owned(),
            corners,
            run: churn::run,
            measures: &row::CHURN,
        })
    }

    /// Prints what was wrong with each corner's messages, and fails if anything was.
    fn ensure_right<const N: usize>(
        &self,
        labels: &[String; N],
        runs: [Vec<&fanout::Measured>; N],
    ) -> Result<()> {
        let right: [bool; N] = std::array::from_fn(|index| row::print_faults(&labels[index], &runs[index]));
        ensure!(right == [true; N], "messages were lost, duplicated, reordered or not answered");
        Ok(())
    }
}
