//! A shard under any sequence of calls that its surroundings may make.

pub(crate) mod input;
pub(crate) mod socket;
mod surroundings;

use arbitrary::Unstructured;

use self::surroundings::Surroundings;

/// The most calls of one input: enough for sessions to end, recover, expire and be replaced several times.
const CALLS_MAX: usize = 256;

/// Whatever is asked of a shard in whatever order, it does not panic, its counts agree with what it told its surroundings, outboxes keep
/// their bounds, sequence ids rise, and when all is over nothing is left.
pub fn shard(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut surroundings = Surroundings::new();
    for _ in 0..CALLS_MAX {
        if input.is_empty() || surroundings.call(&mut input).is_err() {
            break;
        }
        surroundings.check();
    }
    surroundings.finish();
}
