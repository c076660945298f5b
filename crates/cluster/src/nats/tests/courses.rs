//! Clusters of 3 to 7 nodes over a network that loses, delays, repeats and mixes what nodes say, in courses that a seed decides.

use super::seeds;
use super::world::{Report, World};

/// Courses that every test run takes: some seconds without optimisation.
const SEEDS: u64 = 60;

#[test]
fn sessions_see_every_message_once_and_in_order_or_end_and_say_so() {
    if let Some(sum) = seeds::take(SEEDS, |seed| World::new(seed).run(), add) {
        // Courses in which nothing happens would prove nothing.
        assert!(sum.published > 10_000 && sum.obliged > 10_000 && sum.commands > 500, "{sum:?}");
        assert!(sum.stops > 20 && sum.sessions_moved > 30, "{sum:?}");
        assert!(sum.deaths > 5 && sum.partitions > 50 && sum.sessions_missed > 5, "{sum:?}");
    }
}

#[test]
fn the_same_seed_takes_the_same_course() {
    for seed in 0..3 {
        assert_eq!(World::new(seed).run(), World::new(seed).run(), "seed {seed}");
    }
}

fn add(sum: &mut Report, report: &Report) {
    sum.published += report.published;
    sum.obliged += report.obliged;
    sum.deaths += report.deaths;
    sum.partitions += report.partitions;
    sum.sessions_missed += report.sessions_missed;
    sum.commands += report.commands;
    sum.stops += report.stops;
    sum.sessions_moved += report.sessions_moved;
}
