use std::thread;
use std::time::Duration;

/// How long anything that must happen may take, in milliseconds: so long that only what never happens takes longer, even on a busy machine.
pub const DEADLINE_MS: u64 = 30_000;

/// How long to wait between two looks, in milliseconds.
const LOOK_INTERVAL_MS: u64 = 10;

/// Looks at a condition again and again until it holds.
///
/// # Panics
/// If it does not hold within [`DEADLINE_MS`]; `what` says what was expected.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..DEADLINE_MS / LOOK_INTERVAL_MS {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(LOOK_INTERVAL_MS));
    }
    panic!("not within {DEADLINE_MS} ms: {what}");
}
