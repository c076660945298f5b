//! Which courses a test takes: `HUBWIRE_SEED=n` repeats one, `HUBWIRE_SEEDS=n` takes so many instead of the usual number.

use std::fmt::Debug;

/// Takes each course, and adds up what it reports. `None` if there were fewer than usual: then the sum says nothing.
pub(super) fn take<R: Debug + Default>(
    usual: u64,
    course: impl Fn(u64) -> Result<R, String>,
    add: impl Fn(&mut R, &R),
) -> Option<R> {
    let seeds = match number("HUBWIRE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("HUBWIRE_SEEDS").unwrap_or(usual),
    };
    let mut sum = R::default();
    for seed in seeds.clone() {
        match course(seed) {
            Ok(report) => add(&mut sum, &report),
            Err(violation) => panic!("{violation}\nrepeat it with HUBWIRE_SEED={seed}"),
        }
    }
    println!("{seeds:?}: {sum:?}");
    (seeds.end - seeds.start >= usual).then_some(sum)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("the variable is a number"))
}
