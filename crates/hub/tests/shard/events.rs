//! Events: what an application is told and asked, and what its answers do.

use std::collections::HashMap;
use std::sync::Arc;

use hubwire_auth::Pattern;
use hubwire_hub::{
    Answer, Command, Event, GroupEvents, Limits, Occurrence, Presence, Question, Subject, Unanswered,
};
use hubwire_protocol::{Data, Metadata};

use crate::fixture::{Node, group, id, opening};

const DONE: &str = r#"{"type":"ack","ackId":1,"success":true}"#;
const FAILED: &str = r#"{"type":"ack","ackId":1,"success":false,"error":{"name":"InternalServerError","message":"Internal server error"}}"#;
const EVENT: &str = r#"{"type":"event","event":"e","data":1,"ackId":1}"#;

fn says(text: &str) -> Answer {
    Answer { data: Some(Data::Text(text.to_owned().into())), ..Answer::default() }
}

fn only_question(node: &mut Node) -> Question {
    let (_, mut asked) = node.events();
    assert_eq!(asked.len(), 1);
    asked.remove(0).1
}

fn occurrences(events: &[Event]) -> Vec<(u64, String)> {
    let name = |event: &Event| match &event.occurrence {
        Occurrence::Connected => "connected".to_owned(),
        Occurrence::Disconnected { reason } => format!("disconnected: {reason}"),
        Occurrence::Joined(group) => format!("joined {group}"),
        Occurrence::Left(group) => format!("left {group}"),
        Occurrence::User { name, .. } => format!("user {name}"),
    };
    events.iter().map(|event| (event.id, name(event))).collect()
}

fn presence(groups: &[&str]) -> Option<Arc<Presence>> {
    let groups = groups.iter().map(|pattern| Pattern::parse(pattern).unwrap()).collect();
    let other_hubs = vec![GroupEvents { joined: true, left: true, groups }];
    Some(Arc::new(Presence { hubs: HashMap::new(), other_hubs }))
}

#[test]
fn a_connection_begins_and_ends_once() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.shard.disconnect(key, hubwire_hub::Ending::Normal("bye".to_owned()), node.now_ms);
    let (told, _) = node.events();
    assert_eq!(occurrences(&told), [(1, "connected".to_owned()), (2, "disconnected: bye".to_owned())]);
    assert!(told.iter().all(|event| event.connection == id(1) && &*event.origin == "localhost"));
    assert_eq!(told[1].user.as_ref().map(|user| user.as_str()), Some("u1"));
    assert_eq!(told[1].subprotocol.as_deref(), Some("json.webpubsub.azure.v1"));
}

#[test]
fn a_session_that_comes_back_has_neither_ended_nor_begun() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.events();
    node.lose(key);
    node.resume(1).unwrap();
    assert_eq!(node.events().0, []);
    node.lose(key);
    node.now_ms += 30_000;
    node.shard.keep_time(node.now_ms);
    assert_eq!(
        occurrences(&node.events().0),
        [(2, "disconnected: The connection recovery timeout expired.".to_owned())]
    );
}

#[test]
fn memberships_are_told_only_where_somebody_follows_them_and_only_when_they_change() {
    let mut node = Node::new(Limits::default());
    let quiet = node.plain(1);
    assert_eq!(node.events().0.len(), 1, "nobody follows groups");
    node.shard.set_presence(presence(&["g*"]));
    let key = node.plain(2);
    for text in [
        r#"{"type":"joinGroup","group":"g2"}"#,
        r#"{"type":"joinGroup","group":"g2"}"#,
        r#"{"type":"joinGroup","group":"other"}"#,
        r#"{"type":"leaveGroup","group":"g2"}"#,
        r#"{"type":"leaveGroup","group":"g2"}"#,
    ] {
        node.request(key, text);
    }
    node.execute(Command::Join(Subject::Connection(id(2)), group("g3")));
    node.lose(key);
    let told = occurrences(&node.events().0);
    let names: Vec<_> = told.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "connected",
            "joined g",
            "joined g2",
            "left g2",
            "joined g3",
            "left g3",
            "left g",
            "disconnected: The connection ended."
        ]
    );
    assert!(told.iter().enumerate().all(|(index, (id, _))| *id == index as u64 + 1));
    assert!(node.shard.connection_id(quiet).is_some());
}

#[test]
fn a_client_waits_until_its_event_is_answered_and_then_sees_the_answer_before_the_acknowledgement() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.request(key, EVENT);
    assert!(node.shard.is_held(key));
    let question = only_question(&mut node);
    assert_eq!(node.sent(key), [""; 0]);
    node.answer(1, &question, Ok(says("yes")));
    assert!(!node.shard.is_held(key));
    assert_eq!(
        node.sent(key),
        [r#"{"type":"message","from":"server","dataType":"text","data":"yes"}"#, DONE]
    );
    node.answer(1, &question, Ok(says("again")));
    assert_eq!(node.sent(key), [""; 0], "it is answered already");
}

#[test]
fn metadata_alone_comes_with_an_empty_text() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.request(key, r#"{"type":"event","event":"e","data":1}"#);
    let question = only_question(&mut node);
    let metadata = Some(Metadata::new([("k", "v")]).unwrap());
    node.answer(1, &question, Ok(Answer { metadata, ..Answer::default() }));
    assert_eq!(
        node.sent(key),
        [r#"{"type":"message","from":"server","dataType":"text","data":"","metadata":{"k":"v"}}"#]
    );
}

#[test]
fn an_event_that_fails_may_be_repeated_under_its_id() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    for failure in [Unanswered::Unhandled, Unanswered::Failed] {
        node.request(key, EVENT);
        let question = only_question(&mut node);
        node.answer(1, &question, Err(failure));
        assert_eq!(node.sent(key), [FAILED]);
    }
    node.request(key, EVENT);
    let question = only_question(&mut node);
    node.answer(1, &question, Ok(Answer::default()));
    assert_eq!(node.sent(key), [DONE]);
    node.request(key, EVENT);
    assert_eq!(node.events().1.len(), 0, "it has taken effect");
    assert_eq!((node.shard.counters().events_unhandled, node.shard.counters().events_failed), (1, 1));
}

#[test]
fn a_simple_client_whose_event_fails_is_closed() {
    let mut node = Node::new(Limits::default());
    let protocol = hubwire_hub::Protocol::Simple(Box::new(hubwire_hub::SimpleMode::SendEvent));
    let key = node.open(1, protocol);
    node.events();
    let kind = hubwire_protocol::websocket::MessageKind::Text;
    node.shard.simple_message(key, kind, "hi".into(), node.now_ms);
    let (_, asked) = node.events();
    let (event, question) = &asked[0];
    let Occurrence::User { name, data, .. } = &event.occurrence else { panic!("{event:?}") };
    assert_eq!((name.as_str(), data.clone()), ("message", Some(Data::Text("hi".into()))));
    node.answer(1, question, Ok(says("yes")));
    assert_eq!(node.sent(key), ["yes"]);
    node.shard.simple_message(key, kind, "hi".into(), node.now_ms);
    let question = only_question(&mut node);
    node.answer(1, &question, Err(Unanswered::Failed));
    assert_eq!(node.sent(key), ["close 1011 Internal server error"]);
}

#[test]
fn a_state_is_kept_with_the_connection_until_the_next_one() {
    let mut node = Node::new(Limits::default());
    let mut given = opening(1, hubwire_hub::Protocol::PubSub(hubwire_protocol::Subprotocol::Json));
    given.state = Some("first".into());
    let key = node.shard.connect(given);
    let states =
        |events: Vec<(Event, Question)>| events.into_iter().map(|(event, _)| event.state).collect::<Vec<_>>();
    assert_eq!(node.events().0[0].state.as_deref(), Some(&b"first"[..]));
    node.request(key, EVENT);
    let (_, asked) = node.events();
    node.answer(1, &asked[0].1, Ok(Answer { state: Some("".into()), ..Answer::default() }));
    node.request(key, r#"{"type":"event","event":"e","data":1}"#);
    let (_, asked) = node.events();
    node.answer(1, &asked[0].1, Ok(Answer::default()));
    assert_eq!(states(asked), [Some("".into())], "an empty state is a state");
    node.lose(key);
    assert_eq!(node.events().0[0].state.as_deref(), Some(&b""[..]));
}

#[test]
fn an_answer_finds_a_session_that_lost_its_socket_meanwhile() {
    let mut node = Node::new(Limits::default());
    let key = node.reliable(1);
    node.request(key, EVENT);
    let question = only_question(&mut node);
    node.lose(key);
    node.answer(1, &question, Ok(says("yes")));
    node.resume(1).unwrap();
    assert!(!node.shard.is_held(key));
    assert_eq!(
        node.sent(key),
        [r#"{"sequenceId":1,"type":"message","from":"server","dataType":"text","data":"yes"}"#]
    );
    node.request(key, EVENT);
    let duplicate = r#"{"type":"ack","ackId":1,"success":false,"error":{"name":"Duplicate","message":"Message with ack-id: 1 has been processed"}}"#;
    assert_eq!(node.sent(key), [duplicate], "what the client repeats has taken effect");
}

#[test]
fn an_answer_to_a_connection_that_ended_is_nothing() {
    let mut node = Node::new(Limits::default());
    let key = node.plain(1);
    node.request(key, EVENT);
    let question = only_question(&mut node);
    node.lose(key);
    node.answer(1, &question, Ok(says("yes")));
    assert_eq!(node.shard.connection_count(), 0);
    assert_eq!(node.execute(Command::Exists(hubwire_hub::Target::Hub)), hubwire_hub::Reply::Missing);
}
