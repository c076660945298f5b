use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::nats::link::{Incoming, Outgoing};
use crate::nats::schema::{Body, Datagram};

/// A frame that tells which it is, of any size.
fn frame(number: u32, bytes: usize) -> Bytes {
    let mut frame = number.to_le_bytes().to_vec();
    frame.resize(bytes.max(4), number as u8);
    frame.into()
}

fn packet(datagram: Bytes) -> crate::nats::schema::Packet {
    match Datagram::decode(datagram).unwrap().body {
        Some(Body::Packet(packet)) => packet,
        other => panic!("{other:?} is no packet"),
    }
}

proptest! {
    /// NATS may lose anything while it reconnects; proxies in between and this test may do worse.
    #[test]
    fn frames_arrive_once_and_in_order_however_packets_are_lost_repeated_and_mixed(
        seed in any::<u64>(),
        sizes in prop::collection::vec(prop_oneof![9 => 0..300_usize, 1 => 200_000..700_000_usize], 1..60),
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let loss = rng.random_range(0.0..0.6);
        let (mut outgoing, mut incoming) = (Outgoing::new(1, 1, false), Incoming::default());
        let (mut flying, mut arrived, mut now_ms) = (Vec::new(), Vec::new(), 1);
        let mut waiting = sizes.iter().enumerate();
        while arrived.len() < sizes.len() {
            for (index, bytes) in waiting.by_ref().take(rng.random_range(0..8)) {
                outgoing.push(frame(index as u32, *bytes), index as u64);
            }
            outgoing.pack(now_ms, &mut flying);
            outgoing.keep_time(now_ms, &mut flying);
            for _ in 0..rng.random_range(0..6).min(flying.len()) {
                let datagram = flying.swap_remove(rng.random_range(0..flying.len()));
                if rng.random_bool(0.1) {
                    flying.push(datagram.clone());
                }
                if !rng.random_bool(loss) {
                    let taken = incoming.take(packet(datagram));
                    prop_assert!(!taken.restarted);
                    arrived.extend(taken.frames);
                }
            }
            if let Some(receipt) = incoming.receipt()
                && !rng.random_bool(loss)
            {
                outgoing.receive(receipt, now_ms, &mut flying);
            }
            now_ms += rng.random_range(1..60);
            prop_assert!(now_ms < 10_000_000, "nothing arrives any more");
        }
        let expected: Vec<_> = sizes.iter().enumerate().map(|(index, bytes)| frame(index as u32, *bytes)).collect();
        prop_assert_eq!(arrived, expected);
    }
}

#[test]
fn what_has_arrived_is_kept_no_longer() {
    let (mut outgoing, mut incoming) = (Outgoing::new(1, 1, false), Incoming::default());
    outgoing.push(frame(0, 10), 1);
    outgoing.push(frame(1, 600_000), 2);
    let mut flying = Vec::new();
    outgoing.pack(1, &mut flying);
    assert_eq!((outgoing.first_item(), outgoing.level().0, flying.len()), (Some(1), 4, 4));
    for datagram in flying.drain(..) {
        incoming.take(packet(datagram));
        let receipt = incoming.receipt().unwrap();
        outgoing.receive(receipt, 1, &mut Vec::new());
    }
    assert_eq!((outgoing.first_item(), outgoing.level(), outgoing.is_begun()), (None, (0, 0), true));
}

#[test]
fn a_link_that_begins_again_is_noticed_and_packets_of_the_old_one_are_not_taken() {
    let mut incoming = Incoming::default();
    let first = |link, restart| {
        let (mut outgoing, mut flying) = (Outgoing::new(1, link, restart), Vec::new());
        outgoing.push(frame(link as u32, 10), 1);
        outgoing.pack(1, &mut flying);
        packet(flying.remove(0))
    };
    assert!(!incoming.take(first(3, false)).restarted, "the first link of all");
    let taken = incoming.take(first(5, true));
    assert!(taken.restarted && taken.frames.len() == 1);
    let taken = incoming.take(first(3, false));
    assert!(!taken.restarted && taken.frames.is_empty(), "a packet that was late");
    let mut stranger = Incoming::default();
    assert!(stranger.take(first(2, true)).restarted, "what an earlier link had was never seen here");
}
