//! Runs two corners by turns, prints their medians and stores everything.

use crate::options::Options;
use crate::row::{self, Measure, Pair};
use crate::runs::Runs;
use crate::side::{Contender, Corner, Side};
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is compared with what, and by which measures.
pub(crate) struct Contest<'a, S, M> {
    /// Names the file of the raw results.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// The service's corner, then that of its reference.
    pub(crate) corners: [Corner<S>; 2],
    pub(crate) run: fn(&Contender, &S, &Options) -> Result<M>,
    pub(crate) measures: &'a [Measure<M>],
}

/// One run, as stored.
#[derive(Serialize)]
struct RunRecord<'a, S, M> {
    record: &'static str,
    name: &'a str,
    scenario: &'a S,
    side: Side,
    label: &'a str,
    self_check: bool,
    round: u32,
    measured: Option<&'a M>,
    error: Option<String>,
}

/// One row, as stored.
#[derive(Serialize)]
struct RowRecord<'a, S> {
    record: &'static str,
    name: &'a str,
    scenario: &'a S,
    reference_scenario: &'a S,
    labels: [&'a str; 2],
    self_check: bool,
    rounds: u32,
    medians: BTreeMap<&'static str, Pair>,
}

impl<S: Serialize + Clone, M: Serialize> Contest<'_, S, M> {
    /// Service, reference, service, reference, …, so that both see the same hour of the machine. Answers all runs of both.
    pub(crate) fn hold(mut self, options: &Options, runs: &Runs) -> Result<[Vec<M>; 2]> {
        if options.self_check {
            self.corners[0] = self.corners[1].clone();
        }
        let mut results = [Vec::new(), Vec::new()];
        for round in 1..=options.rounds {
            for (side, results) in [Side::Service, Side::Reference].into_iter().zip(&mut results) {
                results.push(self.run_once(side, round, options, runs)?);
            }
        }
        let pairs = row::pairs(self.measures, &results[0], &results[1]);
        let labels = [&*self.corners[0].label, &*self.corners[1].label];
        row::print_header(self.measures);
        row::print(&self.name, labels, &pairs);
        let record = RowRecord {
            record: "row",
            name: &self.name,
            scenario: &self.corners[0].scenario,
            reference_scenario: &self.corners[1].scenario,
            labels,
            self_check: options.self_check,
            rounds: options.rounds,
            medians: pairs.into_iter().collect(),
        };
        runs.append(self.kind, &record)?;
        Ok(results)
    }

    fn run_once(&self, side: Side, round: u32, options: &Options, runs: &Runs) -> Result<M> {
        let Corner { label, contender, scenario } = &self.corners[side as usize];
        contender.ensure_built()?;
        let result = (self.run)(contender, scenario, options);
        let record = RunRecord {
            record: "run",
            name: &self.name,
            scenario,
            side,
            label,
            self_check: options.self_check,
            round,
            measured: result.as_ref().ok(),
            error: result.as_ref().err().map(|error| format!("{error:#}")),
        };
        runs.append(self.kind, &record)?;
        result.with_context(|| format!("round {round}, {label}"))
    }
}
