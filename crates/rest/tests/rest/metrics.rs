use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};

use crate::service::Service;

/// Notes each increment of a counter with its labels.
#[derive(Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

struct Note(String, Arc<Mutex<Vec<String>>>);

impl CounterFn for Note {
    fn increment(&self, value: u64) {
        self.1.lock().unwrap().push(format!("{} +{value}", self.0));
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for Notes {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<_> = key.labels().map(|label| label.value()).collect();
        Counter::from_arc(Arc::new(Note(format!("{} {}", key.name(), labels.join(" ")), self.0.clone())))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn every_request_is_counted_by_operation_and_status() {
    let notes = Notes::default();
    with_local_recorder(&notes, || {
        let service = Service::new();
        for line in [
            "HEAD /api/health",
            "POST /api/hubs/chat/groups/g/:send",
            "PUT /api/hubs/chat/groups/g/connections/nobody",
            "GET /api/health",
            "GET /api/%FF",
        ] {
            service.call(line).send();
        }
    });
    let name = "webpubsub_rest_requests_total";
    let expected = [
        "HealthCheck 200",
        "SendToGroup 202",
        "AddConnectionToGroup 404",
        "Uncategorized 405",
        "Uncategorized 400",
    ];
    assert_eq!(*notes.0.lock().unwrap(), expected.map(|labels| format!("{name} {labels} +1")));
}
