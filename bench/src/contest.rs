//! Runs corners by turns, prints their medians beside each other and stores everything.

use crate::options::Options;
use crate::row::{self, Measure, Pair};
use crate::runs::Runs;
use crate::side::{Contender, Corner, Side};
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is compared with what, and by which measures.
pub(crate) struct Contest<'a, S, M, const N: usize = 2> {
    /// Names the file of the raw results.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// Each is compared with all behind it; the last one is the reference.
    pub(crate) corners: [Corner<S>; N],
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

impl<S: Serialize + Clone, M: Serialize, const N: usize> Contest<'_, S, M, N> {
    /// Service, reference, service, reference, …, so that all see the same hour of the machine. Answers all runs of each.
    pub(crate) fn hold(mut self, options: &Options, runs: &Runs) -> Result<[Vec<M>; N]> {
        if options.self_check {
            self.corners = std::array::from_fn(|_| self.corners[N - 1].clone());
        }
        let mut results = std::array::from_fn(|_| Vec::new());
        for round in 1..=options.rounds {
            for (index, results) in results.iter_mut().enumerate() {
                results.push(self.run_once(index, round, options, runs)?);
            }
        }
        row::print_header(self.measures);
        for first in 0..N {
            for second in first + 1..N {
                let [service, reference] = [first, second].map(|index| &self.corners[index]);
                let pairs = row::pairs(self.measures, &results[first], &results[second]);
                let labels = [&*service.label, &*reference.label];
                row::print(&self.name, labels, &pairs);
                let record = RowRecord {
                    record: "row",
                    name: &self.name,
                    scenario: &service.scenario,
                    reference_scenario: &reference.scenario,
                    labels,
                    self_check: options.self_check,
                    rounds: options.rounds,
                    medians: pairs.into_iter().collect(),
                };
                runs.append(self.kind, &record)?;
            }
        }
        Ok(results)
    }

    fn run_once(&self, index: usize, round: u32, options: &Options, runs: &Runs) -> Result<M> {
        let Corner { label, contender, scenario } = &self.corners[index];
        let side = if index == N - 1 { Side::Reference } else { Side::Service };
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
