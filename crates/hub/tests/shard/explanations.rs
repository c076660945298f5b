//! What a shard says of its decisions is what it did.

use std::collections::HashMap;

use hubwire_filter::Filter;
use hubwire_hub::{Command, Envelope, Inquiry, Limits, MessageId, Reply, Rule, Target};
use proptest::prelude::*;

use crate::fixture::{Node, envelope, group, id, to_group};

const CONNECTIONS: u128 = 4;
const FILTERS: [&str; 3] = ["userId eq 'u1'", "'h' in groups", "not ('h' in groups)"];

#[derive(Debug, Clone)]
enum Act {
    Join(u128),
    Leave(u128),
    Publish { to: Option<u128>, excluded: Option<u128>, filter: Option<usize> },
    Acknowledge(u128),
    Close(u128),
}

fn act() -> impl Strategy<Value = Act> {
    let connection = 1..=CONNECTIONS;
    prop_oneof![
        2 => connection.clone().prop_map(Act::Join),
        2 => connection.clone().prop_map(Act::Leave),
        6 => (
            prop::option::weighted(0.3, connection.clone()),
            prop::option::weighted(0.3, connection.clone()),
            prop::option::weighted(0.4, 0..FILTERS.len()),
        )
            .prop_map(|(to, excluded, filter)| Act::Publish { to, excluded, filter }),
        1 => connection.clone().prop_map(Act::Acknowledge),
        1 => connection.prop_map(Act::Close),
    ]
}

/// A published message, and who got it.
struct Sent {
    message: MessageId,
    target: Target,
    recipients: Vec<u128>,
}

fn rule(node: &mut Node, sent: &Sent, number: u128) -> Rule {
    let inquiry = Inquiry {
        message: sent.message,
        target: sent.target.clone(),
        accepted_ms: node.now_ms,
        subject: Target::Connection(id(number)),
        limit: 1,
    };
    match node.execute(Command::Explain(inquiry)) {
        Reply::Explained(explained) => explained.items[0].rule.clone(),
        other => panic!("this is no explanation: {other:?}"),
    }
}

fn was_delivered(rule: &Rule) -> bool {
    matches!(
        rule,
        Rule::Acknowledged { .. }
            | Rule::Unacknowledged { .. }
            | Rule::Written { .. }
            | Rule::Waiting { .. }
            | Rule::Lost { .. }
    )
}

proptest! {
    #[test]
    fn an_explanation_agrees_with_what_arrived(acts in prop::collection::vec(act(), 1..40)) {
        let mut node = Node::new(Limits::default());
        node.shard.watch(true, 0);
        let mut keys = HashMap::new();
        for number in 1..=CONNECTIONS {
            // Every other one acknowledges.
            let key = if number % 2 == 0 { node.reliable(number) } else { node.plain(number) };
            keys.insert(number, key);
        }
        let mut all: Vec<Sent> = Vec::new();
        for act in acts {
            node.now_ms += 1;
            node.shard.set_now_ms(node.now_ms);
            match act {
                Act::Join(number) => {
                    let subject = hubwire_hub::Subject::Connection(id(number));
                    node.execute(Command::Join(subject, group("h")));
                }
                Act::Leave(number) => {
                    let subject = hubwire_hub::Subject::Connection(id(number));
                    node.execute(Command::Leave(subject, group("h")));
                }
                Act::Publish { to, excluded, filter } => {
                    let target = to.map_or_else(|| to_group("h"), |number| Target::Connection(id(number)));
                    let message = MessageId::new(all.len() as u64 + 1, MessageId::ELSEWHERE);
                    let envelope = Envelope {
                        message_id: message,
                        excluded: excluded.map(id).into_iter().collect(),
                        filter: filter.map(|index| Filter::parse(FILTERS[index]).unwrap().into()),
                        ..envelope(target.clone(), "hello")
                    };
                    node.shard.publish(&envelope, node.now_ms);
                    let got = |number: &u128| !node.texts(keys[number]).is_empty();
                    let recipients = (1..=CONNECTIONS).filter(got).collect();
                    all.push(Sent { message, target, recipients });
                }
                Act::Acknowledge(number) => node.acknowledge(keys[&number], u64::MAX),
                Act::Close(number) => {
                    node.execute(Command::Close {
                        target: Target::Connection(id(number)),
                        excluded: [].into(),
                        reason: "".into(),
                    });
                    node.sent(keys[&number]);
                }
            }
        }
        node.settle();
        for sent in &all {
            for number in 1..=CONNECTIONS {
                let rule = rule(&mut node, sent, number);
                let delivered = sent.recipients.contains(&number);
                prop_assert_eq!(was_delivered(&rule), delivered, "{:?}", rule);
                prop_assert!(!matches!(rule, Rule::Unknown | Rule::NotRecorded), "{:?}", rule);
            }
        }
    }
}

#[test]
fn nothing_is_told_while_nobody_watches() {
    let mut node = Node::new(Limits::default());
    node.plain(1);
    node.publish(to_group("g"), "hello");
    assert!(node.shard.take_facts().is_none());
    node.shard.watch(true, 0);
    node.publish(to_group("g"), "hello");
    node.plain(2);
    assert!(node.shard.take_facts().is_some_and(|(facts, lost)| !facts.is_empty() && lost == 0));
    node.plain(3);
    node.shard.watch(false, 0);
    assert!(node.shard.take_facts().is_none());
}

#[test]
fn more_facts_than_a_shard_may_tell_are_counted() {
    let mut node = Node::new(Limits::default());
    node.shard.watch(true, 0);
    let key = node.plain(1);
    for _ in 0..10_000 {
        node.request(key, r#"{"type":"joinGroup","group":"h"}"#);
        node.request(key, r#"{"type":"leaveGroup","group":"h"}"#);
        node.sent(key);
    }
    let (facts, lost) = node.shard.take_facts().expect("something happened");
    assert!(facts.len() <= 5_000 && lost > 0, "{} facts, {lost} lost", facts.len());
}

#[test]
fn a_message_from_before_recording_began_is_not_explained() {
    let mut node = Node::new(Limits::default());
    node.plain(1);
    let message = MessageId::new(1, MessageId::ELSEWHERE);
    let early = Envelope { message_id: message, ..envelope(to_group("g"), "early") };
    node.shard.publish(&early, node.now_ms);
    node.now_ms += 10;
    node.shard.set_now_ms(node.now_ms);
    node.shard.watch(true, 0);
    let mut inquiry = Inquiry {
        message,
        target: to_group("g"),
        accepted_ms: node.now_ms - 10,
        subject: Target::Connection(id(1)),
        limit: 1,
    };
    let mut ask = |inquiry: &Inquiry| match node.execute(Command::Explain(inquiry.clone())) {
        Reply::Explained(explained) => explained.items[0].rule.clone(),
        other => panic!("this is no explanation: {other:?}"),
    };
    assert_eq!(ask(&inquiry), Rule::NotRecorded);
    inquiry.target = Target::Connection(id(2));
    assert_eq!(ask(&inquiry), Rule::NotRecorded);
}
