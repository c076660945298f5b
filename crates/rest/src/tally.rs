use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use metrics::Counter;

use crate::operation::Operation;

/// Counts what was answered, by operation and status.
///
/// It keeps the counters that it has used: looking one up by its labels costs more than anything else that a publish does here.
#[derive(Default)]
pub(crate) struct Tally(Mutex<HashMap<(Operation, StatusCode), Counter>>);

impl Tally {
    pub(crate) fn count(&self, operation: Operation, status: StatusCode) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.entry((operation, status)).or_insert_with(|| counter(operation, status)).increment(1);
    }
}

fn counter(operation: Operation, status: StatusCode) -> Counter {
    // Nothing but a registered status is ever sent, so the label is bounded.
    let labels = [("operation", operation.name().to_owned()), ("status", status.as_str().to_owned())];
    metrics::counter!("webpubsub_rest_requests_total", &labels)
}
