//! What can be relied on: order within a lane, nothing lost, nothing given up too early.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use hubwire_outbox::{Entry, Error, Failure, Life, Limits, Outbox, Place, Which};
use proptest::prelude::*;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hubwire-outbox-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn place(&self) -> Place {
        Place::Folder(self.0.clone())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

fn entry(destination: &str, lane: u128, text: &str) -> Entry {
    Entry {
        destination: Arc::from(destination),
        lane,
        raised_ms: 0,
        body: Bytes::copy_from_slice(text.as_bytes()),
        life: Life::None,
    }
}

fn away() -> Failure {
    Failure::Away("nobody answers".to_owned())
}

fn refused() -> Failure {
    Failure::Refused("status 500".to_owned())
}

fn open(place: &Place) -> Outbox {
    Outbox::open(place, Limits::default(), 0).expect("the outbox opens")
}

/// Delivers everything that is due, and answers the texts in the order of delivery.
fn drain(outbox: &Outbox, now_ms: u64) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let due = outbox.take_due(now_ms, 16);
        if due.is_empty() {
            return texts;
        }
        for delivery in due {
            texts.push(String::from_utf8(delivery.body.to_vec()).expect("the body is text"));
            outbox.delivered(delivery.serial);
        }
    }
}

#[test]
fn a_lane_is_delivered_in_order_and_one_at_a_time() {
    let outbox = open(&Place::Memory);
    outbox.append(vec![entry("a", 1, "1"), entry("a", 1, "2"), entry("a", 2, "3")]);
    let due = outbox.take_due(0, 10);
    assert_eq!(due.iter().map(|due| &due.body[..]).collect::<Vec<_>>(), [b"1", b"3"]);
    assert_eq!(outbox.take_due(0, 10), []);
    outbox.delivered(due[0].serial);
    assert_eq!(drain(&outbox, 0), ["2"]);
}

#[test]
fn a_refused_entry_waits_longer_each_time_and_holds_up_only_its_lane() {
    let outbox = open(&Place::Memory);
    outbox.append(vec![entry("a", 1, "1"), entry("a", 1, "2"), entry("a", 2, "3")]);
    let mut now_ms = 0;
    for wait_ms in [1_000, 3_000, 5_000, 10_000] {
        let first = outbox.take_due(now_ms, 1).remove(0);
        assert_eq!(&first.body[..], b"1");
        outbox.failed(first.serial, &refused(), now_ms);
        if now_ms == 0 {
            assert_eq!(drain(&outbox, 0), ["3"]);
        }
        now_ms += wait_ms;
        assert_eq!(outbox.next_due_ms(100), Some(now_ms));
        assert_eq!(outbox.take_due(now_ms - 1, 1), []);
    }
    assert_eq!(drain(&outbox, now_ms), ["1", "2"]);
}

#[test]
fn a_destination_that_is_away_is_probed_by_one_entry_and_holds_up_no_other() {
    let outbox = open(&Place::Memory);
    let entries = (0..10).map(|lane| entry("a", lane, &lane.to_string()));
    outbox.append(entries.chain([entry("b", 1, "b")]).collect());
    for delivery in outbox.take_due(0, 6) {
        match &*delivery.destination {
            "a" => outbox.failed(delivery.serial, &away(), 0),
            _ => outbox.delivered(delivery.serial),
        }
    }
    assert_eq!(outbox.take_due(999, 100), []);
    let probe = outbox.take_due(1_000, 100);
    assert_eq!(probe.len(), 1, "several failures at once were one");
    outbox.failed(probe[0].serial, &away(), 1_000);
    let probe = outbox.take_due(4_000, 100);
    assert_eq!(probe.len(), 1);
    outbox.delivered(probe[0].serial);
    assert_eq!(drain(&outbox, 4_000).len(), 9);
}

#[test]
fn a_destination_that_hangs_leaves_room_for_every_other() {
    let outbox = open(&Place::Memory);
    let hanging = |name: &str| (0..100).map(|lane| entry(name, lane, "x")).collect();
    let mut room = 64;
    for name in ["a", "b", "c", "d"] {
        outbox.append(hanging(name));
        let due = outbox.take_due(0, room);
        assert!(!due.is_empty() && due.len() < room, "{name} has {} of {room}", due.len());
        assert!(due.iter().all(|due| &*due.destination == name), "the others have their share");
        room -= due.len();
        assert_eq!(outbox.next_due_ms(room), None, "nobody is woken for what has no room");
    }
    outbox.append(vec![entry("healthy", 1, "1")]);
    assert_eq!(outbox.next_due_ms(room), Some(0));
    assert_eq!(&outbox.take_due(0, room)[0].body[..], b"1");
}

#[test]
fn room_that_becomes_free_is_used_again() {
    let outbox = open(&Place::Memory);
    outbox.append((0..100).map(|lane| entry("a", lane, "x")).collect());
    for how in [None, Some(refused()), Some(away())] {
        let due = outbox.take_due(0, 8);
        assert_eq!(due.len(), 4, "half of the room, after {how:?}");
        for delivery in due {
            match &how {
                None => outbox.delivered(delivery.serial),
                Some(failure) => outbox.failed(delivery.serial, failure, 0),
            }
        }
    }
    assert_eq!(outbox.take_due(1_000, 8).len(), 1, "the probe");
}

#[test]
fn what_is_too_old_becomes_a_dead_letter_and_its_lane_goes_on() {
    let limits = Limits { retention_ms: 2_000, ..Limits::default() };
    let outbox = Outbox::open(&Place::Memory, limits, 0).unwrap();
    outbox.append(vec![entry("a", 1, "1"), Entry { raised_ms: 1_500, ..entry("a", 1, "2") }]);
    let first = outbox.take_due(0, 1).remove(0);
    outbox.failed(first.serial, &refused(), 0);
    let first = outbox.take_due(1_000, 1).remove(0);
    assert_eq!(first.attempts, 1);
    outbox.failed(first.serial, &refused(), 1_000);
    let letters = outbox.dead_letters(0, 10);
    assert_eq!((letters.len(), letters[0].attempts, letters[0].reason.as_str()), (1, 2, "status 500"));
    assert_eq!(drain(&outbox, 1_000), ["2"]);
    assert_eq!(outbox.replay(&Which::All, 1_000), Ok(1));
    assert_eq!(drain(&outbox, 1_000), ["1"]);
    assert_eq!(outbox.dead_letters(0, 10), []);
}

#[test]
fn entries_for_a_destination_that_stays_away_are_given_up_without_being_tried() {
    let limits = Limits { retention_ms: 2_000, ..Limits::default() };
    let outbox = Outbox::open(&Place::Memory, limits, 0).unwrap();
    outbox.append((0..100).map(|lane| entry("a", lane, "x")).collect());
    let mut now_ms = 0;
    for _ in 0..3 {
        for delivery in outbox.take_due(now_ms, 1) {
            outbox.failed(delivery.serial, &away(), now_ms);
        }
        now_ms = outbox.next_due_ms(100).unwrap_or(now_ms);
    }
    outbox.take_due(now_ms, 1);
    assert_eq!(outbox.counts().dead, 100);
    assert_eq!(outbox.counts().pending, 0);
}

#[test]
fn a_full_outbox_refuses_what_comes_and_keeps_what_it_has() {
    let limits = Limits { entries_max: 2, dead_letters_max: 1, ..Limits::default() };
    let outbox = Outbox::open(&Place::Memory, limits, 0).unwrap();
    assert_eq!(outbox.append(vec![entry("a", 1, "1"), entry("a", 2, "2"), entry("a", 3, "3")]), 1);
    assert_eq!(outbox.counts().refused, 1);
    for delivery in outbox.take_due(0, 10) {
        outbox.park(delivery.serial, "no", 1, 0);
    }
    assert_eq!((outbox.counts().dead, outbox.counts().dropped), (1, 1));
    assert_eq!(outbox.drop_dead(&Which::Destination("a".to_owned())), Ok(1));
    assert_eq!(outbox.counts().dead, 0);
}

#[test]
fn everything_outlives_the_process() {
    let folder = Folder::new();
    let outbox = open(&folder.place());
    outbox.append(vec![entry("a", 1, "1"), entry("a", 1, "2"), entry("a", 2, "dead"), entry("b", 1, "b")]);
    for delivery in outbox.take_due(0, 10) {
        match &delivery.body[..] {
            b"1" => outbox.delivered(delivery.serial),
            b"dead" => outbox.park(delivery.serial, "no", 1, 7),
            _ => {}
        }
    }
    outbox.sync().unwrap();
    drop(outbox);
    let outbox = open(&folder.place());
    let letters = outbox.dead_letters(0, 10);
    assert_eq!((letters.len(), letters[0].parked_ms, letters[0].reason.as_str()), (1, 7, "no"));
    let mut left = drain(&outbox, 0);
    left.sort_unstable();
    assert_eq!(left, ["2", "b"]);
}

#[test]
fn a_folder_is_one_process_s() {
    let folder = Folder::new();
    let _outbox = open(&folder.place());
    assert!(matches!(Outbox::open(&folder.place(), Limits::default(), 0), Err(Error::InUse(_))));
}

#[test]
fn an_end_that_nobody_told_is_told_at_the_next_start() {
    let folder = Folder::new();
    let begins = |lane, farewell: &str| Entry { life: Life::Begins, ..entry("a", lane, farewell) };
    let outbox = open(&folder.place());
    outbox.append(vec![begins(1, "end 1"), begins(2, "end 2")]);
    outbox.append(vec![Entry { life: Life::Ends, ..entry("a", 1, "told") }]);
    drop(outbox);
    for left in [vec!["told", "end 2"], vec![]] {
        let outbox = open(&folder.place());
        assert_eq!(drain(&outbox, 0), left);
        outbox.sync().unwrap();
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append { destination: usize, lane: u128 },
    Take { max: usize },
    Finish { which: usize, how: How },
    Wait { ms: u64 },
    Reopen,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Deliver,
    Away,
    Refuse,
    Park,
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop_oneof![Just(How::Deliver), Just(How::Away), Just(How::Refuse), Just(How::Park)];
    prop_oneof![
        6 => (0..2_usize, 0..3_u128).prop_map(|(destination, lane)| Step::Append { destination, lane }),
        5 => (1..5_usize).prop_map(|max| Step::Take { max }),
        6 => (0..5_usize, how).prop_map(|(which, how)| Step::Finish { which, how }),
        3 => (0..20_000_u64).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Reopen),
    ]
}

/// What must be left in each lane, and what is under way.
#[derive(Default)]
struct Model {
    lanes: HashMap<(String, u128), VecDeque<u64>>,
    in_flight: BTreeMap<u64, (String, u128)>,
    dead: usize,
    next: u64,
}

const NAMES: [&str; 2] = ["a", "b"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_lane_is_delivered_in_order_and_whole(steps in prop::collection::vec(step(), 1..120)) {
        let folder = Folder::new();
        let limits = Limits { retention_ms: u64::MAX, ..Limits::default() };
        let mut outbox = Outbox::open(&folder.place(), limits.clone(), 0).unwrap();
        let mut model = Model::default();
        let mut now_ms = 0;
        for step in steps {
            match step {
                Step::Append { destination, lane } => {
                    model.next += 1;
                    let name = NAMES[destination];
                    prop_assert_eq!(outbox.append(vec![entry(name, lane, &model.next.to_string())]), 0);
                    model.lanes.entry((name.to_owned(), lane)).or_default().push_back(model.next);
                }
                Step::Take { max } => {
                    for due in outbox.take_due(now_ms, max) {
                        let key = (due.destination.to_string(), due.lane);
                        let number: u64 = std::str::from_utf8(&due.body).unwrap().parse().unwrap();
                        prop_assert!(!model.in_flight.values().any(|other| *other == key), "two of one lane");
                        prop_assert_eq!(model.lanes[&key].front(), Some(&number));
                        model.in_flight.insert(due.serial, key);
                    }
                }
                Step::Finish { which, how } => {
                    let Some((serial, key)) = model.in_flight.iter().nth(which).map(|(serial, key)| (*serial, key.clone())) else { continue };
                    model.in_flight.remove(&serial);
                    match how {
                        How::Deliver => outbox.delivered(serial),
                        How::Away => outbox.failed(serial, &away(), now_ms),
                        How::Refuse => outbox.failed(serial, &refused(), now_ms),
                        How::Park => outbox.park(serial, "no", 1, now_ms),
                    }
                    if matches!(how, How::Deliver | How::Park) {
                        model.lanes.get_mut(&key).unwrap().pop_front();
                    }
                    model.dead += usize::from(matches!(how, How::Park));
                }
                Step::Wait { ms } => now_ms += ms,
                Step::Reopen => {
                    outbox.sync().unwrap();
                    drop(outbox);
                    outbox = Outbox::open(&folder.place(), limits.clone(), now_ms).unwrap();
                    model.in_flight.clear();
                }
            }
            let left: usize = model.lanes.values().map(VecDeque::len).sum();
            prop_assert_eq!(outbox.counts().pending as usize, left);
            prop_assert_eq!(outbox.counts().dead as usize, model.dead);
        }
        for serial in model.in_flight.into_keys() {
            outbox.failed(serial, &refused(), now_ms);
        }
        let left: usize = model.lanes.values().map(VecDeque::len).sum();
        let mut delivered = 0;
        while let Some(due_ms) = outbox.next_due_ms(100) {
            now_ms = now_ms.max(due_ms);
            for due in outbox.take_due(now_ms, 100) {
                let key = (due.destination.to_string(), due.lane);
                let number: u64 = std::str::from_utf8(&due.body).unwrap().parse().unwrap();
                prop_assert_eq!(model.lanes.get_mut(&key).unwrap().pop_front(), Some(number));
                outbox.delivered(due.serial);
                delivered += 1;
            }
        }
        prop_assert_eq!(delivered, left);
    }
}
