//! Measures what a publish costs beside the deliveries that it causes.

use crate::fanout;
use crate::options::Options;
use crate::scenario::{Fanout, Speed};
use crate::side::Contender;
use anyhow::{Result, ensure};
use serde::Serialize;

/// With so many recipients for each publish, publishing is a thousandth of the cost.
const SINGLES_SUBSCRIBERS: usize = 1000;
/// So few a second for each subscriber that every one takes a write of its own.
const SINGLES_RATE: Speed = Speed::Rate(50_000);

/// What one run showed.
#[derive(Clone, Serialize)]
pub(crate) struct Measured {
    #[serde(flatten)]
    pub(crate) fanout: fanout::Measured,
    /// Server CPU for as many deliveries as a publish causes, each of them a lone frame in a write of its own.
    pub(crate) cpu_us_of_singles: f64,
}

/// Measures the fan-out, and then, in a fresh process of the same server, lone deliveries.
pub(crate) fn run(contender: &Contender, scenario: &Fanout, options: &Options) -> Result<Measured> {
    let fanout = fanout::run(contender, scenario, options)?;
    let singles = Fanout {
        subscribers: SINGLES_SUBSCRIBERS,
        groups: 1,
        groups_each: 1,
        speed: SINGLES_RATE,
        ..*scenario
    };
    let singles = fanout::run(contender, &singles, options)?;
    ensure!(
        singles.lost + singles.counts.duplicated + singles.counts.reordered == 0,
        "lone deliveries were lost, duplicated or reordered"
    );
    let cpu_us_of_singles = singles.cpu_us_per_delivery * scenario.subscribers as f64;
    Ok(Measured { fanout, cpu_us_of_singles })
}
