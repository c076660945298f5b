//! What whoever watches is told of calls.

use std::sync::atomic::Ordering;

use hubwire_hub::{Count, Happening, MessageId, TraceContext, Work};

use crate::service::Service;

#[test]
fn a_call_is_counted_whether_or_not_anybody_watches() {
    let service = Service::new();
    service.call("POST /api/hubs/chat/:send").body("text/plain", "hello").send();
    service.call("POST /api/hubs/chat/:send").body("image/png", "hello").send();
    assert_eq!(*service.observer.counts.lock().unwrap(), [Count::RestCall(202), Count::RestCall(415)]);
    assert!(service.observer.facts.lock().unwrap().is_empty(), "nobody watches");
    assert!(!service.router.envelopes.lock().unwrap()[0].message_id.is_recorded());
}

#[test]
fn a_publish_and_its_call_are_told_to_whoever_watches() {
    let service = Service::new();
    service.observer.watching.store(true, Ordering::Relaxed);
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let call = service.call("POST /api/hubs/chat/groups/g/:send").body("text/plain", "hello");
    call.header("traceparent", traceparent).send();
    let facts = service.observer.facts.lock().unwrap();
    assert!(facts.iter().all(|fact| fact.group.as_ref().is_some_and(|group| group.as_str() == "g")));
    let [Happening::Published(published), Happening::RestCall(call)] =
        [&facts[0].happening, &facts[1].happening]
    else {
        panic!("a publish, then its call: {facts:?}");
    };
    assert_eq!((call.status, call.operation, &call.error), (202, "SendToGroup", &None));
    let trace_id = TraceContext::from_traceparent(traceparent).map(|context| context.trace_id);
    assert!(trace_id.is_some() && call.trace_id == trace_id && published.trace_id == trace_id);
    assert_eq!(published.message, MessageId::new(7, MessageId::ELSEWHERE));
    assert_eq!(service.router.envelopes.lock().unwrap()[0].message_id, published.message);
}

#[test]
fn a_publish_that_no_worker_took_is_told_as_a_refused_call_only() {
    let service = Service::new();
    service.observer.watching.store(true, Ordering::Relaxed);
    *service.router.publish_is_busy.lock().unwrap() = true;
    service.call("POST /api/hubs/chat/:send?access_token=secret").body("text/plain", "hello").send();
    let facts = service.observer.facts.lock().unwrap();
    let [fact] = &facts[..] else {
        panic!("one fact: {facts:?}");
    };
    let Happening::RestCall(call) = &fact.happening else {
        panic!("a call: {fact:?}");
    };
    assert_eq!((call.status, &*call.path), (503, "/api/hubs/chat/:send"), "no query is told");
}

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn what_a_call_leads_to_is_caused_by_its_caller_where_nobody_collects_spans() {
    let service = Service::new();
    let cause = TraceContext::from_traceparent(TRACEPARENT);
    let call = service.call("POST /api/hubs/chat/:send").body("text/plain", "hello");
    call.header("traceparent", TRACEPARENT).send();
    assert_eq!(service.router.envelopes.lock().unwrap()[0].cause, cause);
    service.call("PUT /api/hubs/chat/users/ann/groups/g").header("traceparent", TRACEPARENT).send();
    assert_eq!(*service.router.causes.lock().unwrap(), [cause]);
    assert!(service.observer.spans.lock().unwrap().is_empty());
}

#[test]
fn a_call_and_its_publish_are_spans_of_one_trace_where_they_are_collected() {
    let service = Service::new();
    service.observer.collecting.store(true, Ordering::Relaxed);
    let call = service.call("POST /api/hubs/chat/groups/g/:send").body("text/plain", "hello");
    call.header("traceparent", TRACEPARENT).send();
    let spans = service.observer.spans.lock().unwrap();
    let [publish, call] = &spans[..] else {
        panic!("a publish, then its call: {spans:?}");
    };
    assert!(matches!((&publish.work, &call.work), (Work::Publish(5), Work::RestCall(_))));
    assert_eq!(call.cause, TraceContext::from_traceparent(TRACEPARENT));
    assert_eq!(publish.cause, Some(call.context));
    assert_eq!(service.router.envelopes.lock().unwrap()[0].cause, Some(publish.context));
    assert!(spans.iter().all(|span| span.group.as_ref().is_some_and(|group| group.as_str() == "g")));
}

#[test]
fn a_call_that_its_caller_does_not_keep_and_a_health_check_are_no_spans() {
    let service = Service::new();
    service.observer.collecting.store(true, Ordering::Relaxed);
    let dropped = TRACEPARENT.replace("-01", "-00");
    let call = service.call("POST /api/hubs/chat/:send").body("text/plain", "hello");
    call.header("traceparent", &dropped).send();
    service.call("HEAD /api/health").send();
    assert!(service.observer.spans.lock().unwrap().is_empty());
}
