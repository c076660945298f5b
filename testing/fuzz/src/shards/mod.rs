//! Two shards tied together, under whatever their clients' sockets, applications and time may bring.

mod client;
mod exchange;
mod speech;
mod witness;
mod worker;
mod world;

use arbitrary::Unstructured;

use self::world::World;

/// The most steps of one input: enough for sessions to break off, come back, end and be replaced while others publish.
const STEPS_MAX: usize = 256;

/// Whatever bytes clients send, in whatever pieces, while sockets break and sessions are recovered, applications publish and command, and parcels
/// between the shards wait: nothing panics; what each shard counts agrees with what it told; outboxes keep their bounds; what a reliable client is
/// sent is numbered without a gap, is the same under the same number, and a client of each shard that misses nothing hears all that its hub is
/// sent, once and in order.
pub fn shards(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut world = World::new();
    for _ in 0..STEPS_MAX {
        if input.is_empty() || world.step(&mut input).is_err() {
            break;
        }
        world.check();
    }
    world.finish();
}
