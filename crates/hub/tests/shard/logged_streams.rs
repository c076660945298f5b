//! Streams in hubs with a log: what publisher and subscribers see, also when what they say cannot be stored, or their process dies.

use hubwire_auth::Permission;
use hubwire_hub::{Command, ConnectionKey, Ending, Entry, Letter, Luggage, Reply};
use proptest::prelude::*;

use crate::fixture::{group, id};
use crate::log::{LoggedHub, Storing};
use crate::streams::{CANCELLED, IDLE, NOT_FOUND, START, ack, closed, data, seen, terminal};

const END: &str = r#"{"type":"streamEnd","streamId":"s"}"#;
const CLOSED: &str = r#"{"type":"streamClosed","streamId":"s"}"#;
const FORBIDDEN: &str = r#"{"name":"Forbidden","message":"The publisher may no longer send to the group."}"#;
const UNSTORED: &str =
    r#"{"name":"InternalServerError","message":"A message of the stream could not be stored."}"#;

/// A reliable publisher with an open stream in the first process, and a plain subscriber in the second.
fn streaming() -> (LoggedHub, ConnectionKey, ConnectionKey) {
    let mut hub = LoggedHub::new(2);
    let (publisher, subscriber) = (hub.nodes[0].reliable(1), hub.nodes[1].plain(2));
    assert_eq!(hub.ask(0, publisher, START), [ack(1)]);
    (hub, publisher, subscriber)
}

/// A process that stood still with the first message of a stream on its way, which is withheld; its session is taken.
fn overtaken() -> (LoggedHub, ConnectionKey, Vec<Entry>) {
    let (mut hub, publisher, subscriber) = streaming();
    let records = hub.records(0);
    hub.request(0, publisher, &data(1, "a"));
    let late = hub.withhold(0);
    hub.take_over(0, &records);
    (hub, subscriber, late)
}

fn at(number: u64) -> String {
    format!(r#""streamSequenceId":{number}"#)
}

#[test]
fn a_stream_has_a_beginning_numbered_messages_and_an_end() {
    let (mut hub, publisher, subscriber) = streaming();
    assert_eq!(hub.ask(0, publisher, &data(1, "a")), [ack(2)]);
    assert_eq!(hub.ask(0, publisher, &data(1, "again")), [ack(2)]);
    let gap = hub.ask(0, publisher, &data(3, "gap"));
    assert!(gap[0].contains("InvalidSequenceId"), "{gap:?}");
    assert_eq!(hub.ask(0, publisher, &data(2, "b")), [ack(3)]);
    assert_eq!(hub.ask(0, publisher, END), [CLOSED]);
    assert_eq!(hub.sent(1, subscriber), [seen("a", &at(1)), seen("b", &at(2)), terminal(3, "")]);
    assert_eq!(hub.ask(0, publisher, END), [NOT_FOUND]);
    assert_eq!(hub.ask(0, publisher, START), [ack(1)], "the id is free again");
    assert_eq!(hub.ask(0, publisher, &data(1, "c")), [ack(2)], "it is no repetition of the stream before");
    assert_eq!(hub.sent(1, subscriber), [seen("c", &at(1))]);
}

#[test]
fn nothing_is_acknowledged_before_it_is_stored_and_the_publisher_is_held_until_then() {
    let (mut hub, publisher, subscriber) = streaming();
    hub.request(0, publisher, &data(1, "a"));
    hub.carry_out();
    assert!(hub.nodes[0].shard.is_held(publisher));
    assert_eq!(hub.sent(0, publisher), [""; 0]);
    hub.settle();
    assert!(!hub.nodes[0].shard.is_held(publisher));
    assert_eq!(hub.sent(0, publisher), [ack(2)]);
    assert_eq!(hub.sent(1, subscriber), [seen("a", &at(1))]);
}

#[test]
fn a_start_is_acknowledged_under_its_ack_id_and_refused_in_words_where_it_cannot_be_stored() {
    let mut hub = LoggedHub::new(1);
    let publisher = hub.nodes[0].reliable(1);
    let start = START.replace(r#""group""#, r#""ackId":7,"group""#);
    hub.storing = Storing::Refused;
    let refused = hub.ask(0, publisher, &start);
    assert_eq!(refused[0], closed("InternalServerError", "The request could not be stored."));
    assert!(refused[1].contains(r#""success":false"#), "{refused:?}");
    hub.storing = Storing::Stored;
    let answers = hub.ask(0, publisher, &start);
    assert_eq!(answers, [ack(1), r#"{"type":"ack","ackId":7,"success":true}"#.to_owned()]);
    assert!(hub.ask(0, publisher, &start)[0].contains("Duplicate"));
    let twice = hub.ask(0, publisher, START);
    assert_eq!(twice, [closed("BadRequest", "The connection has an open stream with this id.")]);
}

#[test]
fn a_message_that_cannot_be_stored_is_stored_later_in_its_place() {
    let (mut hub, publisher, subscriber) = streaming();
    hub.storing = Storing::Refused;
    assert_eq!(hub.ask(0, publisher, &data(1, "a")), [""; 0]);
    (0..20).for_each(|_| hub.wait(500));
    assert!(hub.nodes[0].shard.is_held(publisher), "its silence means nothing, and nothing else is read");
    hub.storing = Storing::Unanswered;
    hub.wait(500);
    hub.storing = Storing::Stored;
    hub.wait(500);
    assert_eq!(hub.sent(0, publisher), [ack(2)]);
    assert_eq!(hub.ask(0, publisher, &data(2, "b")), [ack(3)]);
    assert_eq!(hub.sent(1, subscriber), [seen("a", &at(1)), seen("b", &at(2))]);
}

#[test]
fn a_stream_breaks_off_for_everybody_when_nothing_can_be_stored_for_too_long() {
    let (mut hub, publisher, subscriber) = streaming();
    hub.storing = Storing::Refused;
    hub.ask(0, publisher, &data(1, "a"));
    (0..61).for_each(|_| hub.wait(500));
    let told = [closed("InternalServerError", "The request could not be stored.")];
    assert_eq!(hub.sent(0, publisher), told);
    assert!(!hub.nodes[0].shard.is_held(publisher));
    assert_eq!(hub.ask(0, publisher, &data(1, "a")), [NOT_FOUND]);
    assert_eq!(hub.sent(1, subscriber), [""; 0]);
    hub.storing = Storing::Stored;
    hub.wait(500);
    assert_eq!(hub.sent(1, subscriber), [terminal(1, UNSTORED)]);
    assert_eq!(hub.sent(0, publisher), [""; 0]);
    assert_eq!(hub.nodes[0].shard.counters().streams_unstored, 1);
    assert_eq!(hub.ask(0, publisher, START), [ack(1)]);
}

#[test]
fn an_end_is_tried_for_ten_minutes_and_its_loss_is_counted() {
    let (mut hub, publisher, subscriber) = streaming();
    hub.storing = Storing::Refused;
    assert_eq!(hub.ask(0, publisher, END), [""; 0]);
    (0..1_201).for_each(|_| hub.wait(500));
    assert_eq!(hub.sent(0, publisher), [closed("InternalServerError", "The request could not be stored.")]);
    assert_eq!(hub.nodes[0].shard.counters().stream_ends_lost, 1);
    hub.storing = Storing::Stored;
    assert_eq!(hub.ask(0, publisher, START), [ack(1)], "the id is free again");
    assert_eq!(hub.sent(1, subscriber), [""; 0]);
}

#[test]
fn a_permission_that_is_revoked_and_silence_end_a_stream_for_everybody() {
    let (mut hub, publisher, subscriber) = streaming();
    hub.wait(5_000);
    assert_eq!(hub.sent(0, publisher), [closed("IdleTimeout", "The stream was idle for too long.")]);
    assert_eq!(hub.sent(1, subscriber), [terminal(1, IDLE)]);
    assert_eq!(hub.ask(0, publisher, START), [ack(1)]);
    let revoke = Command::Revoke(id(1), Permission::SendToGroup, group("g"));
    assert_eq!(hub.nodes[0].execute(revoke), Reply::Done);
    let answer = hub.ask(0, publisher, &data(1, "a"));
    assert!(answer[0].contains(r#""streamClosed""#) && answer[0].contains("Forbidden"), "{answer:?}");
    assert_eq!(hub.sent(1, subscriber), [terminal(1, FORBIDDEN)]);
}

#[test]
fn a_publisher_that_ends_leaves_the_ends_of_its_streams_to_whoever_forgets_it() {
    let (mut hub, publisher, subscriber) = streaming();
    hub.nodes[0].shard.disconnect(publisher, Ending::Normal(String::new()), 1000);
    hub.settle();
    assert_eq!(hub.sent(1, subscriber), [terminal(1, CANCELLED)]);
    let forgotten = |hub: &LoggedHub| {
        hub.forgotten.iter().map(|parting| (parting.end.connection, parting.is_told)).collect::<Vec<_>>()
    };
    assert_eq!(forgotten(&hub), [(id(1), false)]);
    let publisher = hub.nodes[0].plain(3);
    assert_eq!(hub.ask(0, publisher, START), [ack(1)]);
    hub.storing = Storing::Refused;
    hub.nodes[0].shard.disconnect(publisher, Ending::Lost, 1000);
    hub.wait(500);
    assert_eq!(hub.sent(1, subscriber), [""; 0]);
    hub.storing = Storing::Stored;
    hub.wait(500);
    let end = hub.sent(1, subscriber);
    assert!(end[0].contains("Cancelled") && end.len() == 1, "{end:?}");
    assert_eq!(
        forgotten(&hub),
        [(id(1), false), (id(3), true)],
        "its own process tells the end of a plain publisher"
    );
}

#[test]
fn the_time_in_which_a_process_stood_still_is_no_silence_of_its_publishers() {
    let (mut hub, publisher, subscriber) = streaming();
    hub.wait(9_000);
    assert_eq!(hub.sent(1, subscriber), [""; 0]);
    assert_eq!(hub.ask(0, publisher, &data(1, "a")), [ack(2)]);
}

#[test]
fn a_stream_goes_on_where_the_session_of_its_publisher_is_taken() {
    let (mut hub, publisher, subscriber) = streaming();
    let records = hub.records(0);
    assert_eq!(hub.ask(0, publisher, &data(1, "a")), [ack(2)]);
    // This one gets into the log, and nobody lives to say so.
    hub.request(0, publisher, &data(2, "b"));
    hub.carry_out();
    hub.take_over(0, &records);
    let publisher = hub.nodes[0].resume(1).unwrap();
    hub.nodes[0].shard.greet_again(publisher, "token");
    assert!(hub.sent(0, publisher)[0].contains(r#""event":"connected""#), "it is told to go on");
    assert_eq!(hub.ask(0, publisher, &data(2, "b")), [ack(3)]);
    assert_eq!(hub.ask(0, publisher, &data(3, "c")), [ack(4)]);
    assert_eq!(hub.sent(1, subscriber), [seen("a", &at(1)), seen("b", &at(2)), seen("c", &at(3))]);
    hub.wait(5_000);
    assert_eq!(hub.sent(1, subscriber), [terminal(4, IDLE)], "the time-out has begun anew");
}

#[test]
fn a_message_that_a_process_had_left_to_say_comes_too_late_behind_an_end() {
    let (mut hub, subscriber, late) = overtaken();
    hub.wait(5_000);
    assert_eq!(hub.sent(1, subscriber), [terminal(1, IDLE)]);
    late.into_iter().for_each(|entry| hub.append(0, entry));
    hub.settle();
    assert_eq!(hub.sent(1, subscriber), [""; 0]);
}

#[test]
fn an_end_comes_behind_a_message_that_has_taken_its_place() {
    let (mut hub, subscriber, late) = overtaken();
    let publisher = hub.nodes[0].resume(1).unwrap();
    late.into_iter().for_each(|entry| hub.append(0, entry));
    hub.request(0, publisher, END);
    hub.settle();
    assert_eq!(hub.sent(1, subscriber), [seen("a", &at(1)), terminal(2, "")]);
    assert_eq!(hub.sent(0, publisher).last().map(String::as_str), Some(CLOSED));
    assert!(!hub.nodes[0].shard.is_held(publisher));
}

#[test]
fn whoever_finds_that_a_session_has_ended_ends_its_streams_once() {
    let (mut hub, publisher, subscriber) = streaming();
    let records = hub.records(0);
    let close = Command::Close {
        target: hubwire_hub::Target::Connection(id(1)),
        excluded: [].into(),
        reason: "".into(),
    };
    let entry = hubwire_hub::Entry {
        hub: crate::fixture::hub(),
        author: None,
        act: hubwire_hub::Act::Command(close),
    };
    hub.append(0, entry);
    hub.settle();
    assert_eq!(hub.sent(1, subscriber), [terminal(1, CANCELLED)]);
    hub.take_over(0, &records);
    assert_eq!(hub.sent(1, subscriber), [""; 0]);
    assert_eq!(hub.forgotten.len(), 2, "by both of them");
    let _gone = publisher;
}

/// A plain publisher with an open stream in the first process, and a plain subscriber in the second.
fn plainly_streaming() -> (LoggedHub, ConnectionKey, ConnectionKey) {
    let mut hub = LoggedHub::new(2);
    let (publisher, subscriber) = (hub.nodes[0].plain(1), hub.nodes[1].plain(2));
    assert_eq!(hub.ask(0, publisher, START), [ack(1)]);
    (hub, publisher, subscriber)
}

/// What is kept elsewhere of the first publisher.
fn kept(hub: &LoggedHub) -> [Luggage; 1] {
    [hub.kept[&id(1)].clone()]
}

#[test]
fn a_plain_publishers_streams_end_once_where_the_sessions_of_its_process_are_taken() {
    let (mut hub, publisher, subscriber) = plainly_streaming();
    let records = kept(&hub);
    assert_eq!(hub.ask(0, publisher, &data(1, "a")), [ack(2)]);
    assert_eq!(hub.ask(0, publisher, &START.replace(r#""s""#, r#""other""#)).len(), 1);
    // This one gets into the log, and nobody lives to say so.
    hub.request(0, publisher, &data(2, "b"));
    hub.carry_out();
    hub.take_over(0, &records);
    let other = terminal(1, CANCELLED).replace(r#""s""#, r#""other""#);
    assert_eq!(
        hub.sent(1, subscriber),
        [seen("a", &at(1)), seen("b", &at(2)), terminal(3, CANCELLED), other]
    );
    assert_eq!(hub.nodes[0].shard.connection_count(), 0);
    hub.take_over(0, &records);
    assert_eq!(hub.sent(1, subscriber), [""; 0], "whoever took it died, and another one has found the same");
    assert!(hub.forgotten.iter().all(|parting| parting.is_told), "{:?}", hub.forgotten);
}

#[test]
fn a_plain_publisher_is_not_read_before_it_is_known_elsewhere_that_its_stream_is_open() {
    let mut hub = LoggedHub::new(1);
    let publisher = hub.nodes[0].plain(1);
    hub.keeping = false;
    for stream in ["s", "t"] {
        assert_eq!(hub.ask(0, publisher, &START.replace(r#""s""#, &format!(r#""{stream}""#))).len(), 1);
        assert!(hub.nodes[0].shard.is_held(publisher));
    }
    hub.wait(5_001);
    assert_eq!(hub.sent(0, publisher), [""; 0], "its silence means nothing");
    hub.keeping = true;
    hub.settle();
    assert!(!hub.nodes[0].shard.is_held(publisher));
    let streams = |records: &[Luggage]| records.iter().map(|record| record.streams.len()).collect::<Vec<_>>();
    assert_eq!(streams(&kept(&hub)), [2]);
    assert_eq!(streams(&hub.records(0)), [2]);
    assert_eq!(hub.records(0), [], "nothing has changed since");
    assert_eq!(hub.ask(0, publisher, &data(1, "a")), [ack(2)]);
    assert_eq!(hub.records(0)[0].streams.iter().map(|stream| stream.expected).max(), Some(2));
}

#[test]
fn a_plain_publisher_that_cannot_be_kept_is_told_after_thirty_seconds() {
    let mut hub = LoggedHub::new(1);
    let publisher = hub.nodes[0].plain(1);
    hub.keeping = false;
    assert_eq!(hub.ask(0, publisher, START), [ack(1)]);
    hub.wait(29_999);
    assert_eq!(hub.sent(0, publisher), [""; 0]);
    hub.wait(1);
    assert_eq!(hub.sent(0, publisher), [closed("InternalServerError", "The request could not be stored.")]);
    assert!(!hub.nodes[0].shard.is_held(publisher));
    assert_eq!(hub.nodes[0].shard.counters().streams_unstored, 1);
    hub.keeping = true;
    assert_eq!(hub.ask(0, publisher, START), [ack(1)]);
    assert!(!hub.nodes[0].shard.is_held(publisher));
}

#[test]
fn a_plain_publisher_that_is_too_large_to_be_kept_has_its_streams_broken_off_and_stays() {
    let (mut hub, publisher, subscriber) = plainly_streaming();
    let now_ms = hub.nodes[0].now_ms;
    hub.nodes[0].shard.receive(Letter::Unkept(id(1)), now_ms);
    hub.settle();
    assert_eq!(hub.sent(0, publisher), [closed("InternalServerError", "The request could not be stored.")]);
    assert_eq!(hub.sent(1, subscriber), [terminal(1, UNSTORED)]);
    assert_eq!(hub.nodes[0].shard.connection_id(publisher), Some(id(1)));
}

#[test]
fn nothing_of_a_plain_publisher_comes_behind_the_end_that_was_told_for_it() {
    let (mut hub, publisher, subscriber) = plainly_streaming();
    let records = kept(&hub);
    hub.request(0, publisher, &data(1, "a"));
    // Its process stands still with the message on its way.
    let late = hub.withhold(0);
    hub.take_over(0, &records);
    assert_eq!(hub.sent(1, subscriber), [terminal(1, CANCELLED)]);
    late.into_iter().for_each(|entry| hub.append(0, entry));
    hub.settle();
    assert_eq!(hub.sent(1, subscriber), [""; 0]);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Data,
    Repeat,
    Gap,
    Die,
    Log(Storing),
    Record,
    Wait,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Data),
        1 => Just(Step::Repeat),
        1 => Just(Step::Gap),
        1 => Just(Step::Die),
        1 => Just(Step::Log(Storing::Stored)),
        1 => Just(Step::Log(Storing::Refused)),
        1 => Just(Step::Log(Storing::Unanswered)),
        1 => Just(Step::Record),
        3 => Just(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_subscribers_see_each_message_once_and_in_order(steps in prop::collection::vec(steps(), 1..60)) {
        let mut hub = LoggedHub::new(2);
        let (mut publisher, subscriber) = (hub.nodes[0].reliable(1), hub.nodes[1].plain(2));
        hub.ask(0, publisher, &START.replace("5000", "500000"));
        let mut records = hub.records(0);
        let (mut next, mut texts) = (1, Vec::new());
        for step in steps.into_iter().chain([Step::Log(Storing::Stored), Step::Wait, Step::Data]) {
            match step {
                _ if hub.nodes[0].shard.is_held(publisher) && matches!(step, Step::Data | Step::Repeat | Step::Gap) => {}
                Step::Data => hub.request(0, publisher, &data(next, &next.to_string())),
                Step::Repeat => hub.request(0, publisher, &data(next - 1, "again")),
                Step::Gap => hub.request(0, publisher, &data(next + 1, "gap")),
                Step::Log(storing) => hub.storing = storing,
                Step::Record => {
                    let changed = hub.records(0);
                    if !changed.is_empty() { records = changed; }
                }
                Step::Die => {
                    hub.carry_out();
                    hub.take_over(0, &records);
                    publisher = hub.nodes[0].resume(1).unwrap();
                }
                Step::Wait => hub.wait(500),
            }
            hub.settle();
            for frame in hub.sent(0, publisher) {
                if let Some((_, expected)) = frame.split_once(r#""streamAck","streamId":"s","expectedSequenceId":"#) {
                    next = expected.trim_end_matches('}').parse::<u64>().unwrap().max(next);
                }
            }
            let text = |frame: &String| frame.split_once(r#""data":""#).map(|(_, rest)| rest.split('"').next().unwrap().to_owned());
            texts.extend(hub.sent(1, subscriber).iter().filter_map(text));
        }
        prop_assert!(next > 1, "the last message is stored");
        prop_assert_eq!(texts, (1..next).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}
