use hubwire_hub::{Answer, Command, Delivered, Effect, Limits, Subject, TraceContext};
use hubwire_protocol::Data;

use crate::fixture::{Node, envelope, group, id, to_group};

fn context(flags: &str) -> TraceContext {
    let header = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
    TraceContext::from_traceparent(&header).unwrap()
}

fn deliveries(node: &mut Node) -> Vec<Delivered> {
    node.shard.take_deliveries().0.into_iter().map(|traced| traced.delivered).collect()
}

#[test]
fn what_a_request_leads_to_carries_its_cause_and_what_follows_does_not() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.settle();
    let cause = context("01");
    node.shard.caused_by(Some(cause));
    node.request(key, r#"{"type":"sendToGroup","group":"g","dataType":"text","data":"x"}"#);
    node.request(key, r#"{"type":"event","event":"e","dataType":"text","data":"x"}"#);
    node.shard.caused_by(None);
    let effects = node.settle();
    let causes: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Publish(envelope) => Some(envelope.cause),
            Effect::Ask { event, .. } => Some(event.cause),
            _ => None,
        })
        .collect();
    assert_eq!(causes, [Some(cause), Some(cause)]);
    let (_, asked) = node.events();
    assert!(asked.is_empty());
    node.execute(Command::Leave(Subject::Connection(id(1)), group("g")));
    assert!(node.events().0.iter().all(|event| event.cause.is_none()));
}

#[test]
fn an_answer_is_delivered_because_of_its_question() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.events();
    node.shard.collect_deliveries(true);
    node.request(key, r#"{"type":"event","event":"e","dataType":"text","data":"x"}"#);
    let (_, asked) = node.events();
    node.shard.caused_by(Some(context("01")));
    let answer = Answer { data: Some(Data::Text("y".into())), ..Answer::default() };
    node.answer(1, &asked[0].1, Ok(answer));
    node.shard.caused_by(None);
    assert_eq!(deliveries(&mut node), [Delivered { recipients: 1, delivered: 1, ..Delivered::default() }]);
}

#[test]
fn a_delivery_is_told_if_it_is_collected_kept_and_has_recipients() {
    let mut node = Node::new(Limits::default());
    node.plain(1);
    node.plain(2);
    let mut sent = envelope(to_group("g"), "x");
    sent.cause = Some(context("01"));
    sent.excluded = [id(2)].into();
    node.shard.publish(&sent, node.now_ms);
    assert_eq!(deliveries(&mut node), [], "nobody collects");
    node.shard.collect_deliveries(true);
    node.shard.publish(&sent, node.now_ms);
    let told = Delivered { recipients: 2, delivered: 1, excluded: 1, ..Delivered::default() };
    assert_eq!(deliveries(&mut node), [told]);
    let mut nobody = envelope(to_group("empty"), "x");
    nobody.cause = sent.cause;
    node.shard.publish(&nobody, node.now_ms);
    sent.cause = Some(context("00"));
    node.shard.publish(&sent, node.now_ms);
    assert_eq!(deliveries(&mut node), [], "its caller does not keep it, or nobody was meant");
}

#[test]
fn deliveries_that_nobody_takes_are_bounded_and_counted() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.shard.collect_deliveries(true);
    let mut sent = envelope(to_group("g"), "x");
    sent.cause = Some(context("01"));
    for _ in 0..1_030 {
        node.shard.publish(&sent, node.now_ms);
        node.sent(key);
    }
    let (kept, lost) = node.shard.take_deliveries();
    assert_eq!((kept.len(), lost), (1_024, 6));
}
