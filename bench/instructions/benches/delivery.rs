//! Instructions for one publish with all of its deliveries, and for a group that one joins. A limit is a tenth above what was counted when it
//! was set.
#![allow(missing_docs, reason = "the macros make public items of the benches")]

use gungraun::{library_benchmark, library_benchmark_group, main};
use hubwire_instructions::{Room, crowd, limit};
use hubwire_protocol::Subprotocol;

#[library_benchmark]
#[bench::json_to_1(args = (crowd(1, Subprotocol::Json)), config = limit(3960))]
#[bench::json_to_10(args = (crowd(10, Subprotocol::Json)), config = limit(7490))]
#[bench::json_to_1000(args = (crowd(1000, Subprotocol::Json)), config = limit(414_000))]
#[bench::json_reliable_to_1000(args = (crowd(1000, Subprotocol::JsonReliable)), config = limit(547_000))]
#[bench::protobuf_to_1000(args = (crowd(1000, Subprotocol::Protobuf)), config = limit(414_000))]
fn publish(mut room: Room) -> (usize, Room) {
    room.publish();
    (room.flush(), room)
}

#[library_benchmark]
#[bench::json_to_1000(args = (crowd(1000, Subprotocol::Json)), config = limit(8_000_000))]
fn publish_sixteen_in_one_turn(mut room: Room) -> (usize, Room) {
    for _ in 0..16 {
        room.publish();
    }
    (room.flush(), room)
}

#[library_benchmark]
#[bench::a_hundred_groups(args = (crowd(1, Subprotocol::Json)), config = limit(412_000))]
fn join(mut room: Room) -> Room {
    room.join(100);
    room
}

library_benchmark_group!(name = delivery, benchmarks = [publish, publish_sixteen_in_one_turn, join]);
main!(library_benchmark_groups = delivery);
