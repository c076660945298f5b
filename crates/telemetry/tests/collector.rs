//! What a collector keeps, drops and exports, in process.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hubwire_hub::{NoObserver, Observer, Span, TraceContext, Work};
use hubwire_protocol::HubName;
use hubwire_telemetry::{Collector, Environment, Exporter, Post, Settings};
use tokio_util::sync::CancellationToken;

/// Counts up: every value is another one, and every run the same.
struct Counting(AtomicU64);

impl Environment for Counting {
    fn monotonic_us(&self) -> u64 {
        5_000_000
    }

    fn unix_us(&self) -> u64 {
        1_700_000_000_000_000
    }

    fn random(&self) -> u128 {
        // A multiplier without common factors spreads them over all bits.
        let next = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        u128::from(next).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
    }
}

#[derive(Clone, Default)]
struct Exports(Arc<Mutex<Vec<Request<Bytes>>>>);

impl Exports {
    fn post(&self, status: StatusCode) -> Post {
        let exports = self.0.clone();
        Box::new(move |request| {
            exports.lock().unwrap().push(request);
            let answer = Response::builder().status(status).body(Bytes::new()).map_err(|it| it.to_string());
            Box::pin(async move { answer })
        })
    }

    fn bodies(&self) -> Vec<u8> {
        self.0.lock().unwrap().iter().flat_map(|request| request.body().to_vec()).collect()
    }
}

fn collector(sampling_ratio: f64, post: Post) -> (Arc<Collector>, Exporter) {
    let settings = Settings {
        endpoint: "http://collector.example:4318/".to_owned(),
        headers: vec![("x-api-key".to_owned(), "secret".to_owned())],
        sampling_ratio,
        service_name: "chat-backend".to_owned(),
        instance: "i1".to_owned(),
    };
    assert!(!format!("{settings:?}").contains("secret"));
    let environment = Arc::new(Counting(AtomicU64::new(0)));
    Collector::new(&settings, Arc::new(NoObserver), environment, post).expect("the settings are right")
}

fn publish(context: TraceContext, cause: Option<TraceContext>) -> Span {
    let hub = HubName::parse("chat").ok();
    Span { hub, ..Span::new(context, cause, (4_000_000, 4_500_000), Work::Publish(7)) }
}

/// Exports what waits, as when a service stops.
async fn finish(exporter: Exporter) {
    let stop = CancellationToken::new();
    stop.cancel();
    exporter.run(stop).await;
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_trace_that_begins_here_is_kept_as_often_as_the_ratio_says() {
    for ratio in [0.0, 0.1, 0.5, 1.0] {
        let (collector, _exporter) = collector(ratio, Exports::default().post(StatusCode::OK));
        let begun: Vec<_> = (0..10_000).filter_map(|_| collector.begin(None)).collect();
        let kept = begun.iter().filter(|context| context.sampled).count() as f64 / begun.len() as f64;
        assert!((kept - ratio).abs() < 0.02, "{kept} of {ratio}");
        assert!(begun.iter().all(|context| context.span_id != 0));
    }
}

#[test]
fn what_is_caused_stays_in_the_trace_of_its_cause_and_is_kept_if_that_is() {
    let (collector, _exporter) = collector(0.0, Exports::default().post(StatusCode::OK));
    for flags in ["00", "01"] {
        let header = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        let cause = TraceContext::from_traceparent(&header).expect("it is a place");
        let begun = collector.begin(Some(cause)).expect("there is one");
        assert_eq!((begun.trace_id, begun.sampled), (cause.trace_id, cause.sampled));
        assert_ne!(begun.span_id, cause.span_id);
    }
}

#[tokio::test]
async fn a_span_is_exported_with_its_place_names_and_times() {
    let exports = Exports::default();
    let (collector, exporter) = collector(1.0, exports.post(StatusCode::OK));
    let cause = collector.begin(None).expect("there is one");
    let context = collector.begin(Some(cause)).expect("there is one");
    collector.end(publish(context, Some(cause)));
    finish(exporter).await;
    let requests = exports.0.lock().unwrap().len();
    assert_eq!(requests, 1);
    {
        let requests = exports.0.lock().unwrap();
        assert_eq!(requests[0].uri(), "http://collector.example:4318/v1/traces");
        assert_eq!(requests[0].headers()["x-api-key"], "secret");
    }
    let body = exports.bodies();
    for id in [context.span_id, cause.span_id] {
        assert!(contains(&body, &id.to_be_bytes()));
    }
    assert!(contains(&body, &context.trace_id.bits().to_be_bytes()));
    for name in [&b"publish"[..], b"hubwire.hub", b"chat", b"service.name", b"chat-backend"] {
        assert!(contains(&body, name), "{} is missing", String::from_utf8_lossy(name));
    }
    let begun_ns: u64 = (1_700_000_000_000_000 - 1_000_000) * 1_000;
    assert!(contains(&body, &begun_ns.to_le_bytes()), "a second before now");
}

#[tokio::test]
async fn many_spans_go_out_in_batches_and_none_twice() {
    let exports = Exports::default();
    let (collector, exporter) = collector(1.0, exports.post(StatusCode::OK));
    for _ in 0..1_100 {
        let context = collector.begin(None).expect("there is one");
        collector.end(publish(context, None));
    }
    finish(exporter).await;
    assert_eq!(exports.0.lock().unwrap().len(), 3);
    let body = exports.bodies();
    let spans = body.windows(7).filter(|window| window == b"publish").count();
    assert_eq!(spans, 1_100);
}

#[tokio::test]
async fn spans_beyond_the_bound_are_dropped_and_do_not_block() {
    let exports = Exports::default();
    let (collector, exporter) = collector(1.0, exports.post(StatusCode::OK));
    for _ in 0..10_000 {
        let context = collector.begin(None).expect("there is one");
        collector.end(publish(context, None));
    }
    finish(exporter).await;
    let body = exports.bodies();
    assert_eq!(body.windows(7).filter(|window| window == b"publish").count(), 8_192);
}

#[tokio::test]
async fn an_export_that_is_refused_is_given_up_and_the_next_one_tried() {
    let exports = Exports::default();
    let (collector, exporter) = collector(1.0, exports.post(StatusCode::BAD_REQUEST));
    for _ in 0..600 {
        let context = collector.begin(None).expect("there is one");
        collector.end(publish(context, None));
    }
    finish(exporter).await;
    assert_eq!(exports.0.lock().unwrap().len(), 2, "status 400 is not repeated");
}
