//! Invocations: what the client that waits for an answer sees.

use hubwire_hub::{Answer, Limits, Occurrence, Question, Unanswered};
use hubwire_protocol::{Data, Metadata};

use crate::fixture::{Node, id};

fn invoke(invocation_id: &str) -> String {
    format!(
        r#"{{"type":"invoke","invocationId":"{invocation_id}","target":"event","event":"add","data":[1,2]}}"#
    )
}

fn failed(invocation_id: &str, name: &str, message: &str) -> String {
    format!(
        r#"{{"type":"invokeResponse","invocationId":"{invocation_id}","success":false,"error":{{"name":"{name}","message":"{message}"}}}}"#
    )
}

/// The question that the application is asked.
fn asked(node: &mut Node) -> Option<Question> {
    let (event, question) = node.events().1.into_iter().next()?;
    assert_eq!(event.connection, id(1));
    assert!(matches!(event.occurrence, Occurrence::User { name, .. } if name.as_str() == "add"));
    Some(question)
}

fn three() -> Answer {
    let metadata = Metadata::new([("k", "v")]).unwrap();
    Answer { data: Some(Data::Json("3".into())), metadata: Some(metadata), state: None }
}

#[test]
fn an_answer_goes_back_once() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.request(key, &invoke("1"));
    let serial = asked(&mut node).unwrap();
    assert_eq!(node.sent(key), [""; 0]);
    node.answer(1, &serial, Ok(three()));
    assert_eq!(
        node.sent(key),
        [
            r#"{"type":"invokeResponse","invocationId":"1","success":true,"dataType":"json","data":3,"metadata":{"k":"v"}}"#
        ]
    );
    node.answer(1, &serial, Ok(three()));
    assert_eq!(node.sent(key), [""; 0], "it is answered already");
    assert_eq!(node.shard.next_due_ms(), None);
}

#[test]
fn without_a_handler_it_fails_in_words() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.request(key, &invoke("1"));
    let serial = asked(&mut node).unwrap();
    node.answer(1, &serial, Err(Unanswered::Unhandled));
    assert_eq!(node.sent(key), [failed("1", "NotFound", "No event handler is registered for the event.")]);
}

#[test]
fn an_id_that_still_waits_is_a_duplicate_and_may_be_used_again_afterwards() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.request(key, &invoke("1"));
    let first = asked(&mut node).unwrap();
    assert_eq!(node.ask(key, &invoke("1")), [failed("1", "Duplicate", "Invocation '1' is still pending.")]);
    node.answer(1, &first, Ok(three()));
    node.sent(key);
    node.request(key, &invoke("1"));
    let second = asked(&mut node).unwrap();
    node.answer(1, &first, Ok(three()));
    assert_eq!(node.sent(key), [""; 0], "a late answer to the first is none to the second");
    node.answer(1, &second, Ok(three()));
    assert_eq!(node.sent(key).len(), 1);
}

#[test]
fn a_cancelled_one_is_over_and_an_unknown_one_is_not_minded() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    let cancel = r#"{"type":"cancelInvocation","invocationId":"1"}"#;
    assert_eq!(node.ask(key, cancel), [""; 0]);
    node.request(key, &invoke("1"));
    let serial = asked(&mut node).unwrap();
    assert_eq!(node.ask(key, cancel), [failed("1", "Cancelled", "The invocation was cancelled.")]);
    node.answer(1, &serial, Ok(three()));
    assert_eq!(node.sent(key), [""; 0]);
    assert_eq!(node.shard.next_due_ms(), None);
}

#[test]
fn one_that_is_not_answered_in_time_fails() {
    let mut node = Node::new(Limits { invocation_timeout_ms: 500, ..Limits::default() });
    let key = node.plain(1);
    node.ask(key, &invoke("1"));
    node.now_ms += 499;
    node.shard.keep_time(node.now_ms);
    assert_eq!(node.sent(key), [""; 0]);
    node.now_ms += 1;
    node.shard.keep_time(node.now_ms);
    assert_eq!(
        node.sent(key),
        [failed("1", "Timeout", "The event handler did not answer in time: limit invocation_timeout_ms.")]
    );
}

#[test]
fn ids_and_numbers_have_bounds() {
    let mut node = Node::new(Limits { invocations_per_connection_max: 1, ..Limits::default() });
    let key = node.plain(1);
    let length = "An invocation id has 1 to 1024 bytes.";
    assert_eq!(node.ask(key, &invoke("")), [failed("", "BadRequest", length)]);
    let long = "x".repeat(1025);
    assert_eq!(node.ask(key, &invoke(&long)), [failed(&long, "BadRequest", length)]);
    assert_eq!(node.ask(key, &invoke("1")), [""; 0]);
    let limit = "Too many invocations wait for an answer: limit invocations_per_connection_max.";
    assert_eq!(node.ask(key, &invoke("2")), [failed("2", "BadRequest", limit)]);
}

#[test]
fn a_client_that_loses_its_socket_has_given_up_on_them() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.request(key, &invoke("1"));
    let serial = asked(&mut node).unwrap();
    node.lose(key);
    node.resume(1);
    node.answer(1, &serial, Ok(three()));
    assert_eq!(node.sent(key), [""; 0]);
    node.request(key, &invoke("1"));
    assert!(asked(&mut node).is_some(), "the id is free again");
}
