//! The semantics of the service hold in every course that a seed can take.
//!
//! `HUBWIRE_SEED=n` repeats one course, `HUBWIRE_SEEDS=n` runs so many instead of the usual number.

use hubwire_simulation::{Report, run};

/// Courses that every test run takes: some seconds without optimisation.
const SEEDS: u64 = 200;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("the variable is a number"))
}

#[test]
fn every_course_keeps_order_delivers_exactly_once_and_leaves_nothing_behind() {
    let seeds = match number("HUBWIRE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("HUBWIRE_SEEDS").unwrap_or(SEEDS),
    };
    let mut sum = Report::default();
    for seed in seeds.clone() {
        match run(seed) {
            Ok(report) => add(&mut sum, &report),
            Err(violation) => panic!("{violation}\nrepeat it with HUBWIRE_SEED={seed}"),
        }
    }
    println!("{seeds:?}: {sum:?}");
    if seeds.end - seeds.start >= SEEDS {
        // Courses in which nothing happens would prove nothing.
        assert!(sum.accepted > 10_000 && sum.copies > 10_000, "{sum:?}");
        assert!(
            sum.recoveries > 100
                && sum.overflows > 20
                && sum.duplicates > 100
                && sum.late > 20
                && sum.events > 100,
            "{sum:?}"
        );
    }
}

#[test]
fn the_same_seed_takes_the_same_course() {
    for seed in 0..5 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

fn add(sum: &mut Report, report: &Report) {
    sum.accepted += report.accepted;
    sum.copies += report.copies;
    sum.recoveries += report.recoveries;
    sum.overflows += report.overflows;
    sum.duplicates += report.duplicates;
    sum.late += report.late;
    sum.events += report.events;
    sum.ended_ms += report.ended_ms;
}
